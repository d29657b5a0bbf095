"""The merge job: the residual carried over to another model."""
