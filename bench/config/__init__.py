"""From configs/ and the command line to a checked config, and from a config to objects."""
