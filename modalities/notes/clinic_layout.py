"""Sections of an oncology clinic note: their titles, which style has which, their order."""

from __future__ import annotations

CAUSES = {"toxicity": "toxicity", "neutrophils": "neutrophils",
          "neutrophils or platelets": "counts"}  # fmt: skip
SECTIONS = ("history", "treatment", "response", "status", "toxicity", "labs", "plan")
TITLES: tuple[dict[str, str], ...] = (
    {"history": "Diagnosis", "treatment": "Treatment", "response": "Response",
     "status": "Clinical status", "toxicity": "Toxicity", "labs": "Blood tests", "plan": "Plan"},
    {"history": "HISTORY", "treatment": "ONCOLOGICAL TREATMENT", "response": "IMAGING",
     "status": "INTERVAL HISTORY AND EXAMINATION", "toxicity": "ADVERSE EVENTS",
     "labs": "LABORATORY", "plan": "PLAN"},
    {"history": "Oncologic history", "treatment": "Current and prior therapy",
     "response": "Disease assessment", "status": "Subjective and objective",
     "toxicity": "Toxicities", "labs": "Labs", "plan": "Plan"},
    {"history": "Dx", "treatment": "Tx", "response": "Response", "status": "Status",
     "toxicity": "Tox", "labs": "Labs", "plan": "Plan"},
)  # fmt: skip
BY_STYLE = {"prose": (0, 1), "soap": (1, 2), "terse": (0, 3)}
ORDERS = (
    SECTIONS,
    ("history", "treatment", "status", "toxicity", "labs", "response", "plan"),
    ("history", "treatment", "toxicity", "status", "response", "labs", "plan"),
)
