"""A database backend: Django's own for PostgreSQL, over an embedded server started when needed."""
