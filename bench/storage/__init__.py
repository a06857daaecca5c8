"""Files that outlive the process: written whole or not at all, locked, hashed, with their origin."""
