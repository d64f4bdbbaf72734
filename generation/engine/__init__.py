"""The generation engine: turns requests into images. It knows no Django."""
