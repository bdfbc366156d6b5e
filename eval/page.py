"""``report/index.html``: one self-contained file with the checks and one patient in full."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jinja2
import pandas as pd

from alignment import identifiers, schemas
from eval.checks.lookup import INVESTIGATOR
from eval.dataset import Dataset, StudyFolder, strings
from eval.figures import Curve, Picture, curve, lesion_picture, slice_picture
from eval.readers.ct import read_ct
from eval.readers.seg import read_seg
from eval.recist import assess
from eval.reference import ANALYTES
from eval.result import ConsistencyReport
from ontology.errors import ConsilienceError

SHOWN_VIOLATIONS = 200
"""Of each check on the page; the JSON holds every one."""
SHOWN_STUDIES = 6


@dataclass(frozen=True, slots=True)
class StudyView:
    """One study of the shown patient: a whole slice, a crop a lesion, the report."""

    name: str
    day: int
    date: str
    overview: Picture | None
    crops: dict[str, Picture]
    report: str


def write_page(data: Dataset, report: ConsistencyReport) -> None:
    """Write ``report/index.html``; raises ``ConsilienceError`` where the folder is read-only."""
    html = page_html(data, report)
    path = data.folder / "report" / "index.html"
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise ConsilienceError(
            "the page cannot be written",
            where=path,
            got=error.strerror,
            remedy="free space or make the folder writable, or evaluate without the page",
        ) from error


def page_html(data: Dataset, report: ConsistencyReport) -> str:
    """The page as HTML."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = resources.files("eval").joinpath("page.html").read_text(encoding="utf-8")
    patient = _pick_patient(data)
    return environment.from_string(source).render(
        report=report,
        version=data.manifest.get("version", "unknown"),
        seed=data.manifest.get("seed", "unknown"),
        patients=_count(data, schemas.PATIENTS),
        studies=len(data.studies),
        lab_rows=_count(data, schemas.LABS),
        notes=_count(data, schemas.NOTES),
        shown=SHOWN_VIOLATIONS,
        patient=None if patient is None else _patient_view(data, patient),
    )


def _count(data: Dataset, table: schemas.Table) -> int:
    frame = data.table(table)
    return 0 if frame is None else len(frame)


def _pick_patient(data: Dataset) -> str | None:
    """The patient with most studies that show a lesion, else most studies, scans, or the first."""
    for source in (
        [study.patient_id for study in data.studies if study.series("seg")],
        [study.patient_id for study in data.studies],
        _column(data, schemas.RESPONSES_TABLE),
        _column(data, schemas.PATIENTS),
    ):
        if source:
            counts = pd.Series(source).value_counts()
            return str(min(counts[counts == counts.max()].index))
    return None


def _column(data: Dataset, table: schemas.Table) -> list[str]:
    frame = data.table(table)
    return [] if frame is None else strings(frame["patient_id"]).tolist()


def _rows(data: Dataset, table: schemas.Table, patient: str) -> list[dict[str, Any]]:
    frame = data.table(table)
    if frame is None:
        return []
    part = frame[(frame["patient_id"] == patient).to_numpy()]
    rows = part.astype(object).where(part.notna(), None).to_dict("records")
    return sorted(
        ({str(k): v for k, v in row.items()} for row in rows),
        key=lambda row: (row.get("day") or 0, row.get("line") or 0),
    )


def _patient_view(data: Dataset, patient: str) -> dict[str, Any]:
    studies = [s for s in data.studies if s.patient_id == patient]
    views = [_study_view(data, s) for s in studies[:SHOWN_STUDIES]]
    views += _text_only(data, patient, {view.day for view in views})
    lesions = _by_site(_rows(data, schemas.LESIONS, patient))
    responses = _by_site(_rows(data, schemas.RESPONSES_TABLE, patient))
    crops = sorted({name for view in views for name in view.crops})
    days = sorted({row["day"] for row in lesions})
    names = {row["lesion_id"]: row for row in lesions}
    sums = _sums(data, patient)
    return {
        "id": patient,
        "facts": next(iter(_rows(data, schemas.PATIENTS, patient)), {}),
        "studies": sorted(views, key=lambda view: view.day),
        "more_studies": max(0, len(studies) - SHOWN_STUDIES),
        "crops": crops,
        "lesion_names": {name: _lesion_name(row) for name, row in names.items()},
        "lesion_days": days,
        "lesion_sizes": _sizes(lesions),
        "targets": {row["lesion_id"] for row in lesions if row["is_target"]},
        "responses": responses,
        "response_by_day": {row["day"]: row for row in responses},
        "sums": sums,
        "sld": _sld_curve(sums, responses),
        "labs": _lab_curves(data, patient),
        "variants": _rows(data, schemas.VARIANTS, patient),
        "treatments": _rows(data, schemas.TREATMENTS, patient),
        "events": _rows(data, schemas.EVENTS, patient),
        "survival": _rows(data, schemas.SURVIVAL, patient),
    }


