"""The check job: whether models can be merged, asked before anything is trained for it."""
