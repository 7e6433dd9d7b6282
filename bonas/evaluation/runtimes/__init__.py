"""Runtimes: where a network runs once it was found, and the forms in which it gets there."""
