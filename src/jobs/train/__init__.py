"""The train job: DeepSpeed over packed rows."""
