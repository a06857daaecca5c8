"""Distances between gradients, which attacks minimise."""
