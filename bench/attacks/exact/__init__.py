"""Attacks with their own algorithm, whose result is exact if the conditions of the algorithm hold."""
