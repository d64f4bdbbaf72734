"""Skin in pixels: its colour, the angle that stands for its tone, and where in an image it is.

Numbers only, for every part of the product: neither Django, nor a study, nor a network.
"""
