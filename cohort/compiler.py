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

from cohort import numbers, spec
from cohort.mechanisms import baseline, course, dose, labs, marrow, toxicity, tumour, visits
from cohort.mechanisms.base import Mechanism, coefficient
from cohort.model import CausalModel
from ontology.errors import ConsilienceError, nearest
from ontology.knowledge import KnowledgeGraph
from ontology.yamlfile import YamlFile, read_yaml

Levels = dict[str, tuple[str, ...]]
YES_NO = ("no", "yes")
"""Rows of a table by a parent that is true or false."""


def compile_disease(
    path: Path,
    knowledge: KnowledgeGraph,
    restrict: Mapping[str, tuple[str, ...]] | None = None,
    follow_up_days: tuple[int, int] | None = None,
) -> CausalModel:
    """Compile ``path`` against ``knowledge``.

    ``restrict``: levels to which the population is limited, of parentless categorical variables
    or of lookups on them; for these, conditioning is exact and needs no rejection.
    ``follow_up_days``: shortest and longest time from index to the data cutoff, instead of the
    disease file's.
    """
    file = read_yaml(path)
    disease = file.parse(spec.DiseaseFile)
    levels = _levels(disease)
    problems = _Problems(file)
    _check_numbers(disease, levels, problems)
    _check_graph(disease, levels, knowledge, problems)
    problems.raise_any()
    disease = _followed(_restricted(disease, restrict or {}), follow_up_days)
    built = {name: _build(name, v, disease, levels) for name, v in disease.variables.items()}
    for name, mechanism in built.items():
        for parent, lag in mechanism.parents:
            _check_parent(name, parent, lag, built, knowledge, problems)
    problems.raise_any()
    graph = _causal_graph(built, file)
    version = hashlib.sha256(
        f"{knowledge.version}\x1f{disease.model_dump_json()}".encode()
    ).hexdigest()
    return CausalModel(disease, built, levels, graph, version)


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
        if isinstance(variable, spec.Categorical):
            levels[name] = variable.levels
        elif isinstance(variable, spec.Lookup):
            entries = tuple(dict.fromkeys(variable.table.values()))
            if all(isinstance(entry, str) for entry in entries):
                levels[name] = cast("tuple[str, ...]", entries)
        elif isinstance(variable, spec.Policy):
            levels[name] = (visits.NO_REGIMEN, *variable.regimens)
        elif isinstance(variable, spec.Recist):
            levels[name] = course.RESPONSE_LEVELS
        elif isinstance(variable, spec.FollowUp):
            levels[name] = visits.FOLLOW_UP
    return levels


def _build(name: str, v: Any, disease: spec.DiseaseFile, levels: Levels) -> Mechanism:
    policy = next((x for x in disease.variables.values() if isinstance(x, spec.Policy)), None)
    regimens = (visits.NO_REGIMEN, *policy.regimens) if policy else ()
    lines = next((x.maximum for x in disease.variables.values() if isinstance(x, spec.Line)), 1)
    lesions = next((x for x in disease.variables.values() if isinstance(x, spec.Lesions)), None)
    recist = next((x for x in disease.variables.values() if isinstance(x, spec.Recist)), None)
    dynamic = frozenset(n for n, x in disease.variables.items() if isinstance(x, DYNAMIC_KINDS))
    builders: dict[type, Callable[[], Any]] = {
        spec.Histogram: lambda: baseline.Histogram(name, v),
        spec.Bernoulli: lambda: baseline.Bernoulli(name, v, levels.get(v.by or "", ())),
        spec.Categorical: lambda: baseline.Categorical(
            name, v, tuple(levels.get(parent, YES_NO) for parent in v.by)
        ),
        spec.Normal: lambda: baseline.Normal(name, v),
        spec.LogNormal: lambda: baseline.LogNormal(name, v),
        spec.Beta: lambda: baseline.Beta(name, v),
        spec.Count: lambda: baseline.Count(name, v),
        spec.Tally: lambda: baseline.Tally(name, v),
        spec.Member: lambda: baseline.Member(name, v, levels[v.parent]),
        spec.Lookup: lambda: baseline.Lookup(name, v, levels[v.parent], levels.get(name)),
        spec.Within: lambda: baseline.Within(name, v, levels[v.parent]),
        spec.VisitDay: lambda: visits.VisitDay(name, v, disease.step_days),
        spec.FollowUp: lambda: visits.FollowUp(name, v),
        spec.ScanDay: lambda: visits.ScanDay(name, v),
        spec.TumourBurden: lambda: tumour.TumourBurden(name, v),
        spec.Lesions: lambda: tumour.Lesions(name, v, lines),
        spec.Measurement: lambda: tumour.Measurement(
            name, v, cast(spec.Lesions, lesions), recist.node_normal.value if recist else 10.0
        ),
        spec.Hazard: lambda: course.Hazard(name, v),
        spec.Recist: lambda: course.Recist(name, v),
        spec.Line: lambda: course.Line(name, v),
        spec.Policy: lambda: course.Policy(name, v, levels),
        spec.Rate: lambda: tumour.Rate(name, v, regimens),
        spec.Survival: lambda: course.Survival(name, v),
        spec.Lab: lambda: labs.Lab(name, v, regimens, dynamic),
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
    spec.TumourBurden,
    spec.Lesions,
    spec.Measurement,
    spec.Hazard,
    spec.Recist,
    spec.Line,
    spec.Policy,
    spec.Rate,
    spec.Survival,
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
)


