"""What to try next: from what is known to a proposal."""
