"""Consilience: multi-modal synthetic patient cohorts in which every line of evidence agrees.

The door to the house, one function a verb; ``consilience_cli`` has the same as commands.

    import consilience as cs
    cohort = cs.generate("nsclc", patients=500, modalities=["labs", "genomics"], out="cohort")
    cohort.table("labs")
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from alignment.dataset import Dataset, load
from alignment.identifiers import patient_id, patient_index
from alignment.run import RunConfig, bundled, is_name, load_config
from cohort.explain import Why, explain_value, explain_variable, trace_model
from cohort.explain.address import parse as parse_address
from cohort.model import Intervention
from consilience_run import Job, Progress, make, sample_shard
from ontology.errors import ConsilienceError

if TYPE_CHECKING:
    from eval import ConsistencyReport
    from modalities.imaging.insert import Inserted

__all__ = [
    "ConsilienceError",
    "Dataset",
    "Intervention",
    "RunConfig",
    "Why",
    "evaluate",
    "explain",
    "generate",
    "insert_lesion",
    "load",
    "load_config",
    "train",
    "twin",
    "why",
]


def generate(
    config: str | Path | RunConfig = "nsclc",
    *,
    out: str | Path,
    patients: int | None = None,
    seed: int | None = None,
    modalities: Sequence[str] | None = None,
    workers: int = 1,
    resume: bool = False,
    progress: Progress | None = None,
) -> Dataset:
    """Generate a cohort into the new folder ``out``.

    ``config``: a bundled name or the path of a YAML file; the other arguments override it.
    The same arguments give the same bytes, whatever ``workers`` is.
    """
    run = load_config(config, patients=patients, seed=seed, modalities=modalities)
    return make(Job.prepare(run), range(run.patients), Path(out), workers, resume, progress)


def twin(
    dataset: str | Path,
    *,
    patient: str,
    do: Iterable[Intervention] = (),
    out: str | Path,
    progress: Progress | None = None,
) -> Dataset:
    """One patient of a dataset again, with the same noise, under interventions.

    Without ``do`` the twin is the original, byte for byte.
    """
    source = load(dataset)
    run = RunConfig.model_validate(source.manifest["config"])
    index = patient_index(patient)
    if not source.manifest["start"] <= index < source.manifest["start"] + run.patients:
        last = patient_id(source.manifest["start"] + run.patients - 1)
        raise ConsilienceError(
            f"no patient {patient} in the dataset", where=source.folder, wanted=f"up to {last}"
        )
    job = Job.prepare(run.model_copy(update={"patients": 1}), tuple(do))
    return make(job, range(index, index + 1), Path(out), 1, False, progress)


def evaluate(
    dataset: str | Path, *, page: bool = True, progress: Progress | None = None
) -> ConsistencyReport:
    """Re-read every file of a dataset and check that all tell the same story.

    Writes ``report/index.html`` into the dataset unless ``page`` is False.
    """
    from eval import evaluate as judge  # spaCy and pydicom: seconds that tables need not wait for

    return judge(load(dataset).folder, page=page, progress=progress)


def insert_lesion(
    ct: Any,
    spec: Any,
    seed: int = 0,
    *,
    spacing: tuple[float, float, float] | None = None,
    network: bool | str | Path = True,
    out: str | Path | None = None,
) -> Inserted:
    """A CT of your own with a perfectly segmented lung lesion in it.

    ``ct``: a (slices, rows, columns) array in HU with ``spacing`` in mm, a NIfTI file or a DICOM
    folder. ``spec``: a mapping such as ``{"long_mm": 20, "centre": "left lung"}`` with the fields
    of ``modalities.imaging.insert.LesionSpec``. ``network``: give what was drawn the texture of
    CT by the diffusion network; a path names weights of your own. ``out``: write files of the same
    kind there.
    """
    from modalities.imaging.insert import insert_lesion as insert  # nibabel and pydicom, as above

    return insert(ct, spec, seed, spacing=spacing, network=network, out=out)


def train(
    what: str, config: str | Path, *, out: str | Path, progress: Progress | None = None
) -> Path:
    """Train a network of ours; goes on where an earlier call with the same ``out`` stopped.

    ``what``: ``imaging``, the CT network, or ``notes``, the author of reports. ``config``: a
    bundled name (``imaging``, ``notes``) or the path of a YAML file whose paths are relative to it:
    for ``imaging`` scans, the user's own CTs with lesion masks, steps, adapter rank
    (``configs/training/adapt.yaml`` is one to copy); for ``notes`` steps, base model, the user's
    own reports (``configs/training/own_notes.yaml``). Returns the path of the weights; beside them
    are the losses.
    """
    if what not in ("imaging", "notes"):
        raise ConsilienceError("nothing of that name to train", got=what, wanted="imaging or notes")
    path = bundled(str(config), "training") if is_name(config) else Path(config)
    try:
        if what == "notes":
            from modalities.notes.lm import config as note_settings
            from modalities.notes.lm import training as note_training

            return note_training.train(note_settings.read(path), Path(out), progress)
        from modalities.imaging.diffusion import config as settings
        from modalities.imaging.diffusion import data, training
    except ModuleNotFoundError as error:
        raise ConsilienceError(
            "a package that training needs is missing", got=error,
            remedy="pip install 'consilience[train]'",
        ) from error  # fmt: skip
    chosen = settings.read(path)
    scans, held_out = data.scans_of(chosen)
    return training.train(scans, held_out, chosen, Path(out), progress)


def explain(
    variable: str,
    *,
    config: str | Path = "nsclc",
    dataset: str | Path | Dataset | None = None,
    draw: str | Path | None = None,
    hops: int = 1,
) -> str:
    """Parents, equation, numbers and sources of one variable.

    ``draw``: also write the causal graph around it, ``hops`` edges far, as SVG or PNG. With
    ``dataset`` its config and interventions apply.
    """
    job = _job_of(dataset) if dataset is not None else Job.prepare(load_config(config))
    text = explain_variable(job.model, job.knowledge, variable)
    if draw is not None:
        from cohort.explain.drawing import draw_variable  # matplotlib: only who draws waits for it

        draw_variable(job.model, job.knowledge, variable, Path(draw), hops)
    return text


def why(
    dataset: str | Path | Dataset | None,
    patient: str,
    *,
    value: str,
    day: int | None = None,
    config: str | Path = "nsclc",
) -> Why:
    """Why a patient has a value: parents, terms, noise, and how it was recorded.

    ``value``: ``labs.LDH``, ``lesions.L01.long_axis_mm``, ``patients.age``, or a variable. The
    patient is replayed; with ``dataset`` the replay must give what the dataset holds. Without one
    the patient is that of ``config``.
    """
    index = patient_index(patient)
    source = _opened(dataset) if dataset is not None else None
    if source is None:
        job = Job.prepare(load_config(config))
    else:
        _require_patient(source, patient)
        job = _job_of(source)
    model = trace_model(job.model)
    task = (job.run.seed, range(index, index + 1))
    shard = sample_shard(model, job.codebook, ("labs", "genomics"), task)
    made = explain_value(
        model, job.knowledge, shard.tables,
        seed=job.run.seed, index=index, day=day, value=value,
    )  # fmt: skip
    return made if source is None else _compared(made, source, job)


def _compared(made: Why, source: Dataset, job: Job) -> Why:
    """The dataset must hold what the replay gives; if another version made it, say so."""
    if made.row is None:
        return made
    address = parse_address(made.address, job.model)
    assert address.table is not None
    path = source.folder / address.table.path
    if not path.is_file():
        note = f"the dataset holds no {address.table.path}: nothing to compare with"
        return replace(made, notes=(note,))
    table = pq.read_table(path, filters=[("patient_id", "==", made.patient)])
    rows = [r for r in table.to_pylist() if address.key(r) == address.key(made.row)]
    held = rows[0][address.column] if rows else "no such row"
    same = source.manifest["model_version"] == job.model.version
    if held == made.recorded:
        note = "the dataset holds the same value" + (
            "" if same else ", though another version of the model made it"
        )
        return replace(made, notes=(note,))
    reason = (
        "the dataset was changed after it was made, or made in another environment: "
        "consilience evaluate shows what contradicts"
        if same
        else "the dataset was made by another version of the model (model_version differs): "
        f"use consilience {source.manifest['version']} with its disease file"
    )
    raise ConsilienceError(
        f"the replay of {made.patient} does not give the dataset's {made.address}",
        where=source.folder, got=f"dataset {held}", wanted=f"replay {made.recorded}",
        remedy=reason,
    )  # fmt: skip


def _opened(dataset: str | Path | Dataset) -> Dataset:
    return dataset if isinstance(dataset, Dataset) else load(dataset)


def _job_of(dataset: str | Path | Dataset) -> Job:
    """The run that made a dataset, with its interventions."""
    manifest = _opened(dataset).manifest
    do = tuple(Intervention(**item) for item in manifest["interventions"])
    run = RunConfig.model_validate(manifest["config"])
    return Job.prepare(run.model_copy(update={"seed": manifest["seed"]}), do)


def _require_patient(source: Dataset, patient: str) -> None:
    first, n = source.manifest["start"], source.manifest["patients"]
    if not first <= patient_index(patient) < first + n:
        raise ConsilienceError(
            f"no patient {patient} in the dataset", where=source.folder,
            wanted=f"{patient_id(first)} to {patient_id(first + n - 1)}",
        )  # fmt: skip
