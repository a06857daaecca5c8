"""Metrics score a reconstruction against the truth: one file per metric, and the scorer that runs them."""
