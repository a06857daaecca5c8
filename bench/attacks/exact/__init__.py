"""Attacks with an algorithm of their own, which is exact where its conditions hold."""
