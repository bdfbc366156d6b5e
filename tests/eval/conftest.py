"""A tiny consistent dataset made by hand, and tools to break one thing at a time."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pysam
import pytest

from alignment import schemas
from alignment.schemas import Table

sys.path.insert(0, str(Path(__file__).parent))
import note_fixtures
from dicom_fixtures import effusion_ml, write_study

P0, P1, P2 = "P0000000", "P0000001", "P0000002"
INDEX = dt.date(2019, 3, 14)

# patient, day, id, site, lobe, side, long, short, target, new, latent long, latent short, and the
# central reader's long and short. P0 progresses by a new lesion; P1 by its target, which central
# denies; P2 is resected, recurs on day 400 and gets a new brain lesion that only brain scans show.
LESIONS = [
    (P0, -7, "L01", "lung", "RUL", "right", 30, 22, True, False, 31.5, 22.3, 33, 22),
    (P0, -7, "L02", "mediastinal_node", None, "right", 24, 18, True, False, 23.1, 17.6, 23, 17),
    (P0, -7, "L03", "bone", None, "left", None, None, False, False, None, None, None, None),
    (P0, 42, "L01", "lung", "RUL", "right", 18, 14, True, False, 19.2, 14.1, 19, 14),
    (P0, 42, "L02", "mediastinal_node", None, "right", 20, 14, True, False, 19.2, 14.4, 19, 14),
    (P0, 42, "L03", "bone", None, "left", None, None, False, False, None, None, None, None),
    (P0, 84, "L01", "lung", "RUL", "right", 21, 16, True, False, 20.2, 15.8, 19, 15),
    (P0, 84, "L02", "mediastinal_node", None, "right", 21, 15, True, False, 21.4, 14.9, 22, 15),
    (P0, 84, "L03", "bone", None, "left", None, None, False, False, None, None, None, None),
    (P0, 84, "L04", "lung", "LLL", "left", 13, 11, False, True, 13.3, 11.2, 14, 11),
    (P0, 84, "L05", "pleura", None, "left", None, None, False, True, None, None, None, None),
    (P1, -5, "L01", "lung", "LUL", "left", 40, 30, True, False, 41.2, 30.5, 40, 31),
    (P1, 40, "L01", "lung", "LUL", "left", 12, 9, True, False, 12.6, 9.5, 13, 10),
    (P1, 82, "L01", "lung", "LUL", "left", 17, 12, True, False, 16.4, 12.1, 16, 12),
    (P2, -9, "D01", "lung", "RLL", "right", 24, 20, True, False, 24.6, 20.1, 25, 20),
    (P2, 393, "L01", "lung", "LUL", "left", 20, 15, True, False, 20.6, 15.5, 21, 16),
    (P2, 393, "L02", "brain", None, None, 12, 10, False, False, 11.5, 9.6, 12, 9),
    (P2, 442, "L01", "lung", "LUL", "left", 10, 8, True, False, 9.8, 7.9, 10, 8),
    (P2, 484, "L01", "lung", "LUL", "left", 0, 0, True, False, 0.0, 0.0, 0, 0),
    (P2, 484, "L02", "brain", None, None, 0, 0, False, False, 0.0, 0.0, 0, 0),
    (P2, 526, "L01", "lung", "LUL", "left", 0, 0, True, False, 0.0, 0.0, 0, 0),
    (P2, 568, "L01", "lung", "LUL", "left", 0, 0, True, False, 0.0, 0.0, 0, 0),
    (P2, 568, "L02", "brain", None, None, 0, 0, False, False, 0.0, 0.0, 0, 0),
    (P2, 568, "L03", "brain", None, None, 9, 7, False, True, 9.1, 7.2, 9, 7),
]
DRAWN = {"lung": "solid, smooth", "pleura": "free fluid"}
"""Sites that are in the pixels, and how, in words."""
VISITS = [
    (P0, -7, "scan", 0),
    (P0, 0, "baseline", 1),
    (P0, 21, "cycle", 1),
    (P0, 42, "scan", 1),
    (P0, 84, "scan", 1),
    (P0, 105, "follow_up", 1),
    (P1, -5, "scan", 0),
    (P1, 0, "baseline", 1),
    (P1, 40, "scan", 1),
    (P1, 82, "scan", 1),
    (P2, -9, "scan", 0),
    (P2, 0, "baseline", 0),
    (P2, 393, "scan", 0),
    (P2, 393, "brain_scan", 0),
    (P2, 400, "baseline", 1),
    (P2, 442, "scan", 1),
    (P2, 484, "scan", 1),
    (P2, 484, "brain_scan", 1),
    (P2, 526, "scan", 1),
    (P2, 568, "scan", 1),
    (P2, 568, "brain_scan", 1),
    (P2, 589, "cycle", 2),
]
# patient, day, sum and target response of the investigator and of central, non-target, new,
# overall response of both
STAYS = "NON-CR/NON-PD"
RESPONSES = [
    (P0, 42, (32, "PR"), (33, "PR"), STAYS, False, ("PR", "PR")),
    (P0, 84, (36, "SD"), (34, "PR"), STAYS, True, ("PD", "PD")),
    (P1, 40, (12, "PR"), (13, "PR"), "NA", False, ("PR", "PR")),
    (P1, 82, (17, "PD"), (16, "PR"), "NA", False, ("PD", "PR")),
    (P2, 442, (10, "PR"), (10, "PR"), STAYS, False, ("PR", "PR")),
    (P2, 484, (0, "CR"), (0, "CR"), "CR", False, ("CR", "CR")),
    (P2, 526, (0, "CR"), (0, "CR"), STAYS, False, ("PR", "PR")),
    (P2, 568, (0, "CR"), (0, "CR"), "CR", True, ("PD", "PD")),
]
# patient, line, best and confirmed of the investigator, of central
BEST = [
    (P0, 1, ("PR", "SD"), ("PR", "SD")),
    (P1, 1, ("PR", "SD"), ("PR", "PR")),
    (P2, 1, ("CR", "PR"), ("CR", "PR")),
    (P2, 2, ("NE", "NE"), ("NE", "NE")),
]
TREATMENTS = [
    (P0, 1, "palliative", "docetaxel", "72962", 0, 84, "progression"),
    (P1, 1, "palliative", "osimertinib", "1721560", 0, 82, "progression"),
    (P2, 0, "curative", "surgery", "", 0, 0, "completed"),
    (P2, 0, "adjuvant", "platinum_pemetrexed", "40048+68446", 42, 126, "completed"),
    (P2, 1, "palliative", "pembrolizumab", "1547545", 400, 568, "progression"),
    (P2, 2, "palliative", "docetaxel", "72962", 589, None, "ongoing"),
]
EVENTS = [
    (P0, 10, "adverse_event", "HP:0001903", "anaemia", 2),
    (P0, 84, "progression", "C17747", "Disease Progression", 0),
    (P0, 150, "death", "C28554", "Death", 5),
    (P1, 82, "progression", "C17747", "Disease Progression", 0),
    (P1, 120, "death", "C28554", "Death", 5),
    (P2, 400, "recurrence", "C38155", "Recurrent Disease", 0),
    (P2, 568, "progression", "C17747", "Disease Progression", 0),
]
# patient, line, assessor, origin, os, died, pfs, event, cause, cause of death, censor reason
SURVIVAL = [
    (P0, 1, "investigator", 0, 150, True, 84, True, "new_lesion", "cancer", "none"),
    (P0, 1, "central", 0, 150, True, 84, True, "new_lesion", "cancer", "none"),
    (P1, 1, "investigator", 0, 120, True, 82, True, "target", "other", "none"),
    (P1, 1, "central", 0, 120, True, 82, False, "none", "other", "none"),
    (P2, 0, "investigator", 0, 620, False, 400, True, "new_lesion", "none", "administrative"),
    (P2, 1, "investigator", 400, 220, False, 168, True, "new_lesion", "none", "administrative"),
    (P2, 1, "central", 400, 220, False, 168, True, "new_lesion", "none", "administrative"),
    (P2, 2, "investigator", 589, 31, False, 0, False, "none", "none", "administrative"),
    (P2, 2, "central", 589, 31, False, 0, False, "none", "none", "administrative"),
]
REPORTS = {
    -7: """INDICATION: Staging of lung cancer. Known effusion?
