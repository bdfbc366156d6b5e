"""Codes of anatomical sites, as SNOMED CT in PS3.16 has them."""

from __future__ import annotations

from highdicom.sr import CodedConcept, FindingSite
from pydicom.sr.codedict import codes

from alignment import identifiers
from alignment.plan import EncounterPlan, Finding

LOBES = {
    "RUL": codes.SCT.UpperLobeOfLung,
    "RML": codes.SCT.MiddleLobeOfRightLung,
    "RLL": codes.SCT.LowerLobeOfLung,
    "LUL": codes.SCT.UpperLobeOfLung,
    "LLL": codes.SCT.LowerLobeOfLung,
}
_SITES = {
    "lung": codes.SCT.Lung,
    "mediastinal_node": codes.SCT.MediastinalLymphNode,
    "pleura": codes.SCT.Pleura,
    "liver": codes.SCT.Liver,
    "adrenal": codes.SCT.AdrenalGland,
    "bone": codes.SCT.Bone,
}
COVERED = ("lung", "mediastinal_node", "pleura", "liver", "adrenal")
"""Sites whose lesions a chest CT reader measures; bones and outer nodes are only partly in it."""
SHOWN = tuple(_SITES)
"""Sites whose lesions are drawn, as far as the scan covers them."""
SIDES = {"right": codes.SCT.Right, "left": codes.SCT.Left}
LESION = CodedConcept.from_code(codes.SCT.Lesion)
_TYPES = {"pleura": codes.SCT.PleuralEffusion}


def property_type(finding: Finding) -> CodedConcept:
    """What a segment is: a lesion, or a pleural effusion."""
    return CodedConcept.from_code(_TYPES.get(finding.site, codes.SCT.Lesion))


def site_code(finding: Finding) -> CodedConcept:
    """Code of the lobe where one is known, else of the site."""
    lobe = LOBES.get(finding.lobe or "") if finding.site == "lung" else None
    return CodedConcept.from_code(_SITES[finding.site] if lobe is None else lobe)


def side_code(finding: Finding) -> CodedConcept | None:
    """Code of the side, None for what lies in the middle or has no side."""
    side = SIDES.get(finding.side or "")
    return None if side is None else CodedConcept.from_code(side)


def finding_site(finding: Finding) -> FindingSite:
    """Site with laterality, for TID 1500."""
    return FindingSite(anatomic_location=site_code(finding), laterality=side_code(finding))


def tracking_uid(plan: EncounterPlan, finding_id: str) -> str:
    """UID of one lesion, the same in every study of the patient."""
    return identifiers.dicom_uid(plan.seed, plan.patient_id, "lesion", finding_id)
