"""Scores one model on one task with lm-eval."""
