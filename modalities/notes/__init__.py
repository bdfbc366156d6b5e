"""Radiology reports from encounter plans.

Every author of reports has the signature of :func:`write_report`: the plan of a visit and that of
its prior in, a :class:`Report` out, whose ``facts`` say which characters state which fact.
"""

from modalities.notes.compose import AUTHOR, write_report
from modalities.notes.ct_chest import CONCEPTS, COVERED_SITES
from modalities.notes.report import FactKind, FactSpan, Report

__all__ = [
    "AUTHOR",
    "CONCEPTS",
    "COVERED_SITES",
    "FactKind",
    "FactSpan",
    "Report",
    "write_report",
]
