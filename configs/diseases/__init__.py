"""Diseases: how much; the knowledge graph says what causes what."""
