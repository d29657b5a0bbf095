"""What artifacts hold, by kind: what one job writes and another reads."""
