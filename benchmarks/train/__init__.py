"""train beside a plain loop."""
