"""What only the simulator knows: ``truth/``."""

from __future__ import annotations

import pyarrow as pa

from alignment.schemas.columns import (
    BOOL,
    DAY,
    F32,
    F64,
    I8,
    I16,
    I32,
    PATIENT,
    TEXT,
    Column,
    Table,
)
from alignment.schemas.vocabulary import LAB_KEYS

TRUTH_PATIENTS = Table(
    "patients",
    "truth",
    ("patient_id", "variable"),
    (
        PATIENT,
        Column("variable", TEXT, "", "latent variable of the causal model; kg@2: of line 2"),
        Column("value", F64, "", "its value in the variable's unit", nullable=True),
        Column("level", TEXT, "", "its level, where it is categorical", nullable=True),
    ),
)

TRUTH_LESIONS = Table(
    "lesions",
    "truth",
    ("patient_id", "day", "lesion_id"),
    (
        PATIENT,
        DAY,
        Column("lesion_id", TEXT, "", "as in tables/lesions"),
        Column("long_axis_mm", F32, "mm", "latent long axis, as rendered", nullable=True),
        Column("short_axis_mm", F32, "mm", "latent short axis, as rendered", nullable=True),
    ),
)

TRUTH_EVENTS = Table(
    "events",
    "truth",
    ("patient_id", "day", "code"),
    (
        PATIENT,
        DAY,
        Column("code", TEXT, "", "HPO code of the adverse event"),
        Column("name", TEXT, "", "plain name"),
        Column("grade", I8, "", "CTCAE v5 grade as it was"),
        Column("reported", BOOL, "", "whether the investigator reported it"),
    ),
)

TRUTH_MARROW = Table(
    "marrow",
    "truth",
    ("patient_id", "day"),
    (
        PATIENT,
        Column("day", I32, "d", "day of the dose that opens the cycle"),
        Column("nadir_day", I32, "d", "day of the lowest neutrophil count before the next dose"),
        Column("nadir", F32, "10*9/L", "that count"),
        Column("days_below_half", I16, "d", "days with fewer than 0.5 10*9/L"),
    ),
)

TRUTH_MISSING = Table(
    "missing",
    "truth",
    ("patient_id", "day", "kind"),
    (
        PATIENT,
        DAY,
        Column("kind", TEXT, "", "visit, panel or vitals"),
        Column("mechanism", TEXT, "", "MCAR, MAR or MNAR"),
    ),
)

TRUTH_DEATHS = Table(
    "deaths",
    "truth",
    ("patient_id",),
    (
        PATIENT,
        Column("cancer_day", F64, "d", "day of death from the cancer, as if nothing else killed"),
        Column("other_day", F64, "d", "day of death from other causes, as if cancer did not"),
        Column("lost_day", F64, "d", "last visit of one who was lost or withdrew, as if alive"),
    ),
)

TRUTH_LABS = Table(
    "labs",
    "truth",
    ("patient_id", "day"),
    (
        PATIENT,
        DAY,
        *(
            Column(key, F32, "", "latent value in the unit of tables/labs; null: not drawn", True)
            for key in LAB_KEYS
        ),
    ),
)

TRUTH_NOISE = Table(
    "noise",
    "truth",
    ("variable",),
    (
        Column("variable", TEXT, "", "variable of the causal model"),
        Column(
            "key",
            TEXT,
            "",
            "Philox4x64 key, 32 hex digits; the counter is "
            "(patient // 4, step, slot, 0), the lane patient % 4",
        ),
    ),
)

TRUTH_PLANS = Table(
    "plans",
    "truth",
    ("patient_id", "day"),
    (
        PATIENT,
        DAY,
        Column("digest", TEXT, "", "sha256 of the plan's canonical JSON"),
        Column("plan", pa.string(), "", "EncounterPlan as canonical JSON"),
    ),
)

TRUTH_NOTE_PLANS = Table(
    "note_plans",
    "truth",
    ("patient_id", "day", "kind"),
    (
        PATIENT,
        DAY,
        Column("kind", TEXT, "", "clinic_note or molecular_report"),
        Column("digest", TEXT, "", "sha256 of the plan's canonical JSON"),
        Column("plan", pa.string(), "", "ClinicPlan or MolecularPlan as canonical JSON"),
    ),
)

TRUTH_RENDERING = Table(
    "rendering",
    "truth",
    ("patient_id", "day", "finding_id", "modality"),
    (
        PATIENT,
        DAY,
        Column("finding_id", TEXT, "", "lesion id"),
        Column("modality", TEXT, "", "ct"),
        Column("rendered", BOOL, "", "the finding is in the pixels"),
        Column("reason", TEXT, "", "why not, where not", nullable=True),
        Column("segment", I16, "", "segment number in the SEG", nullable=True),
        Column("description", TEXT, "", "how it was drawn, in words", nullable=True),
        Column("volume_ml", F32, "mL", "of an effusion, as drawn", nullable=True),
    ),
)

TRUTH = (
    TRUTH_PATIENTS,
    TRUTH_LESIONS,
    TRUTH_EVENTS,
    TRUTH_MARROW,
    TRUTH_MISSING,
    TRUTH_DEATHS,
    TRUTH_LABS,
    TRUTH_NOISE,
    TRUTH_PLANS,
    TRUTH_NOTE_PLANS,
    TRUTH_RENDERING,
)
