"""Measures of the reports: truth, disagreement, diversity, leaks, speed, pages to read."""
