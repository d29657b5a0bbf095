"""Whether all that a store holds is what its records say."""
