"""Every table that a dataset holds: names, types, units and meaning, in one place.

``tables/`` is what a site would record; ``truth/`` is what only the simulator knows. Days are
counted from the patient's ``index_date`` (day 0 = start of first-line systemic therapy).
Categorical columns are dictionary-encoded strings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

SCHEMA_VERSION = 2
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
ASSESSORS = ("investigator", "central")
INTENTS = ("curative", "adjuvant", "consolidation", "palliative", "supportive")
STOP_REASONS = ("progression", "toxicity", "completed", "withdrawal", "death", "ongoing")
DOSE_ACTIONS = ("given", "delayed", "reduced", "omitted")
PFS_CAUSES = ("target", "nontarget", "new_lesion", "death", "none")
DEATH_CAUSES = ("cancer", "other", "none")
CENSOR_REASONS = ("none", "administrative", "lost_to_follow_up", "withdrawal")
VISIT_KINDS = ("baseline", "cycle", "scan", "brain_scan", "follow_up")
EVENT_CATEGORIES = ("progression", "recurrence", "death", "adverse_event")
MISSING_KINDS = ("visit", "panel", "vitals")
MECHANISMS = ("MCAR", "MAR", "MNAR")
SUMMARY_STAGES = ("localized", "regional", "distant")
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
        Column("copd", BOOL, "", "chronic obstructive pulmonary disease at index"),
        Column("diabetes", BOOL, "", "diabetes mellitus at index"),
        Column("cardiovascular", BOOL, "", "coronary, cerebrovascular disease or heart failure"),
        Column("histology", TEXT, "", "adenocarcinoma, squamous, large_cell, adenosquamous or nos"),
        Column("t", TEXT, "", "TNM 8th edition T"),
        Column("n", TEXT, "", "TNM 8th edition N"),
        Column("m", TEXT, "", "TNM 8th edition M"),
        Column("stage", TEXT, "", "stage group derived from T, N, M"),
        Column("summary_stage", TEXT, "", "SEER: localized, regional or distant, not the same"),
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
        Column("kind", TEXT, "", "baseline, cycle, scan, brain_scan or follow_up"),
        Column("line", I8, "", "line of therapy at the visit; 0 before the first"),
    ),
)

VITALS = Table(
    "vitals",
    "tables",
    ("patient_id", "day"),
    (
        _PATIENT,
        _DAY,
        Column("weight_kg", F64, "kg", "one decimal", nullable=True),
        Column("ecog", I8, "", "ECOG performance status at the visit", nullable=True),
        Column("heart_rate", I16, "/min", "at rest", nullable=True),
        Column("systolic_bp", I16, "mm[Hg]", "systolic blood pressure", nullable=True),
        Column("spo2", I16, "%", "oxygen saturation on room air", nullable=True),
        Column("temperature", F64, "Cel", "one decimal", nullable=True),
    ),
)

SYMPTOMS = Table(
    "symptoms",
    "tables",
    ("patient_id", "day", "code"),
    (
        _PATIENT,
        _DAY,
        Column("code", TEXT, "", "HPO code, HP:0012735"),
        Column("name", TEXT, "", "plain name"),
        Column("grade", I8, "", "CTCAE v5 grade 1 to 3; no row where absent"),
    ),
)

LESIONS = Table(
    "lesions",
    "tables",
    ("patient_id", "day", "lesion_id", "assessor"),
    (
        _PATIENT,
        _DAY,
        Column("assessor", TEXT, "", "investigator, or central where the study has a review"),
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
        Column("assessor", TEXT, "", "investigator or central"),
    ),
)

BEST_RESPONSES = Table(
    "best_responses",
    "tables",
    ("patient_id", "line", "assessor"),
    (
        _PATIENT,
        Column("line", I8, "", "line of therapy"),
        Column("assessor", TEXT, "", "investigator or central"),
        Column("best_response", TEXT, "", "CR, PR, SD, PD or NE, unconfirmed"),
        Column("confirmed_response", TEXT, "", "CR and PR only if seen again >= 28 days later"),
    ),
)

TREATMENTS = Table(
    "treatments",
    "tables",
    ("patient_id", "line", "start_day"),
    (
        _PATIENT,
        Column("line", I8, "", "0: treatment with curative intent before line 1; 1, 2, ..."),
        Column("intent", TEXT, "", "curative, adjuvant, consolidation, palliative or supportive"),
        Column("regimen", TEXT, "", "name of the regimen"),
        Column("rxnorm", TEXT, "", "RxNorm ingredient codes, joined by '+'"),
        Column("start_day", I32, "d", "first dose"),
        Column(
            "stop_day", I32, "d", "day of the decision to stop; null while ongoing", nullable=True
        ),
        Column(
            "stop_reason", TEXT, "", "progression, toxicity, completed, withdrawal, death, ongoing"
        ),
    ),
)

DOSES = Table(
    "doses",
    "tables",
    ("patient_id", "day"),
    (
        _PATIENT,
        _DAY,
        Column("line", I8, "", "line of therapy"),
        Column("cycle", I16, "", "1, 2, ... within the line"),
        Column("regimen", TEXT, "", "name of the regimen"),
        Column("relative_dose", F64, "1", "share of the full dose; 0 where omitted"),
        Column("delay_days", I16, "d", "days after the planned day"),
        Column("action", TEXT, "", "given, delayed, reduced or omitted"),
        Column("reason", TEXT, "", "the event or value that led to it", nullable=True),
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
    ("patient_id", "day", "gene", "hgvs_c"),
    (
        _PATIENT,
        Column("day", I32, "d", "day of the specimen; later than 0: acquired under treatment"),
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
        Column("category", TEXT, "", "progression, recurrence, death or adverse_event"),
        Column("code", TEXT, "", "code in system"),
        Column("system", TEXT, "", "NCIT, HPO, SNOMED CT, ..."),
        Column("name", TEXT, "", "plain name"),
        Column("grade", I8, "", "CTCAE v5 grade; 0 where none applies"),
        Column("end_day", I32, "d", "last day; null while it lasts, or without one", nullable=True),
        Column("related_to", TEXT, "", "regimen it is attributed to", nullable=True),
    ),
)

CTDNA = Table(
    "ctdna",
    "tables",
    ("patient_id", "day"),
    (
        _PATIENT,
        _DAY,
        Column("tumour_fraction", F64, "1", "share of cell-free DNA; 0 below the detection limit"),
        Column("detected", BOOL, "", "at or above the detection limit"),
    ),
)

SURVIVAL = Table(
    "survival",
    "tables",
    ("patient_id", "study_id", "line", "assessor"),
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
        Column("assessor", TEXT, "", "of progression: investigator or central"),
        Column("cause_of_death", TEXT, "", "cancer, other or none"),
        Column(
            "censor_reason",
            TEXT,
            "",
            "of overall survival: none, administrative, lost_to_follow_up or withdrawal",
        ),
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

TRUTH_EVENTS = Table(
    "events",
    "truth",
    ("patient_id", "day", "code"),
    (
        _PATIENT,
        _DAY,
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
        _PATIENT,
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
        _PATIENT,
        _DAY,
        Column("kind", TEXT, "", "visit, panel or vitals"),
        Column("mechanism", TEXT, "", "MCAR, MAR or MNAR"),
    ),
)

TRUTH_DEATHS = Table(
    "deaths",
    "truth",
    ("patient_id",),
    (
        _PATIENT,
        Column("cancer_day", F64, "d", "day of death from the cancer, as if nothing else killed"),
        Column("other_day", F64, "d", "day of death from other causes, as if cancer did not"),
        Column("lost_day", F64, "d", "day of loss to follow-up or withdrawal, as if alive"),
    ),
)

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

TRUTH_LABS = Table(
    "labs",
    "truth",
    ("patient_id", "day"),
    (
        _PATIENT,
        _DAY,
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
    VITALS,
    SYMPTOMS,
    LESIONS,
    RESPONSES_TABLE,
    BEST_RESPONSES,
    TREATMENTS,
    DOSES,
    LABS,
    CTDNA,
    VARIANTS,
    EVENTS,
    SURVIVAL,
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
    TRUTH_RENDERING,
)
EXTRA = (NOTES, SPLITS_TABLE)
ALL: dict[str, Table] = {table.path: table for table in (*OBSERVED, *TRUTH, *EXTRA)}
