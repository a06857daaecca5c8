"""Scores of a reconstruction against the truth: one file each, and the scorer that runs them."""
