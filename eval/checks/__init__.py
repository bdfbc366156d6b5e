"""The checks, one file a theme; ``tables`` and ``studies`` list them in the order of the report."""
