"""Attacks that reconstruct sentences."""
