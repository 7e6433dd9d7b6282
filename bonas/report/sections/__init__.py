"""Sections of a report: a module each, whose function ``section`` makes it of a search."""