TECHNIQUE: CT chest with contrast, 5 mm slices.
COMPARISON: None.

FINDINGS:
There is a spiculated mass in the right upper lobe measuring 30 x 22 mm. A right paratracheal
lymph node measures 24 x 18 mm. No pleural effusion. The liver and adrenal glands are unremarkable.
Lytic lesion in a left rib, suspicious for metastasis.

IMPRESSION:
1. Right upper lobe mass, 30 mm.
2. Mediastinal lymphadenopathy.
""",
    42: """FINDINGS:
Lungs: RUL mass 1.8 x 1.4 cm (prior 3.0 cm), smaller. No new pulmonary nodule.
Mediastinum: Right paratracheal node 20 x 14 mm, previously 24 mm, smaller.
Pleura: No effusion.
Upper abdomen: Normal.
Bones: Lytic left rib lesion.
IMPRESSION:
Decrease in size of the right upper lobe mass and the mediastinal node.
""",
    84: """FINDINGS:
The right upper lobe mass has increased from 18 mm to 21 x 16 mm. New 13 x 11 mm nodule in the
left lower lobe. Right paratracheal lymph node 21 x 15 mm, stable. Unchanged lytic lesion of a left
rib. New small left pleural effusion. No focal liver lesion. No adrenal mass.
IMPRESSION:
Dominant right upper lobe mass, 21 mm, larger. New left lower lobe nodule. Progressive disease.
""",
}
LABS = [
    # loinc, name, value, unit, flag, grade
    ("718-7", "haemoglobin", 9.4, "g/dL", "L", 2),
    ("751-8", "neutrophils", 0.9, "10*9/L", "L", 3),
    ("2160-0", "creatinine", 1.9, "mg/dL", "H", 2),
    ("2039-6", "CEA", 4.0, "ng/mL", "N", 0),
]
PEOPLE = [
    {
        "patient_id": P0,
        "age": 66,
        "sex": "male",
        "ancestry": "european",
        "smoking_status": "current",
        "pack_years": 40.0,
        "height_cm": 176.0,
        "weight_kg": 78.5,
        "ecog": 1,
        "copd": True,
        "diabetes": False,
        "cardiovascular": True,
        "histology": "squamous",
        "t": "T2a",
        "n": "N2",
        "m": "M1b",
        "stage": "IVA",
        "summary_stage": "distant",
        "pdl1_tps": 10,
        "tmb": 8.2,
        "index_date": INDEX,
    },
    {
        "patient_id": P1,
        "age": 58,
        "sex": "female",
        "ancestry": "east_asian",
        "smoking_status": "never",
        "pack_years": 0.0,
        "height_cm": 160.0,
        "weight_kg": 55.0,
        "ecog": 0,
        "copd": False,
        "diabetes": False,
        "cardiovascular": False,
        "histology": "adenocarcinoma",
        "t": "T3",
        "n": "N3",
        "m": "M0",
        "stage": "IIIC",
        "summary_stage": "distant",
        "pdl1_tps": 60,
        "tmb": 2.1,
        "index_date": INDEX,
    },
]
PEOPLE.append(
    PEOPLE[1]
    | {
        "patient_id": P2,
        "sex": "male",
        "smoking_status": "former",
        "pack_years": 12.0,
        "t": "T2a",
        "n": "N1",
        "m": "M0",
        "stage": "IIB",
        "summary_stage": "regional",
    }
)


def write(folder: Path, table: Table, rows: list[dict[str, Any]]) -> None:
    path = folder / table.path
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [column.name for column in table.columns]
    columns = {name: [row.get(name) for row in rows] for name in names}
    pq.write_table(pa.table(columns, schema=table.arrow), path)


def sign(folder: Path, **changes: Any) -> None:
    """Write the manifest that fits the files as they are now."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text()) if path.exists() else {}
    files = {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file != path and "report" not in file.parts
    }
    base = {
        "schema_version": schemas.SCHEMA_VERSION,
        "version": "0.1.0",
        "seed": 7,
        "config": {"reader_error": {"sd_mm": 0.8, "sd_share": 0.02}},
    }
    path.write_text(json.dumps({**base, **manifest, **changes, "files": files}))


