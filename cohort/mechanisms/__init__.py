"""Mechanisms: ``value = f(parents, noise)``, one module a theme."""
