"""What is known: terms, codes, evidence and the causal graph."""
