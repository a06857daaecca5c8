"""Turns configs/ and the words of the command line into a checked config, and a config into objects."""
