"""Every run, and every disease, as data."""
