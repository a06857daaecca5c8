"""Files that outlive the process: atomic writes, the lock of a cell, hashes, and the origin of numbers."""
