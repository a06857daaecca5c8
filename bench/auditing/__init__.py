"""Audits one training step of a module of the user's own: `bench.audit`."""
