"""Distances between gradients."""
