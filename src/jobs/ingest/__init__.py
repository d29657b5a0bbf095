"""The ingest job: a model from the hub or a folder into the store."""
