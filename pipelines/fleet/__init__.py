"""The fleet file: its model, and how one is read."""
