"""Runs a cell: what it is made of, its processes, its rows, and the suite that it belongs to."""
