"""Diffusion: the network that renders Hounsfield units, its sampling and its training."""