def _check_numbers(disease: spec.DiseaseFile, levels: Levels, problems: _Problems) -> None:
    for name, variable in disease.variables.items():
        here = ("variables", name)
        for where, item in _provenances(variable, here):
            if item.source is not None and item.source not in disease.sources:
                hint = nearest(item.source, disease.sources)
                problems.add((*where, "source"), f"source '{item.source}' is not listed; {hint}")
        if isinstance(variable, spec.Categorical):
            _check_categorical(variable, levels, here, problems)
        if isinstance(variable, spec.Bernoulli):
            _check_bernoulli(variable, levels, here, problems)
        if isinstance(variable, spec.Policy):
            if not variable.rules or variable.rules[-1].when:
                problems.add(
                    (*here, "rules"),
                    "the last rule must have no condition: a patient is left without a decision",
                )
            for i, rule in enumerate(variable.rules):
                if rule.regimen not in variable.regimens:
                    hint = nearest(rule.regimen, variable.regimens)
                    problems.add((*here, "rules", i), f"unknown regimen '{rule.regimen}'; {hint}")


def _check_categorical(
    v: spec.Categorical, levels: Levels, here: tuple[object, ...], problems: _Problems
) -> None:
    tables: dict[str, Any] = {"": v.base.values}
    if v.by:
        tables = dict(v.base.values)
        keys = [""]
        for parent in v.by:
            here_levels = levels.get(parent, YES_NO)
            keys = [f"{k}/{level}" if k else level for k in keys for level in here_levels]
        if set(keys) != set(tables):
            problems.add((*here, "base"), f"rows {sorted(tables)} where {sorted(keys)} are wanted")
            return
    for key, table in tables.items():
        if not isinstance(table, dict) or set(table) != set(v.levels):
            problems.add(
                (*here, "base", "values", key), f"wanted one number for each of {v.levels}"
            )
        elif min(table.values()) < 0 or abs(sum(table.values()) - 1) > 1e-6:
            problems.add(
                (*here, "base", "values", key) if key else (*here, "base"),
                f"probabilities add up to {sum(table.values()):g}, wanted 1 and none below 0",
            )


def _check_bernoulli(
    v: spec.Bernoulli, levels: Levels, here: tuple[object, ...], problems: _Problems
) -> None:
    if isinstance(v.base, numbers.Numbers):
        if v.by is None or v.by not in levels or set(v.base.values) != set(levels[v.by]):
            problems.add((*here, "base"), "'by' must name a categorical variable with these levels")
            return
    elif v.by is not None:
        problems.add((*here, "by"), "'by' needs a 'base' with one number a level")
    for key, p in v.base.flat() if isinstance(v.base, numbers.Numbers) else [("", v.base.value)]:
        if not 0 < p < 1:
            problems.add((*here, "base"), f"probability {key} {p:g}, wanted between 0 and 1")


