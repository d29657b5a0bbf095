"""What runs when: the fleet file, the workflows, and the engine that runs them on one machine."""
