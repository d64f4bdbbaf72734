"""Quality of sets of images, as numbers."""
