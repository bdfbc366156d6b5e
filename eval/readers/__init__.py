"""Readers of every file kind in a dataset; they share nothing with what wrote the files."""
