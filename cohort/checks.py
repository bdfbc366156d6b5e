"""What the compiler refuses in a disease file, each with the place in the file."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cohort import conditions, numbers, spec
from cohort.mechanisms.base import Mechanism, coefficient
from cohort.mechanisms.course import PREVIOUS
from ontology.errors import nearest
from ontology.knowledge import KnowledgeGraph

Levels = Mapping[str, tuple[str, ...]]
Add = Callable[[tuple[object, ...], str], None]
"""Reports a problem at a path into the file."""

YES_NO = ("no", "yes")
"""Rows of a table by a parent that is true or false."""


def check_numbers(disease: spec.DiseaseFile, levels: Levels, add: Add) -> None:
    """Every number: a known source, inside the range of its unit, a row for every level."""
    for name, variable in disease.variables.items():
        here = ("variables", name)
        for where, item in _provenances(variable, here):
            if item.source is not None and item.source not in disease.sources:
                hint = nearest(item.source, disease.sources)
                add((*where, "source"), f"source '{item.source}' is not listed; {hint}")
            _check_range(item, where, add)
        if isinstance(variable, spec.Categorical):
            _check_categorical(variable, levels, here, add)
        if isinstance(variable, spec.Allele):
            _check_shares(variable.base.values, variable.levels[1:], (*here, "base"), add)
        if isinstance(variable, spec.Bernoulli):
            _check_bernoulli(variable, levels, here, add)
        if isinstance(variable, spec.Policy):
            _check_policy(variable, disease, levels, here, add)
        if isinstance(variable, spec.Cases):
            if not variable.cases or variable.cases[-1].when:
                add((*here, "cases"), "the last case must have no condition")
            for i, case in enumerate(variable.cases):
                _check_when(case.when, disease, levels, (*here, "cases", i), add)
        if isinstance(variable, spec.Rate):
            for missing in sorted(set(_regimens(disease)) - set(variable.typical)):
                add((*here, "typical"), f"no typical rate of regimen '{missing}'")


def _check_range(item: numbers.Provenance, where: tuple[object, ...], add: Add) -> None:
    """Numbers, not effects: a difference may be negative where the quantity may not."""
    low, high = numbers.RANGES[item.unit]
    if isinstance(item, numbers.Number):
        values = [("", item.value)]
    elif isinstance(item, numbers.Numbers):
        values = list(item.flat())
    else:
        return
    for key, value in values:
        if not low <= value <= high:
            at = (*where, "values", *key.split("/")) if key else (*where, "value")
            add(at, f"{value:g} {item.unit} is outside its physical range, {low:g} to {high:g}")


def _regimens(disease: spec.DiseaseFile) -> tuple[str, ...]:
    policies = [v for v in disease.variables.values() if isinstance(v, spec.Policy)]
    return policies[0].regimens if policies else ()


def _check_policy(
    v: spec.Policy,
    disease: spec.DiseaseFile,
    levels: Levels,
    here: tuple[object, ...],
    add: Add,
) -> None:
    if not v.rules or v.rules[-1].when:
        add(
            (*here, "rules"),
            "the last rule must have no condition: a patient is left without a decision",
        )
    for i, rule in enumerate(v.rules):
        at = (*here, "rules", i)
        if rule.regimen not in v.regimens:
            add(at, f"unknown regimen '{rule.regimen}'; {nearest(rule.regimen, v.regimens)}")
        previous = rule.when.get(PREVIOUS)
        if previous is not None and (
            text := conditions.problem(
                PREVIOUS, previous, (PREVIOUS,), {PREVIOUS: ("none", *v.regimens)}
            )
        ):
            add(at, text)
        own = {key: wanted for key, wanted in rule.when.items() if key != PREVIOUS}
        _check_when(own, disease, levels, at, add)


def _check_when(
    when: conditions.When,
    disease: spec.DiseaseFile,
    levels: Levels,
    at: tuple[object, ...],
    add: Add,
) -> None:
    for key, wanted in when.items():
        if text := conditions.problem(key, wanted, disease.variables, levels):
            add(at, text)


def _check_categorical(
    v: spec.Categorical, levels: Levels, here: tuple[object, ...], add: Add
) -> None:
    tables: dict[str, Any] = {"": v.base.values}
    if v.by:
        tables = dict(v.base.values)
        keys = _rows(v.by, levels)
        if set(keys) != set(tables):
            add((*here, "base"), f"rows {sorted(tables)} where {sorted(keys)} are wanted")
            return
    for key, table in tables.items():
        at = (*here, "base", "values", key) if key else (*here, "base")
        _check_shares(table, v.levels, at, add)


def _rows(by: tuple[str, ...], levels: Levels) -> list[str]:
    """Names of the rows of a table by some parents."""
    wanted = (levels.get(parent, YES_NO) for parent in by)
    return ["/".join(combination) for combination in itertools.product(*wanted)]


def _check_shares(table: Any, wanted: tuple[str, ...], at: tuple[object, ...], add: Add) -> None:
    if not isinstance(table, dict) or set(table) != set(wanted):
        add(at, f"wanted one number for each of {wanted}")
    elif min(table.values()) < 0 or abs(sum(table.values()) - 1) > 1e-6:
        add(at, f"probabilities add up to {sum(table.values()):g}, wanted 1 and none below 0")


def _check_bernoulli(v: spec.Bernoulli, levels: Levels, here: tuple[object, ...], add: Add) -> None:
    if isinstance(v.base, numbers.Numbers) != bool(v.by):
        add((*here, "by"), "'by' goes with a 'base' with one number a level")
        return
    if isinstance(v.base, numbers.Numbers):
        names, wanted = sorted(key for key, _ in v.base.flat()), sorted(_rows(v.by, levels))
        if names != wanted:
            add((*here, "base"), f"rows {names} where {wanted} are wanted")
            return
    for key, p in v.base.flat() if isinstance(v.base, numbers.Numbers) else [("", v.base.value)]:
        if not 0 < p < 1:
            add((*here, "base"), f"probability {key} {p:g}, wanted between 0 and 1")


def check_regimens(disease: spec.DiseaseFile, knowledge: KnowledgeGraph, add: Add) -> None:
    """Every regimen of the policy is in the graph, with its drugs and their targets."""
    known = knowledge.regimens()
    for name, variable in disease.variables.items():
        if not isinstance(variable, spec.Policy):
            continue
        for i, regimen in enumerate(variable.regimens):
            if regimen not in known:
                hint = nearest(regimen, known)
                add(("variables", name, "regimens", i),
                    f"the graph knows no regimen '{regimen}', hence no target; {hint}")  # fmt: skip


def check_graph(
    disease: spec.DiseaseFile, levels: Levels, knowledge: KnowledgeGraph, add: Add
) -> None:
    """Every effect is an edge of the graph, with its sign; every variable is declared there."""
    known = {variable for edge in knowledge.edges() for variable in (edge.cause, edge.effect)}
    known |= {term.key for term in knowledge.terms("Variable")}
    edges: dict[tuple[str, str, int], list[Any]] = {}
    for edge in knowledge.edges():
        edges.setdefault((edge.cause, edge.effect, edge.lag), []).append(edge)
    for name, variable in disease.variables.items():
        here: tuple[object, ...] = ("variables", name)
        if name not in known:
            add(here, f"unknown variable; {nearest(name, known)}")
        for at, effect in _effects(variable, here):
            if effect.parent not in disease.variables:
                hint = nearest(effect.parent, disease.variables)
                add(at, f"unknown parent '{effect.parent}'; {hint}")
                continue
            wanted = levels.get(effect.parent)
            if effect.level is not None and effect.level not in (wanted or ()):
                add(at, f"'{effect.parent}' has no level '{effect.level}' ({wanted})")
            if effect.level is None and wanted is not None:
                add(at, f"'{effect.parent}' is categorical: name a level of {wanted}")
            _check_sign(effect, name, edges.get((effect.parent, name, effect.lag), []), at, add)


def _effects(
    variable: spec.Variable, here: tuple[object, ...]
) -> Iterator[tuple[tuple[object, ...], numbers.Effect]]:
    """Every effect of a variable, with its path in the file."""
    missing = isinstance(variable, spec.Missing)
    for field in ("mar_effects", "mnar_effects") if missing else ("effects",):
        for i, effect in enumerate(getattr(variable, field)):
            yield (*here, field, i), effect


def check_at_random(disease: spec.DiseaseFile, built: dict[str, Mechanism], add: Add) -> None:
    """What is missing at random depends on the baseline, which is always on record."""
    for name, variable in disease.variables.items():
        if not isinstance(variable, spec.Missing):
            continue
        for i, effect in enumerate(variable.mar_effects):
            if built[effect.parent].dynamic:
                add(
                    ("variables", name, "mar_effects", i),
                    f"'{effect.parent}' may not be on record: missing at random depends on "
                    "baseline variables; move the effect to mnar_effects",
                )


def _check_sign(
    effect: numbers.Effect, name: str, edges: list[Any], at: tuple[object, ...], add: Add
) -> None:
    size = coefficient(effect) / effect.per
    for edge in edges:
        if edge.sign == "any" or size == 0:
            continue
        if edge.contrast is not None and edge.contrast != effect.level:
            continue
        if (size > 0) != (edge.sign == "+"):
            add(
                at,
                f"the effect of '{effect.parent}' on '{name}' is {size:+.4g}, "
                f"but the graph's edge has sign '{edge.sign}' ({'; '.join(edge.evidence)})",
            )


def check_parent(
    name: str,
    parent: str,
    lag: int,
    built: dict[str, Mechanism],
    knowledge: KnowledgeGraph,
    add: Add,
) -> None:
    """What a mechanism reads is a variable, and an edge of the graph into this one."""
    here = ("variables", name)
    if parent not in built:
        add(here, f"unknown parent '{parent}'; {nearest(parent, built)}")
    elif ((parent, lag), (name, 0)) not in knowledge.causal().edges:
        add(here, f"'{parent}' -> '{name}' at lag {lag} is not an edge of the graph")


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
