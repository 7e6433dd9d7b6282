"""Lineage: what a study was created for, and the studies that continue it when that changes."""