def _check_graph(
    disease: spec.DiseaseFile, levels: Levels, knowledge: KnowledgeGraph, problems: _Problems
) -> None:
    known = {variable for edge in knowledge.edges() for variable in (edge.cause, edge.effect)}
    known |= {term.key for term in knowledge.terms("Variable")}
    edges: dict[tuple[str, str, int], list[Any]] = {}
    for edge in knowledge.edges():
        edges.setdefault((edge.cause, edge.effect, edge.lag), []).append(edge)
    for name, variable in disease.variables.items():
        here: tuple[object, ...] = ("variables", name)
        if name not in known:
            problems.add(here, f"unknown variable; {nearest(name, known)}")
        for i, effect in enumerate(variable.effects):
            at = (*here, "effects", i)
            if effect.parent not in disease.variables:
                hint = nearest(effect.parent, disease.variables)
                problems.add(at, f"unknown parent '{effect.parent}'; {hint}")
                continue
            wanted = levels.get(effect.parent)
            if effect.level is not None and effect.level not in (wanted or ()):
                problems.add(at, f"'{effect.parent}' has no level '{effect.level}' ({wanted})")
            if effect.level is None and wanted is not None:
                problems.add(at, f"'{effect.parent}' is categorical: name a level of {wanted}")
            _check_sign(
                effect, name, edges.get((effect.parent, name, effect.lag), []), at, problems
            )


def _check_sign(
    effect: numbers.Effect, name: str, edges: list[Any], at: tuple[object, ...], problems: _Problems
) -> None:
    size = coefficient(effect) / effect.per
    for edge in edges:
        if edge.sign == "any" or size == 0:
            continue
        if edge.contrast is not None and edge.contrast != effect.level:
            continue
        if (size > 0) != (edge.sign == "+"):
            problems.add(
                at,
                f"the effect of '{effect.parent}' on '{name}' is {size:+.4g}, "
                f"but the graph's edge has sign '{edge.sign}' ({'; '.join(edge.evidence)})",
            )


def _check_parent(
    name: str,
    parent: str,
    lag: int,
    built: dict[str, Mechanism],
    knowledge: KnowledgeGraph,
    problems: _Problems,
) -> None:
    here = ("variables", name)
    if parent not in built:
        problems.add(here, f"unknown parent '{parent}'; {nearest(parent, built)}")
    elif ((parent, lag), (name, 0)) not in knowledge.causal().edges:
        problems.add(here, f"'{parent}' -> '{name}' at lag {lag} is not an edge of the graph")


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


def _restricted(
    disease: spec.DiseaseFile, restrict: Mapping[str, tuple[str, ...]]
) -> spec.DiseaseFile:
    variables = dict(disease.variables)
    for name, keep in restrict.items():
        variable = variables.get(name)
        if isinstance(variable, spec.Lookup):
            unknown = sorted(set(keep) - {str(entry) for entry in variable.table.values()})
            if unknown:
                raise ConsilienceError(
                    f"'{name}' has no level {', '.join(unknown)}",
                    wanted=", ".join(dict.fromkeys(map(str, variable.table.values()))),
                )
            keep = tuple(k for k, entry in variable.table.items() if entry in keep)
            name, variable = variable.parent, variables[variable.parent]
        if not isinstance(variable, spec.Categorical) or variable.by or variable.effects:
            raise ConsilienceError(
                f"the population cannot be limited by '{name}'",
                wanted="a categorical variable without parents",
            )
        unknown = sorted(set(keep) - set(variable.levels))
        if unknown or not keep:
            raise ConsilienceError(
                f"'{name}' has no level {', '.join(unknown) or '(none given)'}",
                wanted=", ".join(variable.levels),
            )
        values = {k: cast(float, p) if k in keep else 0.0 for k, p in variable.base.values.items()}
        total = sum(values.values())
        base = variable.base.model_copy(
            update={"values": {k: p / total for k, p in values.items()}}
        )
        variables[name] = variable.model_copy(update={"base": base})
    return disease.model_copy(update={"variables": variables})


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


def _provenances(
    value: Any, where: tuple[object, ...]
) -> list[tuple[tuple[object, ...], numbers.Provenance]]:
    if isinstance(value, numbers.Provenance):
        return [(where, value)]
    if isinstance(value, numbers.Strict):
        items = [(field, getattr(value, field)) for field in type(value).model_fields]
    elif isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, tuple):
        items = [(str(i), item) for i, item in enumerate(value)]
    else:
        return []
    return [found for key, item in items for found in _provenances(item, (*where, key))]
