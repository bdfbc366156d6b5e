"""A tiny consistent dataset made by hand, and tools to break one thing at a time."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
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
from dicom_fixtures import write_study

P0, P1 = "P0000000", "P0000001"
INDEX = dt.date(2019, 3, 14)

# patient, day, id, site, lobe, side, long, short, target, new, latent long, latent short
LESIONS = [
    (P0, -7, "L01", "lung", "RUL", "right", 30, 22, True, False, 31.5, 22.3),
    (P0, -7, "L02", "mediastinal_node", None, "right", 24, 18, True, False, 23.1, 17.6),
    (P0, -7, "L03", "bone", None, "left", None, None, False, False, None, None),
    (P0, 42, "L01", "lung", "RUL", "right", 18, 14, True, False, 19.2, 14.1),
    (P0, 42, "L02", "mediastinal_node", None, "right", 20, 14, True, False, 19.2, 14.4),
    (P0, 42, "L03", "bone", None, "left", None, None, False, False, None, None),
    (P0, 84, "L01", "lung", "RUL", "right", 21, 16, True, False, 20.2, 15.8),
    (P0, 84, "L02", "mediastinal_node", None, "right", 21, 15, True, False, 21.4, 14.9),
    (P0, 84, "L03", "bone", None, "left", None, None, False, False, None, None),
    (P0, 84, "L04", "lung", "LLL", "left", 13, 11, False, True, 13.3, 11.2),
    (P1, -5, "L01", "lung", "LUL", "left", 40, 30, True, False, 41.2, 30.5),
    (P1, 40, "L01", "lung", "LUL", "left", 0, 0, True, False, 0.0, 0.0),
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
rib. No pleural effusion. No focal liver lesion. No adrenal mass.
IMPRESSION:
New left lower lobe nodule.
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
        "histology": "squamous",
        "t": "T2a",
        "n": "N2",
        "m": "M1b",
        "stage": "IVA",
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
        "histology": "adenocarcinoma",
        "t": "T3",
        "n": "N0",
        "m": "M1a",
        "stage": "IVA",
        "pdl1_tps": 60,
        "tmb": 2.1,
        "index_date": INDEX,
    },
]


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
        "schema_version": 1,
        "version": "0.1.0",
        "seed": 7,
        "config": {"reader_error": {"sd_mm": 0.8, "sd_share": 0.02}},
    }
    path.write_text(json.dumps({**base, **manifest, **changes, "files": files}))


def _tables(folder: Path) -> None:
    names = (
        "patient_id",
        "day",
        "lesion_id",
        "site",
        "lobe",
        "side",
        "long_axis_mm",
        "short_axis_mm",
        "is_target",
        "is_new",
    )
    write(folder, schemas.PATIENTS, PEOPLE)
    write(folder, schemas.LESIONS, [dict(zip(names, row, strict=False)) for row in LESIONS])
    write(
        folder,
        schemas.VISITS,
        [
            {"patient_id": p, "day": d, "kind": k, "line": line}
            for p, d, k, line in [
                (P0, -7, "baseline", 0),
                (P0, 42, "scan", 1),
                (P0, 84, "scan", 1),
                (P1, -5, "baseline", 0),
                (P1, 40, "scan", 1),
            ]
        ],
    )
    responses = [
        (P0, 42, 32.0, "PR", "NON-CR/NON-PD", False, "PR"),
        (P0, 84, 36.0, "SD", "NON-CR/NON-PD", True, "PD"),
        (P1, 40, 0.0, "CR", "NA", False, "CR"),
    ]
    keys = (
        "patient_id",
        "day",
        "sld_mm",
        "target_response",
        "nontarget_response",
        "new_lesion",
        "overall_response",
    )
    write(
        folder,
        schemas.RESPONSES_TABLE,
        [dict(zip(keys, row, strict=True)) | {"assessor": "investigator"} for row in responses],
    )
    write(
        folder,
        schemas.TREATMENTS,
        [
            {
                "patient_id": P0,
                "line": 1,
                "regimen": "docetaxel",
                "rxnorm": "72962",
                "start_day": 0,
                "stop_day": 84,
                "stop_reason": "progression",
            },
            {
                "patient_id": P1,
                "line": 1,
                "regimen": "osimertinib",
                "rxnorm": "1721560",
                "start_day": 0,
                "stop_day": None,
                "stop_reason": "ongoing",
            },
        ],
    )
    write(
        folder,
        schemas.LABS,
        [
            {
                "patient_id": P0,
                "day": d,
                "loinc": loinc,
                "name": n,
                "value": v,
                "unit": u,
                "flag": f,
                "ctcae_grade": g,
            }
            for d in (0, 21)
            for loinc, n, v, u, f, g in LABS
        ],
    )
    write(
        folder,
        schemas.EVENTS,
        [
            {
                "patient_id": P0,
                "day": 150,
                "code": "C28554",
                "system": "NCIT",
                "name": "Death",
                "grade": 5,
            }
        ],
    )
    base = {"study_id": "index", "line": 1, "origin_day": 0, "assessor": "investigator"}
    write(
        folder,
        schemas.SURVIVAL,
        [
            base
            | {
                "patient_id": P0,
                "os_days": 150,
                "os_event": True,
                "pfs_days": 84,
                "pfs_event": True,
                "pfs_cause": "new_lesion",
                "censor_reason": "none",
            },
            base
            | {
                "patient_id": P1,
                "os_days": 60,
                "os_event": False,
                "pfs_days": 40,
                "pfs_event": False,
                "pfs_cause": "none",
                "censor_reason": "administrative",
            },
        ],
    )
    write(
        folder,
        schemas.SPLITS_TABLE,
        [{"patient_id": P0, "split": "train"}, {"patient_id": P1, "split": "held_out"}],
    )


def _truth(folder: Path) -> None:
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
                "rendered": r[3] == "lung",
                "reason": None if r[3] == "lung" else "site not rendered",
                "segment": None,
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


def write_vcf(folder: Path, genotype: str = "0/1", af: float = 0.312) -> None:
    v = VARIANT
    lines = [
        "##fileformat=VCFv4.3",
        "##contig=<ID=chr7,length=159345973>",
        '##INFO=<ID=GENE,Number=1,Type=String,Description="gene">',
        '##INFO=<ID=HGVSC,Number=1,Type=String,Description="c">',
        '##INFO=<ID=HGVSP,Number=1,Type=String,Description="p">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">',
        '##FORMAT=<ID=AF,Number=A,Type=Float,Description="fraction">',
        "\t".join(
            ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", P0, P1]
        ),
        "\t".join(
            [
                "chr7",
                str(v["pos"]),
                "EGFR_L858R",
                "T",
                "G",
                ".",
                "PASS",
                f"GENE=EGFR;HGVSC={v['hgvs_c']};HGVSP={v['hgvs_p']}",
                "GT:AF",
                "0/0:0",
                f"{genotype}:{af}",
            ]
        ),
    ]
    path = folder / "genomics" / "cohort.vcf.gz"
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    with pysam.BGZFile(str(path), "w") as stream:
        stream.write(("\n".join(lines) + "\n").encode())
    pysam.tabix_index(str(path), preset="vcf", force=True)


def _notes(folder: Path) -> None:
    rows = []
    for day, text in REPORTS.items():
        name = f"ct-{'m' if day < 0 else 'd'}{abs(day):04d}"
        path = folder / "notes" / P0 / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        rows.append(
            {
                "patient_id": P0,
                "day": day,
                "kind": "ct_chest_report",
                "path": path.relative_to(folder).as_posix(),
                "author": "hand",
                "text": text,
            }
        )
    write(folder, schemas.NOTES, rows)


@pytest.fixture(scope="session")
def consistent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two patients, three CT studies with SEG and SR, reports, labs, one variant: no fault."""
    folder = tmp_path_factory.mktemp("whole") / "tiny"
    folder.mkdir()
    _tables(folder)
    _truth(folder)
    _notes(folder)
    write(folder, schemas.VARIANTS, [VARIANT | {"patient_id": P1}])
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
