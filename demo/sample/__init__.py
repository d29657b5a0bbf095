"""What makes the invented world."""