def _by_site(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The investigator's rows: the page shows one reader."""
    return [row for row in rows if row["assessor"] == INVESTIGATOR]


def _lesion_name(row: dict[str, Any]) -> str:
    place = row["lobe"] or row["side"] or ""
    return f"{place} {str(row['site']).replace('_', ' ')}".strip()


def _sizes(lesions: list[dict[str, Any]]) -> dict[str, dict[int, str]]:
    sizes: dict[str, dict[int, str]] = {}
    for row in lesions:
        long_mm, short_mm = row["long_axis_mm"], row["short_axis_mm"]
        text = "present" if long_mm is None else f"{long_mm:g}"
        text += "" if short_mm is None or not long_mm else f" × {short_mm:g}"
        sizes.setdefault(row["lesion_id"], {})[row["day"]] = text
    return sizes


def _study_view(data: Dataset, study: StudyFolder) -> StudyView:
    ct = study.series("ct")
    overview, crops, date = None, {}, ""
    if ct:
        volume = read_ct(ct)
        date = next(iter(volume.headers)).study_date
        segments = [s for path in study.series("seg") for s in read_seg(path)]
        masks = {s.tracking_id: volume.mask(s) for s in segments}
        crops = {name: lesion_picture(volume, mask) for name, mask in sorted(masks.items())}
        widest = max(masks.values(), key=lambda m: int(m.sum(axis=(1, 2)).max()), default=None)
        overview = slice_picture(volume, widest)
    return StudyView(
        study.path.name,
        study.day,
        _dashed(date),
        overview,
        crops,
        _report_text(data, study.patient_id, study.day),
    )


def _text_only(data: Dataset, patient: str, days: set[int]) -> list[StudyView]:
    if data.studies:
        return []
    frame = data.table(schemas.NOTES)
    if frame is None:
        return []
    mine = (frame["patient_id"] == patient) & (strings(frame["kind"]) == "ct_chest_report")
    found = frame.loc[mine.to_numpy(), "day"].astype(int)
    return [
        StudyView(identifiers.study_name(d), d, "", None, {}, _report_text(data, patient, d))
        for d in sorted(set(found) - days)[:SHOWN_STUDIES]
    ]


def _report_text(data: Dataset, patient: str, day: int) -> str:
    path = data.folder / identifiers.note_path(patient, identifiers.study_name(day))
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _dashed(date: str) -> str:
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 else date


def _sums(data: Dataset, patient: str) -> dict[int, float]:
    """Sum of target diameters by day, baseline included, from the lesions."""
    lesions, starts = data.table(schemas.LESIONS), data.table(schemas.TREATMENTS)
    if lesions is None or starts is None:
        return {}
    lesions = lesions[(lesions["patient_id"] == patient).to_numpy()]
    lesions = lesions[(lesions["assessor"] == INVESTIGATOR).to_numpy()]
    starts = starts[(starts["patient_id"] == patient).to_numpy()]
    if lesions.empty or starts.empty:
        return {}
    scans = assess(lesions, starts)
    return dict(zip(scans["day"].astype(int).tolist(), scans["sld_mm"].tolist(), strict=True))


def _sld_curve(sums: dict[int, float], responses: list[dict[str, Any]]) -> Curve | None:
    if len(sums) < 2:
        return None
    answers = {row["day"]: str(row["overall_response"]) for row in responses}
    labels = [f"day {day}: {mm:g} mm, {answers.get(day, 'baseline')}" for day, mm in sums.items()]
    return curve(
        "Sum of target diameters",
        "mm",
        list(sums),
        list(sums.values()),
        from_zero=True,
        labels=labels,
        width=640,
        height=180,
    )


def _lab_curves(data: Dataset, patient: str) -> list[Curve]:
    rows = _rows(data, schemas.LABS, patient)
    person = next(iter(_rows(data, schemas.PATIENTS, patient)), {})
    curves = []
    for loinc in dict.fromkeys(row["loinc"] for row in rows):
        series = [row for row in rows if row["loinc"] == loinc and math.isfinite(row["value"])]
        if not series:
            continue
        analyte = ANALYTES.get(loinc)
        interval = None
        if analyte is not None:
            limits = analyte.male if person.get("sex") == "male" else analyte.female
            if analyte.smoker is not None and person.get("smoking_status") == "current":
                limits = analyte.smoker
            interval = (limits.low, limits.high)
        curves.append(
            curve(
                series[0]["name"],
                series[0]["unit"],
                [row["day"] for row in series],
                [row["value"] for row in series],
                interval=interval,
            )
        )
    return curves
