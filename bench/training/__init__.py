"""A classifier trained under a defence: what the defence costs."""
