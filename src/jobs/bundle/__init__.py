"""Seals the data sets of an evaluation suite."""
