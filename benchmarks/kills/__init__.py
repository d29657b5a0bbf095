"""Jobs killed at any moment, on both stores, and what is left of it: `make bench-kills`."""
