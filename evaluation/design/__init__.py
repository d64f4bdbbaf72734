"""Study design as pure functions: which images, and in which order."""
