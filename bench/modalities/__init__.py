"""The kinds of private data, a file each: what reports say of them, and how they are scored and recorded."""
