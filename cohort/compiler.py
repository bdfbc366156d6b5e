"""Holds a disease file against the knowledge graph and builds the causal model.

Refused, all at once and each with its line: a variable that the graph does not know, a parent
that is no edge of the graph, a coefficient against the edge's sign, a level that the parent does
not have, a probability outside 0 to 1, a source that is not listed, a rule that leaves a patient
without a decision, a cycle at lag 0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import networkx as nx

from cohort import checks, conditions, spec
from cohort.mechanisms import (
    baseline,
    condition,
    course,
    dose,
    extent,
    genes,
    labs,
    lesions,
    marrow,
    observation,
    recist,
    resistance,
    spread,
    survival,
    toxicity,
    tumour,
    visits,
)
from cohort.mechanisms.base import Mechanism
from cohort.model import CausalModel
from ontology.errors import ConsilienceError
from ontology.knowledge import KnowledgeGraph
from ontology.yamlfile import YamlFile, read_yaml

Levels = dict[str, tuple[str, ...]]
Schedule = tuple[tuple[float, ...], float]
"""Weeks of the first scans of a line, and the weeks between those after."""


def compile_disease(
    path: Path,
    knowledge: KnowledgeGraph,
    population: conditions.When | None = None,
    follow_up_days: tuple[int, int] | None = None,
    scans: Schedule | None = None,
    assessors: tuple[str, ...] = ("investigator",),
    numbers: Mapping[str, float] | None = None,
) -> CausalModel:
    """Compile ``path`` against ``knowledge``.

    ``population``: conditions on baseline variables that every patient meets.
    ``follow_up_days``: shortest and longest time from index to the data cutoff, and ``scans``: when
    scans are due, instead of the disease file's. ``assessors``: who reads the scans. ``numbers``:
    other values for numbers of the file, by path (``kg.typical.docetaxel.value``).
    """
    file = read_yaml(path)
    disease = _read_by(_changed(file.parse(spec.DiseaseFile), numbers or {}), assessors)
    levels = _levels(disease)
    problems = _Problems(file)
    checks.check_numbers(disease, levels, problems.add)
    checks.check_graph(disease, levels, knowledge, problems.add)
    checks.check_regimens(disease, knowledge, problems.add)
    problems.raise_any()
    disease = _scheduled(_followed(disease, follow_up_days), scans)
    built = {name: _build(name, v, disease, levels) for name, v in disease.variables.items()}
    for name, mechanism in built.items():
        for parent, lag in mechanism.parents:
            checks.check_parent(name, parent, lag, built, knowledge, problems.add)
    checks.check_at_random(disease, built, problems.add)
    problems.raise_any()
    graph = _causal_graph(built, file)
    wanted = dict(population or {})
    static = {name: m for name, m in built.items() if not m.dynamic}
    measures = {name for name, v in disease.variables.items() if isinstance(v, spec.MEASURES)}
    conditions.check(wanted, static, levels, "population", measures)
    version = hashlib.sha256(
        f"{knowledge.version}\x1f{disease.model_dump_json()}\x1f{sorted(wanted.items())}".encode()
    ).hexdigest()
    return CausalModel(disease, built, levels, graph, version, wanted)


class _Problems:
    """All violations at once."""

    def __init__(self, file: YamlFile) -> None:
        self.file = file
        self.found: list[str] = []

    def add(self, location: tuple[object, ...], text: str) -> None:
        self.found.append(f"  {self.file.where(location)}: {text}")

    def raise_any(self) -> None:
        if self.found:
            raise ConsilienceError(
                f"{len(self.found)} problem(s):\n" + "\n".join(self.found),
                where=self.file.path,
                remedy="correct the lines named above, or the edges in the knowledge graph",
            )


def _levels(disease: spec.DiseaseFile) -> Levels:
    levels: Levels = {}
    for name, variable in disease.variables.items():
        if isinstance(variable, (spec.Categorical, spec.Allele)):
            levels[name] = variable.levels
        elif isinstance(variable, spec.Lookup):
            entries = tuple(dict.fromkeys(variable.table.values()))
            if all(isinstance(entry, str) for entry in entries):
                levels[name] = cast("tuple[str, ...]", entries)
        elif isinstance(variable, spec.Policy):
            levels[name] = (visits.NO_REGIMEN, *variable.regimens)
        elif isinstance(variable, spec.Cases):
            values = tuple(dict.fromkeys(case.value for case in variable.cases))
            if all(isinstance(value, str) for value in values):
                levels[name] = cast("tuple[str, ...]", values)
        elif isinstance(variable, spec.TCategory):
            levels[name] = tuple(variable.sizes.values)
        elif isinstance(variable, spec.Recist):
            levels[name] = recist.RESPONSE_LEVELS
        elif isinstance(variable, spec.Performance):
            levels[name] = condition.PERFORMANCE_LEVELS
        elif isinstance(variable, spec.FollowUp):
            levels[name] = visits.FOLLOW_UP
    return levels


def _build(name: str, v: Any, disease: spec.DiseaseFile, levels: Levels) -> Mechanism:
    policy = next((x for x in disease.variables.values() if isinstance(x, spec.Policy)), None)
    regimens = (visits.NO_REGIMEN, *policy.regimens) if policy else ()
    lines = next((x.maximum for x in disease.variables.values() if isinstance(x, spec.Line)), 1)
    of_lesions = cast(
        spec.Lesions,
        next((x for x in disease.variables.values() if isinstance(x, spec.Lesions)), None),
    )
    reading = next((x for x in disease.variables.values() if isinstance(x, spec.Recist)), None)
    measured_by = {
        x.assessor: key for key, x in disease.variables.items() if isinstance(x, spec.Measurement)
    }
    dynamic = frozenset(n for n, x in disease.variables.items() if isinstance(x, DYNAMIC_KINDS))
    builders: dict[type, Callable[[], Any]] = {
        spec.Histogram: lambda: baseline.Histogram(name, v),
        spec.Bernoulli: lambda: baseline.Bernoulli(
            name, v, tuple(levels.get(parent, checks.YES_NO) for parent in v.by)
        ),
        spec.Allele: lambda: genes.Allele(name, v),
        spec.AlleleFraction: lambda: genes.AlleleFraction(name, v),
        spec.Acquired: lambda: resistance.Acquired(name, v, levels.get("regimen", ())),
        spec.Categorical: lambda: baseline.Categorical(
            name, v, tuple(levels.get(parent, checks.YES_NO) for parent in v.by)
        ),
        spec.Normal: lambda: baseline.Normal(name, v),
        spec.LogNormal: lambda: baseline.LogNormal(name, v),
        spec.Beta: lambda: baseline.Beta(name, v),
        spec.Count: lambda: baseline.Count(name, v),
        spec.Tally: lambda: baseline.Tally(name, v),
        spec.Member: lambda: baseline.Member(name, v, levels[v.parent]),
        spec.Lookup: lambda: baseline.Lookup(name, v, levels[v.parent], levels.get(name)),
        spec.Within: lambda: baseline.Within(name, v, levels[v.parent]),
        spec.Setting: lambda: extent.Setting(name, v),
        spec.Cases: lambda: extent.Cases(name, v, levels.get(name)),
        spec.Primary: lambda: extent.Primary(name, v, of_lesions),
        spec.TCategory: lambda: extent.TCategory(name, v, levels[name]),
        spec.Recurrence: lambda: extent.Recurrence(name, v, levels[v.by]),
        spec.OtherDeath: lambda: extent.OtherDeath(name, v),
        spec.VisitDay: lambda: visits.VisitDay(name, v, disease.step_days),
        spec.FollowUp: lambda: visits.FollowUp(name, v),
        spec.ScanDay: lambda: visits.ScanDay(name, v),
        spec.BrainScan: lambda: visits.BrainScan(name, v),
        spec.TumourBurden: lambda: tumour.TumourBurden(name, v),
        spec.Lesions: lambda: lesions.Lesions(name, v, lines),
        spec.Measurement: lambda: lesions.Measurement(
            name, v, of_lesions, reading.node_normal.value if reading else 10.0
        ),
        spec.Hazard: lambda: spread.NontargetProgression(name, v),
        spec.Spread: lambda: spread.Spread(name, v),
        spec.NewLesion: lambda: spread.NewLesion(name, v),
        spec.Recist: lambda: recist.Recist(name, v, measured_by[v.assessor]),
        spec.Line: lambda: course.Line(name, v),
        spec.Policy: lambda: course.Policy(name, v),
        spec.Rate: lambda: tumour.Rate(name, v, regimens),
        spec.Survival: lambda: survival.Survival(name, v),
        spec.Earliest: lambda: survival.Earliest(name, v),
        spec.Lab: lambda: labs.Lab(name, v, regimens, dynamic, levels["sex"]),
        spec.Decline: lambda: condition.Decline(name, v),
        spec.Performance: lambda: condition.Performance(name, v),
        spec.Weight: lambda: condition.Weight(name, v),
        spec.Vital: lambda: condition.Vital(name, v),
        spec.Symptom: lambda: condition.Symptom(name, v),
        spec.TumourFraction: lambda: condition.TumourFraction(name, v),
        spec.Missing: lambda: observation.Missing(name, v),
        spec.Lost: lambda: observation.Lost(name, v),
        spec.Marrow: lambda: marrow.Marrow(name, v, regimens),
        spec.Dose: lambda: dose.Dose(name, v, regimens),
        spec.DoseDelay: lambda: dose.DoseDelay(name, v, regimens),
        spec.AdverseEvent: lambda: toxicity.AdverseEvent(name, v, regimens),
        spec.GradedEvent: lambda: toxicity.GradedEvent(name, v, regimens, levels.get(v.by, ())),
        spec.FebrileNeutropenia: lambda: toxicity.FebrileNeutropenia(name, v),
        spec.Reporting: lambda: toxicity.Reporting(name, v, adverse_events(disease)),
        spec.DoseLimiting: lambda: toxicity.DoseLimiting(name, v),
        spec.ToxicityStop: lambda: toxicity.ToxicityStop(name, v),
    }
    return cast(Mechanism, builders[type(v)]())


def adverse_events(disease: spec.DiseaseFile) -> tuple[str, ...]:
    """The adverse events, in the order of the file: the bits of what is reported."""
    kinds = (spec.AdverseEvent, spec.GradedEvent, spec.FebrileNeutropenia)
    return tuple(name for name, v in disease.variables.items() if isinstance(v, kinds))


DYNAMIC_KINDS = (
    spec.VisitDay,
    spec.FollowUp,
    spec.ScanDay,
    spec.BrainScan,
    spec.TumourBurden,
    spec.Lesions,
    spec.Measurement,
    spec.Hazard,
    spec.Spread,
    spec.NewLesion,
    spec.Recist,
    spec.Line,
    spec.Policy,
    spec.Rate,
    spec.Survival,
    spec.Earliest,
    spec.Acquired,
    spec.Lab,
    spec.Marrow,
    spec.Dose,
    spec.DoseDelay,
    spec.AdverseEvent,
    spec.GradedEvent,
    spec.FebrileNeutropenia,
    spec.Reporting,
    spec.DoseLimiting,
    spec.ToxicityStop,
    spec.Decline,
    spec.Performance,
    spec.Weight,
    spec.Vital,
    spec.Symptom,
    spec.TumourFraction,
    spec.Missing,
    spec.Lost,
)


def _causal_graph(built: dict[str, Mechanism], file: YamlFile) -> nx.DiGraph:
    graph = nx.DiGraph()
    for name, mechanism in built.items():
        graph.add_node((name, 0))
        graph.add_edges_from(((p, lag), (name, 0)) for p, lag in mechanism.parents)
    same_visit = nx.DiGraph(
        (cause, effect) for (cause, lag), (effect, _) in graph.edges if lag == 0
    )
    if not nx.is_directed_acyclic_graph(same_visit):
        cycle = " -> ".join(cause for cause, _ in nx.find_cycle(same_visit))
        raise ConsilienceError(
            f"the causal graph has a cycle at lag 0: {cycle}",
            where=file.path,
            remedy="give one of these effects a lag",
        )
    return graph


def _followed(disease: spec.DiseaseFile, days: tuple[int, int] | None) -> spec.DiseaseFile:
    if days is None:
        return disease
    variables = dict(disease.variables)
    for variable in disease.variables.values():
        if isinstance(variable, spec.FollowUp):
            accrual = cast(spec.Histogram, variables[variable.accrual])
            one = accrual.counts.model_copy(
                update={"values": {"all": 1.0}, "why": "set by the run's follow_up_days"}
            )
            variables[variable.accrual] = accrual.model_copy(
                update={"edges": (float(days[0]), float(days[1])), "counts": one}
            )
    return disease.model_copy(update={"variables": variables})


def _changed(disease: spec.DiseaseFile, numbers: Mapping[str, float]) -> spec.DiseaseFile:
    if not numbers:
        return disease
    content = disease.model_dump(exclude_unset=True)
    for path, value in numbers.items():
        *parents, last = path.split(".")
        place: Any = content["variables"]
        try:
            for key in parents:
                place = place[int(key)] if isinstance(place, tuple | list) else place[key]
            place[last]
        except (KeyError, IndexError, ValueError):
            raise ConsilienceError(
                f"the disease file has no number '{path}'", wanted="variable.field. ... .value"
            ) from None
        place[last] = value
    return spec.DiseaseFile.model_validate(content)


def _read_by(disease: spec.DiseaseFile, assessors: tuple[str, ...]) -> spec.DiseaseFile:
    """Without the readers who are not asked for."""
    readers = {v.assessor for v in disease.variables.values() if isinstance(v, spec.Recist)}
    if "investigator" not in assessors or not readers.issuperset(assessors):
        raise ConsilienceError(
            "these assessors cannot be used",
            where="assessors",
            got=", ".join(assessors),
            wanted=f"investigator, and any of {', '.join(sorted(readers))}",
        )
    kept = {
        name: v
        for name, v in disease.variables.items()
        if not isinstance(v, spec.Measurement | spec.Recist) or v.assessor in assessors
    }
    return disease.model_copy(update={"variables": kept})


def _scheduled(disease: spec.DiseaseFile, scans: Schedule | None) -> spec.DiseaseFile:
    if scans is None:
        return disease
    weeks, every = scans
    variables = dict(disease.variables)
    for name, variable in disease.variables.items():
        if isinstance(variable, spec.ScanDay):
            given = {f"scan{i}": week for i, week in enumerate(weeks, 1)}
            first = variable.weeks.model_copy(update={"values": given, "why": "set by the study"})
            later = variable.every.model_copy(update={"value": every, "why": "set by the study"})
            variables[name] = variable.model_copy(update={"weeks": first, "every": later})
    return disease.model_copy(update={"variables": variables})
