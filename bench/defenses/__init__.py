"""What a client does to its update before it shares it."""
