"""A run: what it is made of, and the flow from patients to files."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa

from alignment import schemas, splits
from alignment.dataset import Dataset, DatasetWriter, load
from alignment.identifiers import VCF_PATH, patient_id
from alignment.noting import NotePlan, plan_notes
from alignment.plan import EncounterPlan
from alignment.planner import plan_patients
from alignment.run import RunConfig, bundled, is_name
from cohort.codebook import Codebook, build_codebook
from cohort.compiler import compile_disease
from cohort.model import CausalModel, Intervention
from cohort.tables import CohortTables
from modalities import labs
from modalities.genomics import Genotypes, genotypes, write_genotypes
from modalities.notes.authors import choose as choose_author
from ontology.errors import ConsilienceError
from ontology.knowledge import KnowledgeGraph

SHARD = 8192
"""Patients a row group: a constant, so that workers never change a byte."""

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total)."""


@dataclass(frozen=True)
class Job:
    """A run, compiled."""

    run: RunConfig
    knowledge: KnowledgeGraph
    model: CausalModel
    codebook: Codebook

    @classmethod
    def prepare(cls, run: RunConfig, do: tuple[Intervention, ...] = ()) -> Job:
        """Load the knowledge graph, compile the disease, apply the interventions."""
        path = bundled(run.disease, "diseases") if is_name(run.disease) else Path(run.disease)
        knowledge = KnowledgeGraph.load(path.stem)
        model = compile_disease(
            path,
            knowledge,
            population=run.population,
            follow_up_days=run.follow_up_days,
            scans=run.scans,
            assessors=run.assessors,
        ).do(*do)
        codebook = build_codebook(model, knowledge)
        levels = model.levels
        labs.check_references(
            [a.key for a in codebook.analytes], levels["sex"], levels["smoking_status"]
        )
        return cls(run, knowledge, model, codebook)


def make(
    job: Job, indices: range, out: Path, workers: int, resume: bool, progress: Progress | None
) -> Dataset:
    """The flow: sample, plan, render, write the patients ``indices`` into the folder ``out``."""
    run, tell = job.run, progress or (lambda what, done, total: None)
    _check_workers(workers)
    shards = [
        range(i, min(i + SHARD, indices.stop)) for i in range(indices.start, indices.stop, SHARD)
    ]
    sample = partial(sample_shard, job.model, job.codebook, run.modalities)
    if "notes" in run.modalities and "ct_chest_report" in run.notes.kinds:
        choose_author(run.notes).check()  # before the work, not after it
    plans: list[EncounterPlan] = []
    noted: list[NotePlan] = []
    genotyped: list[Genotypes] = []
    rendered: dict[str, pa.Table] = {}
    with DatasetWriter(out, resume=resume) as writer, _pool(workers) as each:
        for done, shard in enumerate(each(sample, [(run.seed, shard) for shard in shards]), 1):
            if shard.genotypes is not None:
                genotyped.append(shard.genotypes)
            if {"imaging", "notes"} & set(run.modalities):
                plans += _plan(job, shard.tables)
            if "notes" in run.modalities:
                noted += plan_notes(
                    shard.tables, run.notes.kinds, job.codebook.lexicon,
                    seed=run.seed, model=job.model.version[:16],
                )  # fmt: skip
            writer.append(shard.tables)
            tell("patients", min(done * SHARD, len(indices)), len(indices))
        writer.append({schemas.TRUTH_NOISE.path: job.model.noise_table(run.seed)})
        writer.append({schemas.SPLITS_TABLE.path: splits.assign(run.seed, indices)})
        if genotyped:
            write_genotypes(genotyped, writer.folder / VCF_PATH, model=job.model.version)
        if plans or noted:
            from modalities.studies import render_studies  # pydicom and highdicom, as above

            rendered = render_studies(
                plans, noted, run.modalities, run.notes, writer.folder, each, tell
            )
            writer.append(rendered)
        writer.finish({**_manifest(job, indices), **_note_summary(job, rendered)})
    return load(out)


@dataclass(frozen=True)
class Shard:
    """What one range of patients gives: tables by path, and their columns of the VCF."""

    tables: dict[str, pa.Table]
    genotypes: Genotypes | None


def sample_shard(
    model: CausalModel, codebook: Codebook, modalities: Sequence[str], task: tuple[int, range]
) -> Shard:
    """One shard: a pure function of model, seed and patient range."""
    seed, shard = task
    made = CohortTables(model, codebook, model.sample(len(shard), seed, shard.start))
    tables = made.tables()
    if "labs" in modalities:
        tables[schemas.LABS.path], tables[schemas.TRUTH_LABS.path] = labs.report(made.panel())
    found = tables.pop(schemas.VARIANTS.path)
    if "genomics" not in modalities:
        return Shard(tables, None)
    tables[schemas.VARIANTS.path] = found
    ids = [patient_id(i) for i in shard]
    return Shard(tables, genotypes(found.to_pandas(), ids, seed=seed))


def _plan(job: Job, tables: Mapping[str, pa.Table]) -> list[EncounterPlan]:
    return plan_patients(
        tables,
        seed=job.run.seed,
        model=job.model.version[:16],
        protocol=job.run.imaging.protocol,
        visible_in={key: f.visible_in for key, f in job.knowledge.findings().items()},
        max_studies=job.run.imaging.max_studies,
    )


def _manifest(job: Job, indices: range) -> dict[str, Any]:
    measurement = job.model.disease.variables["measurement"]
    numbers = dict(measurement.numbers())
    return {
        "schema_version": schemas.SCHEMA_VERSION,
        "version": metadata.version("consilience"),
        "config": job.run.model_dump(mode="json"),
        "config_hash": job.run.digest(),
        "graph_version": job.knowledge.version,
        "model_version": job.model.version,
        "seed": job.run.seed,
        "start": indices.start,
        "patients": len(indices),
        "interventions": [
            {"variable": i.variable, "value": i.value, "line": i.line}
            for i in job.model.interventions
        ],
        "reader_error": {name: numbers[name].value for name in ("sd_mm", "sd_share")},
        "synthetic": True,
    }


def _note_summary(job: Job, rendered: Mapping[str, pa.Table]) -> dict[str, Any]:
    if schemas.NOTES.path not in rendered:
        return {}
    from modalities.note_files import summary

    return {"notes": summary(rendered[schemas.NOTES.path], job.run.notes)}


Each = Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[Any]]


class _pool:  # noqa: N801 - reads as a verb in the flow
    """In order, on this process or on the cores of this machine."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> Each:
        if self.workers == 1:
            return lambda function, tasks: map(function, tasks)
        context = multiprocessing.get_context("fork")
        self.executor = ProcessPoolExecutor(
            self.workers, mp_context=context, initializer=_one_thread
        )
        return self._each

    def _each(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Any]:
        if self.executor is None:
            raise RuntimeError("the pool is not open")
        waiting: deque[Future[Any]] = deque()
        for task in tasks:
            waiting.append(self.executor.submit(function, task))
            if len(waiting) > 2 * self.workers:  # bounds the results that wait in memory
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def __exit__(self, *_: object) -> None:
        if self.executor is not None:
            self.executor.shutdown(wait=True, cancel_futures=True)


def _one_thread() -> None:
    """A worker is one core's; and torch would wait forever for threads that no fork copies."""
    os.environ["OMP_NUM_THREADS"] = "1"  # for torch where only the worker loads it
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def _check_workers(workers: int) -> None:
    if workers < 1:
        raise ConsilienceError("no workers", got=workers, wanted="--workers 1 or more")
