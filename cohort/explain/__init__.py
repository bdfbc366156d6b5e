"""Why: the causal graph around a variable, and why one patient has one value."""

from cohort.explain.drawing import draw_variable
from cohort.explain.text import explain_variable



__all__ = [
    "TracedModel",
    "Why",
    "draw_variable",
    "explain_value",
    "explain_variable",
    "trace_model",
]
