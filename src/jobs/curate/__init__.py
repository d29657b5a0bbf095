"""The curate job: removes what should not be trained on, and counts it."""
