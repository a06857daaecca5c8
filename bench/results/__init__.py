"""Storing and querying results: parquet parts, DuckDB over them; no plotting."""
