"""The segmenter: a small network that proposes where in a photograph the lesion is."""
