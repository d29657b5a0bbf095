"""Runs a rendered workflow on this machine, as processes."""