def named(rows: list[tuple[Any, ...]], *names: str, **constant: Any) -> list[dict[str, Any]]:
    """Rows by column name, with columns that are the same in all."""
    return [dict(zip(names, row, strict=True)) | constant for row in rows]


def _lesion_rows() -> list[dict[str, Any]]:
    names = ("patient_id", "day", "lesion_id", "site", "lobe", "side", "long_axis_mm",
             "short_axis_mm", "is_target", "is_new")  # fmt: skip
    rows = named([row[:10] for row in LESIONS], *names, assessor="investigator")
    central = [(*row[:6], *row[12:], *row[8:10]) for row in LESIONS]
    return rows + named(central, *names, assessor="central")


def _response_rows() -> list[dict[str, Any]]:
    names = ("patient_id", "day", "nontarget_response", "new_lesion", "sld_mm", "target_response",
             "overall_response", "assessor")  # fmt: skip
    rows = []
    for patient, day, by_site, central, other, new, overall in RESPONSES:
        rows.append((patient, day, other, new, *by_site, overall[0], "investigator"))
        rows.append((patient, day, other, new, *central, overall[1], "central"))
    return named(rows, *names)


def _tables(folder: Path) -> None:
    write(folder, schemas.PATIENTS, PEOPLE)
    write(folder, schemas.LESIONS, _lesion_rows())
    write(folder, schemas.VISITS, named(VISITS, "patient_id", "day", "kind", "line"))
    write(folder, schemas.RESPONSES_TABLE, _response_rows())
    best = [(p, line, *b, "investigator") for p, line, b, _ in BEST]
    best += [(p, line, *b, "central") for p, line, _, b in BEST]
    names = ("patient_id", "line", "best_response", "confirmed_response", "assessor")
    write(folder, schemas.BEST_RESPONSES, named(best, *names))
    names = ("patient_id", "line", "intent", "regimen", "rxnorm", "start_day", "stop_day",
             "stop_reason")  # fmt: skip
    write(folder, schemas.TREATMENTS, named(TREATMENTS, *names))
    names = ("patient_id", "day", "loinc", "name", "value", "unit", "flag", "ctcae_grade")
    labs = [(P0, day, *row) for day in (0, 21) for row in LABS]
    write(folder, schemas.LABS, named(labs, *names))
    names = ("patient_id", "day", "category", "code", "name", "grade")
    write(folder, schemas.EVENTS, named(EVENTS, *names, system="NCIT"))
    names = ("patient_id", "line", "assessor", "origin_day", "os_days", "os_event", "pfs_days",
             "pfs_event", "pfs_cause", "cause_of_death", "censor_reason")  # fmt: skip
    write(folder, schemas.SURVIVAL, named(SURVIVAL, *names, study_id="index"))
    splits = [(P0, "train"), (P1, "held_out"), (P2, "train")]
    write(folder, schemas.SPLITS_TABLE, named(splits, "patient_id", "split"))
    _visit_tables(folder)


