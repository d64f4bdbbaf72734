"""Training of the built-in generators."""
