"""Artifacts, their manifests, and the releases that name them."""