def _visit_tables(folder: Path) -> None:
    """What was measured and given at visits, of P0."""
    vitals = {"weight_kg": 78.5, "ecog": 1, "heart_rate": 80, "systolic_bp": 130, "spo2": 95}
    here = {"patient_id": P0, "day": 0}
    write(folder, schemas.VITALS, [here | vitals | {"temperature": 36.8}])
    cough = here | {"day": 21, "code": "HP:0012735", "name": "cough", "grade": 1}
    write(folder, schemas.SYMPTOMS, [cough])
    anaemia = here | {"day": 21, "line": 1, "code": "HP:0001903", "name": "anaemia", "grade": 2}
    write(folder, schemas.TOXICITIES, [anaemia])
    names = ("day", "cycle", "relative_dose", "delay_days", "action", "reason")
    doses = [(0, 1, 1.0, 0, "given", None), (21, 2, 0.75, 0, "reduced", "neutrophils")]
    constant = {"patient_id": P0, "line": 1, "regimen": "docetaxel", "rxnorm": "72962"}
    write(folder, schemas.DOSES, named(doses, *names, **constant))
    write(folder, schemas.CTDNA, [here | {"tumour_fraction": 0.05, "detected": True}])


def _truth(folder: Path) -> None:
    names = ("patient_id", "cancer_day", "other_day", "lost_day")
    deaths = [
        (P0, 150.0, 4000.0, math.inf),
        (P1, 701.0, 120.4, math.inf),
        (P2, 900.0, 5e3, math.inf),
    ]
    write(folder, schemas.TRUTH_DEATHS, named(deaths, *names))
    missing = {"patient_id": P0, "day": 42, "kind": "panel", "item": "panel", "mechanism": "MCAR"}
    write(folder, schemas.TRUTH_MISSING, [missing])
    event = {"patient_id": P0, "day": 21, "code": "HP:0001875", "name": "neutropenia", "grade": 3}
    write(folder, schemas.TRUTH_EVENTS, [event | {"reported": False}])
    marrow = {"patient_id": P0, "day": 0, "nadir_day": 9, "nadir": 0.4, "days_below_half": 3}
    write(folder, schemas.TRUTH_MARROW, [marrow])
    write(
        folder,
        schemas.TRUTH_LESIONS,
        [
            {
                "patient_id": r[0],
                "day": r[1],
                "lesion_id": r[2],
                "long_axis_mm": r[10],
                "short_axis_mm": r[11],
            }
            for r in LESIONS
        ],
    )
    rendering, plans = [], []
    for day in REPORTS:
        rows = [r for r in LESIONS if r[:2] == (P0, day)]
        rendering += [
            {
                "patient_id": P0,
                "day": day,
                "finding_id": r[2],
                "modality": "ct",
                "rendered": r[3] in DRAWN,
                "reason": None if r[3] in DRAWN else "site not rendered",
                "segment": None,
                "description": DRAWN.get(r[3]),
                "volume_ml": effusion_ml() if r[3] == "pleura" else None,
            }
            for r in rows
        ]
        plan = {
            "patient_id": P0,
            "day": day,
            "date": str(INDEX + dt.timedelta(days=day)),
            "findings": [
                {
                    "finding_id": r[2],
                    "site": r[3],
                    "lobe": r[4],
                    "side": r[5],
                    "measured_long_mm": r[6],
                    "measured_short_mm": r[7],
                }
                for r in rows
            ],
        }
        text = json.dumps(plan, sort_keys=True)
        plans.append(
            {
                "patient_id": P0,
                "day": day,
                "plan": text,
                "digest": hashlib.sha256(text.encode()).hexdigest(),
            }
        )
    write(folder, schemas.TRUTH_RENDERING, rendering)
    write(folder, schemas.TRUTH_PLANS, plans)


