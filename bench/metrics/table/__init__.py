"""Metrics that compare rows of a table, and what they share."""
