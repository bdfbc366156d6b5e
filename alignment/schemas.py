"""Every table that a dataset holds: names, types, units and meaning, in one place.

``tables/`` is what a site would record; ``truth/`` is what only the simulator knows. Days are
counted from the patient's ``index_date`` (day 0 = start of first-line systemic therapy).
Categorical columns are dictionary-encoded strings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

SCHEMA_VERSION = 1
"""Written into the manifest; ``load`` refuses a dataset whose version it does not know."""

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
STOP_REASONS = ("progression", "completed", "death", "ongoing")
PFS_CAUSES = ("target", "nontarget", "new_lesion", "death", "none")
CENSOR_REASONS = ("none", "administrative")
VISIT_KINDS = ("baseline", "cycle", "scan", "follow_up")
SPLITS = ("train", "tuning", "held_out")


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``unit`` is UCUM; ``""`` where none applies."""

    name: str
    type: pa.DataType
    unit: str
    meaning: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One Parquet file. ``key``: columns that together are unique."""

    name: str
    folder: Literal["tables", "truth", ""]
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def arrow(self) -> pa.Schema:
        """Arrow schema with names, types and nullability."""
        return pa.schema([pa.field(c.name, c.type, c.nullable) for c in self.columns])

    @property
    def path(self) -> str:
        """Path below the dataset folder."""
        return "/".join(part for part in (self.folder, f"{self.name}.parquet") if part)


TEXT = pa.dictionary(pa.int32(), pa.string())
I8, I16, I32, F32, F64, BOOL = (
    pa.int8(),
    pa.int16(),
    pa.int32(),
    pa.float32(),
    pa.float64(),
    pa.bool_(),
)
DATE = pa.date32()

_PATIENT = Column("patient_id", TEXT, "", "P and seven digits; the digits key all randomness")
_DAY = Column("day", I32, "d", "days since index_date")

PATIENTS = Table(
    "patients",
    "tables",
    ("patient_id",),
    (
        _PATIENT,
        Column("age", I16, "a", "whole years at index"),
        Column("sex", TEXT, "", "male or female"),
        Column("ancestry", TEXT, "", "european, african, east_asian or admixed_american"),
        Column("smoking_status", TEXT, "", "never, former or current"),
        Column("pack_years", F64, "{pack}.a", "packs a day times years; 0 for never-smokers"),
        Column("height_cm", F64, "cm", "standing height, one decimal"),
        Column("weight_kg", F64, "kg", "weight at index, one decimal"),
        Column("ecog", I8, "", "ECOG performance status at index"),
        Column("histology", TEXT, "", "adenocarcinoma, squamous or large_cell"),
        Column("t", TEXT, "", "TNM 8th edition T"),
        Column("n", TEXT, "", "TNM 8th edition N"),
        Column("m", TEXT, "", "TNM 8th edition M"),
        Column("stage", TEXT, "", "stage group derived from T, N, M"),
        Column("pdl1_tps", I16, "%", "PD-L1 tumour proportion score, whole per cent"),
        Column("tmb", F64, "{mut}/Mb", "tumour mutational burden, two decimals"),
        Column("index_date", DATE, "", "calendar date of day 0"),
    ),
)

VISITS = Table(
    "visits",
    "tables",
    ("patient_id", "day", "kind"),
    (
        _PATIENT,
        _DAY,
        Column("kind", TEXT, "", "baseline, cycle, scan or follow_up"),
        Column("line", I8, "", "line of therapy at the visit; 0 before the first"),
    ),
)

LESIONS = Table(
    "lesions",
    "tables",
    ("patient_id", "day", "lesion_id"),
    (
        _PATIENT,
        _DAY,
        Column("lesion_id", TEXT, "", "L01, L02, ...; the same lesion keeps its id over visits"),
        Column("site", TEXT, "", "lung, mediastinal_node, pleura, liver, ..."),
        Column("lobe", TEXT, "", "RUL, RML, RLL, LUL or LLL for lung lesions", nullable=True),
        Column("side", TEXT, "", "right, left or midline", nullable=True),
        Column(
            "long_axis_mm",
            F64,
            "mm",
            "as the reader measured it, whole mm; null where not measurable; 0 where gone",
            nullable=True,
        ),
        Column(
            "short_axis_mm",
            F64,
            "mm",
            "perpendicular short axis as measured, whole mm",
            nullable=True,
        ),
        Column("is_target", BOOL, "", "RECIST 1.1 target lesion"),
        Column("is_new", BOOL, "", "first seen after baseline"),
    ),
)

RESPONSES_TABLE = Table(
    "responses",
    "tables",
    ("patient_id", "day", "assessor"),
    (
        _PATIENT,
        _DAY,
        Column("sld_mm", F64, "mm", "sum of target diameters as measured (short axis for nodes)"),
        Column("target_response", TEXT, "", "CR, PR, SD, PD or NE"),
        Column("nontarget_response", TEXT, "", "CR, NON-CR/NON-PD, PD, NE or NA"),
        Column("new_lesion", BOOL, "", "a new lesion was seen at this assessment"),
        Column("overall_response", TEXT, "", "CR, PR, SD, PD or NE"),
        Column("assessor", TEXT, "", "investigator"),
    ),
)

TREATMENTS = Table(
    "treatments",
    "tables",
    ("patient_id", "line"),
    (
        _PATIENT,
        Column("line", I8, "", "1, 2, ..."),
        Column("regimen", TEXT, "", "name of the regimen"),
        Column("rxnorm", TEXT, "", "RxNorm ingredient codes, joined by '+'"),
        Column("start_day", I32, "d", "first dose"),
        Column(
            "stop_day", I32, "d", "day of the decision to stop; null while ongoing", nullable=True
        ),
        Column("stop_reason", TEXT, "", "progression, completed, death or ongoing"),
    ),
)

LABS = Table(
    "labs",
    "tables",
    ("patient_id", "day", "loinc"),
    (
        _PATIENT,
        _DAY,
        Column("loinc", TEXT, "", "LOINC code"),
        Column("name", TEXT, "", "analyte"),
        Column("value", F64, "", "as reported, rounded to the analyte's precision, in unit"),
        Column("unit", TEXT, "", "UCUM"),
        Column("flag", TEXT, "", "L, N or H against the reference interval"),
        Column("ctcae_grade", I8, "", "CTCAE v5 grade, 0 where none applies"),
    ),
)

VARIANTS = Table(
    "variants",
    "tables",
    ("patient_id", "gene", "hgvs_c"),
    (
        _PATIENT,
        Column("gene", TEXT, "", "HGNC symbol"),
        Column("hgnc", TEXT, "", "HGNC id, HGNC:3236"),
        Column("hgvs_c", TEXT, "", "HGVS coding change with transcript"),
        Column("hgvs_p", TEXT, "", "HGVS protein change"),
        Column("chrom", TEXT, "", "GRCh38, chr7"),
        Column("pos", I32, "", "1-based GRCh38 position as in the VCF"),
        Column("ref", TEXT, "", "reference allele"),
        Column("alt", TEXT, "", "alternate allele or breakend"),
        Column("vaf", F64, "1", "variant allele fraction, three decimals"),
        Column("origin", TEXT, "", "somatic or germline"),
    ),
)

EVENTS = Table(
    "events",
    "tables",
    ("patient_id", "day", "code"),
    (
        _PATIENT,
        _DAY,
        Column("code", TEXT, "", "code in system"),
        Column("system", TEXT, "", "NCIT, HPO, SNOMED CT, ..."),
        Column("name", TEXT, "", "plain name"),
        Column("grade", I8, "", "CTCAE v5 grade; 0 where none applies"),
    ),
)

SURVIVAL = Table(
    "survival",
    "tables",
    ("patient_id", "study_id", "line"),
    (
        _PATIENT,
        Column("study_id", TEXT, "", "the study whose time zero origin_day is"),
        Column("line", I8, "", "line of therapy"),
        Column("origin_day", I32, "d", "time zero: start of this line"),
        Column("os_days", I32, "d", "origin to death or censoring"),
        Column("os_event", BOOL, "", "death observed"),
        Column("pfs_days", I32, "d", "origin to first progression, death or censoring"),
        Column("pfs_event", BOOL, "", "progression or death observed"),
        Column("pfs_cause", TEXT, "", "target, nontarget, new_lesion, death or none"),
        Column("assessor", TEXT, "", "investigator"),
        Column("censor_reason", TEXT, "", "of overall survival: none or administrative"),
    ),
)

TRUTH_PATIENTS = Table(
    "patients",
    "truth",
    ("patient_id", "variable"),
    (
        _PATIENT,
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
        _PATIENT,
        _DAY,
        Column("lesion_id", TEXT, "", "as in tables/lesions"),
        Column("long_axis_mm", F32, "mm", "latent long axis, as rendered", nullable=True),
        Column("short_axis_mm", F32, "mm", "latent short axis, as rendered", nullable=True),
    ),
)

TRUTH_LABS = Table(
    "labs",
    "truth",
    ("patient_id", "day", "loinc"),
    (
        _PATIENT,
        _DAY,
        Column("loinc", TEXT, "", "LOINC code"),
        Column("value", F32, "", "latent value before analytical error, unrounded"),
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
        _PATIENT,
        _DAY,
        Column("digest", TEXT, "", "sha256 of the plan's canonical JSON"),
        Column("plan", pa.string(), "", "EncounterPlan as canonical JSON"),
    ),
)

TRUTH_RENDERING = Table(
    "rendering",
    "truth",
    ("patient_id", "day", "finding_id", "modality"),
    (
        _PATIENT,
        _DAY,
        Column("finding_id", TEXT, "", "lesion id"),
        Column("modality", TEXT, "", "ct"),
        Column("rendered", BOOL, "", "the finding is in the pixels"),
        Column("reason", TEXT, "", "why not, where not", nullable=True),
        Column("segment", I16, "", "segment number in the SEG", nullable=True),
    ),
)

NOTES = Table(
    "notes",
    "",
    ("patient_id", "day", "kind"),
    (
        _PATIENT,
        _DAY,
        Column("kind", TEXT, "", "ct_chest_report"),
        Column("path", pa.string(), "", "text file below the dataset folder"),
        Column("author", TEXT, "", "grammar or the language model's name"),
        Column("text", pa.string(), "", "the whole report"),
    ),
)

SPLITS_TABLE = Table(
    "splits",
    "",
    ("patient_id",),
    (_PATIENT, Column("split", TEXT, "", "train, tuning or held_out")),
)

OBSERVED = (
    PATIENTS,
    VISITS,
    LESIONS,
    RESPONSES_TABLE,
    TREATMENTS,
    LABS,
    VARIANTS,
    EVENTS,
    SURVIVAL,
)
TRUTH = (
    TRUTH_PATIENTS,
    TRUTH_LESIONS,
    TRUTH_LABS,
    TRUTH_NOISE,
    TRUTH_PLANS,
    TRUTH_RENDERING,
)
EXTRA = (NOTES, SPLITS_TABLE)
ALL: dict[str, Table] = {table.path: table for table in (*OBSERVED, *TRUTH, *EXTRA)}
