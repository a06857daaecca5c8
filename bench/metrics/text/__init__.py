"""Metrics of sentences: one file per metric, and the scorer that runs them on tokens."""
