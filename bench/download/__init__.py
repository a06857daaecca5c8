"""Downloads files: over HTTP, from the package index, or from a hub."""
