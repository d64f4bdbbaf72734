"""The API that the reading page speaks."""
