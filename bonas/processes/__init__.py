"""Processes that bonas starts: how they begin, what is sent to them, and how they are ended."""
