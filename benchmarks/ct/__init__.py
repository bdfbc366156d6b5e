"""Measured claims about the images: real CT, rendered CT, and what tells them apart."""
