"""The commands of ``perennial``, each a function that `pipelines.cli` gives a name."""
