"""The words that coded columns may hold."""

from __future__ import annotations

from typing import Literal, get_args

SMOKING = ("never", "former", "current")
SEXES = ("male", "female")
LOBES = ("RUL", "RML", "RLL", "LUL", "LLL")
SIDES = ("right", "left", "midline")
SITES = (
    "lung",
    "mediastinal_node",
    "extrathoracic_node",
    "pleura",
    "liver",
    "adrenal",
    "bone",
    "brain",
)
NODE_SITES = ("mediastinal_node", "extrathoracic_node")
RESPONSES = ("CR", "PR", "SD", "PD", "NE")
NONTARGET_RESPONSES = ("CR", "NON-CR/NON-PD", "PD", "NE", "NA")
FLAGS = ("L", "N", "H")
ASSESSORS = ("investigator", "central")
INTENTS = ("curative", "adjuvant", "consolidation", "palliative", "supportive")
STOP_REASONS = ("progression", "toxicity", "completed", "withdrawal", "death", "ongoing")
DOSE_ACTIONS = ("given", "delayed", "reduced", "omitted")
PFS_CAUSES = ("target", "nontarget", "new_lesion", "death", "none")
DEATH_CAUSES = ("cancer", "other", "none")
CENSOR_REASONS = ("none", "administrative", "lost_to_follow_up", "withdrawal")
VISIT_KINDS = ("baseline", "cycle", "scan", "brain_scan", "follow_up")
NoteKind = Literal["ct_chest_report", "radiograph_report", "clinic_note", "molecular_report"]
NOTE_KINDS: tuple[NoteKind, ...] = get_args(NoteKind)
EVENT_CATEGORIES = ("progression", "recurrence", "death", "adverse_event")
MISSING_KINDS = ("visit", "panel", "vitals")
MECHANISMS = ("MCAR", "MAR", "MNAR")
SUMMARY_STAGES = ("localized", "regional", "distant")
SPLITS = ("train", "tuning", "held_out")
LAB_KEYS = (
    "haemoglobin",
    "leukocytes",
    "neutrophils",
    "lymphocytes",
    "platelets",
    "creatinine",
    "alt",
    "ast",
    "bilirubin",
    "albumin",
    "protein",
    "ldh",
    "cea",
    "cyfra",
    "calcium",
    "sodium",
    "glucose",
    "tsh",
)
