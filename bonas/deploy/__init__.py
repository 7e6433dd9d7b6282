"""From the front of a search to a model in use."""
