"""What a site would record: ``tables/``, notes and splits."""

from __future__ import annotations

import pyarrow as pa

from alignment.schemas.columns import (
    BOOL,
    DATE,
    DAY,
    F64,
    I8,
    I16,
    I32,
    PATIENT,
    TEXT,
    Column,
    Table,
)
from alignment.schemas.vocabulary import NOTE_KINDS

PATIENTS = Table(
    "patients",
    "tables",
    ("patient_id",),
    (
        PATIENT,
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
        PATIENT,
        DAY,
        Column("kind", TEXT, "", "baseline, cycle, scan, brain_scan or follow_up"),
        Column("line", I8, "", "line of therapy at the visit; 0 before the first"),
    ),
)

VITALS = Table(
    "vitals",
    "tables",
    ("patient_id", "day"),
    (
        PATIENT,
        DAY,
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
        PATIENT,
        DAY,
        Column("code", TEXT, "", "HPO code, HP:0012735"),
        Column("name", TEXT, "", "plain name"),
        Column("grade", I8, "", "as the patient grades it, by CTCAE v5, 1 to 3; no row if none"),
    ),
)

TOXICITIES = Table(
    "toxicities",
    "tables",
    ("patient_id", "day", "code"),
    (
        PATIENT,
        DAY,
        Column("line", I8, "", "line of therapy before the visit"),
        Column("code", TEXT, "", "HPO code, HP:0001875"),
        Column("name", TEXT, "", "plain name"),
        Column("grade", I8, "", "CTCAE v5 grade as recorded at the visit, worst since the last"),
    ),
)
"""An event of tables/events, visit by visit: its row there has the worst grade of the episode."""

LESIONS = Table(
    "lesions",
    "tables",
    ("patient_id", "day", "lesion_id", "assessor"),
    (
        PATIENT,
        DAY,
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
        PATIENT,
        DAY,
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
        PATIENT,
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
        PATIENT,
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
        PATIENT,
        DAY,
        Column("line", I8, "", "line of therapy"),
        Column("cycle", I16, "", "1, 2, ... within the line"),
        Column("regimen", TEXT, "", "name of the regimen"),
        Column("rxnorm", TEXT, "", "RxNorm ingredient codes given (or omitted) that day, by '+'"),
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
        PATIENT,
        DAY,
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
        PATIENT,
        Column("day", I32, "d", "day of the result; later than 0: acquired under treatment"),
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
        PATIENT,
        DAY,
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
        PATIENT,
        DAY,
        Column("tumour_fraction", F64, "1", "share of cell-free DNA; 0 below the detection limit"),
        Column("detected", BOOL, "", "at or above the detection limit"),
    ),
)

SURVIVAL = Table(
    "survival",
    "tables",
    ("patient_id", "study_id", "line", "assessor"),
    (
        PATIENT,
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

NOTES = Table(
    "notes",
    "",
    ("patient_id", "day", "kind"),
    (
        PATIENT,
        DAY,
        Column("kind", TEXT, "", ", ".join(NOTE_KINDS)),
        Column("path", pa.string(), "", "text file below the dataset folder"),
        Column("author", TEXT, "", "grammar or the language model's name"),
        Column("draws", I8, "", "the draft kept, from 1; all, where the grammar wrote; 0: none"),
        Column("model", TEXT, "", "sha256 of base and adapter, precision; empty likewise"),
        Column("facts", pa.string(), "", "JSON: [finding, kind, value, start, end] of each fact"),
        Column("text", pa.string(), "", "the whole report"),
    ),
)

SPLITS_TABLE = Table(
    "splits",
    "",
    ("patient_id",),
    (PATIENT, Column("split", TEXT, "", "train, tuning or held_out")),
)

OBSERVED = (
    PATIENTS,
    VISITS,
    VITALS,
    SYMPTOMS,
    TOXICITIES,
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
EXTRA = (NOTES, SPLITS_TABLE)
