"""Makes the artifacts of a run again, and compares their digests with those recorded."""
