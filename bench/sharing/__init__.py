"""What laboratories exchange: entries that are exported, imported, merged and verified."""
