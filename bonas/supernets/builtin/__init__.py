"""How the networks of the built-in spaces share their weights: by role, not by position."""
