"""Whether models may be added, and how what is not weights comes together."""
