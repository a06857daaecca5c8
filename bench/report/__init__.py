"""What a reader gets: leaderboards, tables, figures, made from the store alone."""
