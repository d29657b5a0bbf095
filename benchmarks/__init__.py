"""Every performance figure of the project, measured, beside its peer in the same run."""
