"""Ablation: what synthetic images add to the training of a classifier."""
