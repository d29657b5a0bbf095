"""What a run's artifacts say."""
