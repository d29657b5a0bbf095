"""Releases candidates that the gate lets pass: ``python -m jobs.promote``."""
