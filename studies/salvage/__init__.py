"""Salvage: what can be read of a damaged storage is copied into a new one."""
