"""The world of an end-to-end test, in a namespace: an S3 server, a news mirror, the chart."""
