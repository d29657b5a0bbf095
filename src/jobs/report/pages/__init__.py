"""How the report shows it."""
