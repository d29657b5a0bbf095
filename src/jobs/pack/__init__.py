"""The pack job: articles or conversations into rows of tokens."""
