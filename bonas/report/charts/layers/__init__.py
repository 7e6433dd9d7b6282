"""What a chart draws: one kind of layer per file."""
