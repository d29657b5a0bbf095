"""The sum of weights: pure, no input or output."""
