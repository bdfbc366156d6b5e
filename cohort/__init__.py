"""Who the patients are: the causal model and its tables."""
