"""How a file gets onto this machine: over HTTP, from the package index, from a hub."""
