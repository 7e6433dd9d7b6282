"""Figures that sections of a report show, and how sure they are."""
