"""Notes from plans: reports of CT and radiographs, clinic notes, molecular pathology reports.

An author takes the plan of a visit (and, for images, that of its prior) and gives a
:class:`Report`, whose ``facts`` say which characters state which fact.
"""

from modalities.notes.clinic_note import write_clinic_note
from modalities.notes.compose import AUTHOR, write_report
from modalities.notes.ct_chest import CONCEPTS, COVERED_SITES
from modalities.notes.molecular_report import write_molecular_report
from modalities.notes.radiograph_report import write_radiograph_report
from modalities.notes.report import FactKind, FactSpan, Report

__all__ = [
    "AUTHOR",
    "CONCEPTS",
    "COVERED_SITES",
    "FactKind",
    "FactSpan",
    "Report",
    "write_clinic_note",
    "write_molecular_report",
    "write_radiograph_report",
    "write_report",
]
