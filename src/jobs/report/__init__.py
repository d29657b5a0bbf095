"""Reports on a run and gates its candidates: ``python -m jobs.report``."""
