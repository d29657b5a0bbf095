"""The merge beside mergekit, a plain loop and the floors: `make bench-merge`."""
