"""Storages of studies: how they are opened, retried and locked, and what their errors say."""