VARIANT = {
    "gene": "EGFR",
    "hgnc": "HGNC:3236",
    "hgvs_c": "NM_005228.5:c.2573T>G",
    "hgvs_p": "NP_005219.2:p.(Leu858Arg)",
    "chrom": "chr7",
    "pos": 55191822,
    "ref": "T",
    "alt": "G",
    "vaf": 0.312,
    "origin": "somatic",
}


RESISTANT = VARIANT | {
    "hgvs_c": "NM_005228.5:c.2369C>T",
    "hgvs_p": "NP_005219.2:p.(Thr790Met)",
    "pos": 55181378,
    "ref": "C",
    "alt": "T",
    "vaf": 0.104,
}
"""Acquired under treatment, found on the day of progression."""


def write_vcf(folder: Path, genotype: str = "0/1", af: float = 0.312) -> None:
    none = "0/0:0"
    cells = {
        "EGFR_T790M": (RESISTANT, [none, none, none, "0/1:0.104"]),
        "EGFR_L858R": (VARIANT, [none, f"{genotype}:{af}", none, none]),
    }
    records = [
        ["chr7", str(v["pos"]), name, v["ref"], v["alt"], ".", "PASS",
         f"GENE=EGFR;HGVSC={v['hgvs_c']};HGVSP={v['hgvs_p']}", "GT:AF", *samples]
        for name, (v, samples) in cells.items()
    ]  # fmt: skip
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
    lines = [
        "##fileformat=VCFv4.3",
        "##contig=<ID=chr7,length=159345973>",
        '##INFO=<ID=GENE,Number=1,Type=String,Description="gene">',
        '##INFO=<ID=HGVSC,Number=1,Type=String,Description="c">',
        '##INFO=<ID=HGVSP,Number=1,Type=String,Description="p">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">',
        '##FORMAT=<ID=AF,Number=A,Type=Float,Description="fraction">',
        "\t".join([*columns, P0, P1, P2, f"{P1}-D82"]),
        *("\t".join(record) for record in records),
    ]
    path = folder / "genomics" / "cohort.vcf.gz"
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    with pysam.BGZFile(str(path), "w") as stream:
        stream.write(("\n".join(lines) + "\n").encode())
    pysam.tabix_index(str(path), preset="vcf", force=True)


