"""Hera definitions of what Argo runs."""
