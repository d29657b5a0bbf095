"""The demo: a small invented world, its news, its questions and its instructions."""