def _notes(folder: Path) -> None:
    rows = []
    reports = [(P0, day, "ct_chest_report", "ct", text) for day, text in REPORTS.items()]
    for patient, day, kind, prefix, text in reports + note_fixtures.notes():
        name = f"{prefix}-{'m' if day < 0 else 'd'}{abs(day):04d}"
        path = folder / "notes" / patient / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        rows.append(
            {
                "patient_id": patient,
                "day": day,
                "kind": kind,
                "path": path.relative_to(folder).as_posix(),
                "author": "hand",
                "draws": 0,
                "model": "",
                "facts": "[]",
                "text": text,
            }
        )
    write(folder, schemas.NOTES, rows)


@pytest.fixture(scope="session")
def consistent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three patients, three CT studies with SEG and SR, reports, labs, one variant: no fault."""
    folder = tmp_path_factory.mktemp("whole") / "tiny"
    folder.mkdir()
    _tables(folder)
    _truth(folder)
    _notes(folder)
    variants = [VARIANT | {"day": 0}, RESISTANT | {"day": 82}]
    write(folder, schemas.VARIANTS, [v | {"patient_id": P1} for v in variants])
    write_vcf(folder)
    for day in REPORTS:
        lesions = [r for r in LESIONS if r[:2] == (P0, day)]
        write_study(folder, P0, day, INDEX + dt.timedelta(days=day), lesions)
    sign(folder)
    return folder


@pytest.fixture
def dataset(consistent: Path, tmp_path: Path) -> Path:
    """A copy that a test may break."""
    return Path(shutil.copytree(consistent, tmp_path / "tiny"))


@pytest.fixture
def dataset_without_letters(dataset: Path) -> Path:
    """With CT reports alone: clinic, molecular and radiograph notes quote the tables, so that what
    is wrong there is wrong twice (test_note_contradictions.py)."""

    def keep(notes: pd.DataFrame) -> pd.DataFrame:
        kept = notes["kind"] == "ct_chest_report"
        for path in notes["path"][~kept]:
            (dataset / path).unlink()
        return notes[kept]

    edit_table(dataset, schemas.NOTES, keep)
    return dataset


Edit = Callable[[pd.DataFrame], pd.DataFrame]


def edit_table(folder: Path, table: Table, change: Edit) -> None:
    """Read a table, change it as a frame of plain objects, write it back in its schema."""
    path = folder / table.path
    frame = pq.read_table(path).to_pandas()
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.CategoricalDtype):
            frame[name] = frame[name].astype(object)
    frame = change(frame)
    pq.write_table(pa.Table.from_pandas(frame, schema=table.arrow, preserve_index=False), path)
