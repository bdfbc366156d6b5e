"""Why: the causal graph around a variable, and why one patient has one value."""

from cohort.explain.text import explain_variable
from cohort.explain.trace import TracedModel, trace_model
from cohort.explain.why import Why, explain_value

__all__ = ["TracedModel", "Why", "explain_value", "explain_variable", "trace_model"]
