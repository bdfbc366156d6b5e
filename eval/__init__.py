"""Whether it holds: re-reads every file of a dataset and checks that all tell the same story.

Shares no code with what generates datasets; from ``alignment`` it takes schemas and identifiers
only. ``evaluate`` is the whole flow.
"""

from __future__ import annotations

from pathlib import Path

from eval.checks import (
    anatomy,
    clinic,
    clinical,
    course,
    drawn,
    files,
    history,
    imaging,
    latent,
    lesions,
    molecular,
    notes,
    person,
    radiographs,
    report_largest,
    report_response,
    responses,
    rules,
    survival,
    text,
    treatments,
    truth,
    variants,
)
from eval.checks.files import Progress
from eval.checks.lookup import lesions_by_scan
from eval.dataset import Dataset
from eval.page import write_page
from eval.reading import StudyReading, read_study
from eval.result import CheckResult, ConsistencyReport, Violation, wilson
from eval.terminal import render

__all__ = [
    "CheckResult",
    "ConsistencyReport",
    "Violation",
    "evaluate",
    "render",
    "wilson",
]


def _silent(what: str, done: int, of: int) -> None:
    pass


def evaluate(
    folder: Path, *, page: bool = True, progress: Progress | None = None
) -> ConsistencyReport:
    """Check a dataset folder; with ``page``, write ``report/index.html`` into it.

    Contradictions are violations in the report. Raises :class:`ConsilienceError` where the folder
    is no dataset or one of its files cannot be read at all.
    """
    progress = progress or _silent
    data = Dataset(Path(folder))
    checks = [files.check_files(data, progress)]
    checks += files.check_tables(data)
    genotypes = variants.load_genotypes(data)
    checks += clinical.check_labs(data)
    checks += variants.check_variants(data, genotypes)
    checks += treatments.check_treatments(data, genotypes)
    checks.append(treatments.check_doses(data))
    checks += clinical.check_stage(data)
    checks.append(clinical.check_splits(data))
    checks += lesions.check_lesions(data)
    checks += responses.check_responses(data)
    checks.append(responses.check_best_responses(data))
    checks += survival.check_survival(data)
    checks += [course.check_events(data), course.check_at_visits(data)]
    checks += [course.check_toxicities(data), course.check_ctdna(data)]
    checks += rules.check_patient_rules(data)

    readings = _read_studies(data, progress)
    told = notes.read_notes(data)
    reports = text.ct_reports(told)
    scans = {(r.patient_id, r.day) for r in readings} | truth.planned_scans(data)
    scans |= {(note.patient_id, note.day) for note in told if note.kind != notes.MOLECULAR}
    rows = lesions_by_scan(data, scans)
    checks.append(imaging.check_headers(data, readings))
    checks += imaging.check_sr(readings, rows)
    checks += imaging.check_seg(data, readings, rows)
    checks += anatomy.check_lobes(readings, rows)
    checks += anatomy.check_radiographs(readings)
    checks += [notes.check_notes(data, told), notes.check_dates(data, told)]
    checks.append(person.check_foretold(data, told))
    checks += text.check_text(reports, rows)
    checks.append(report_response.check_report_response(data, told))
    checks.append(report_largest.check_largest(told))
    checks.append(radiographs.check_ct_findings(data, told))
    checks += radiographs.check_radiograph_reports(told, rows, data)
    checks += history.check_history(data, told)
    checks += clinic.check_clinic(data, told)
    checks += molecular.check_molecular(data, told, genotypes)

    checks += truth.check_rendered_sizes(data, readings)
    checks.append(truth.check_rendering(data, readings))
    checks += drawn.check_drawn(data, readings, rows)
    checks.append(truth.check_reader_error(data))
    checks.append(truth.check_plans(data, rows))
    checks += [latent.check_deaths(data), latent.check_t_size(data), latent.check_missing(data)]
    report = ConsistencyReport(data.folder, tuple(checks))
    if page:
        write_page(data, report)
    return report


def _read_studies(data: Dataset, progress: Progress) -> list[StudyReading]:
    readings = []
    for done, study in enumerate(data.studies):
        progress("imaging studies", done, len(data.studies))
        readings.append(read_study(study))
    if readings:
        progress("imaging studies", len(readings), len(readings))
    return readings
