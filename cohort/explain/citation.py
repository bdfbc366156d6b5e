"""A number's unit, status and source as people read them."""

from __future__ import annotations

from collections.abc import Iterator

from cohort import spec
from cohort.numbers import numbers_of
from ontology.evidence import Parameter


def cite(source: str, disease: spec.DiseaseFile) -> str:
    """``key: why`` with the key replaced by its citation."""
    key, _, why = source.partition(": ")
    found = disease.sources.get(key)
    if found is None:
        return source
    return found.cite + (f", {found.id}" if found.id else "") + (f"; {why}" if why else "")


def number(parameter: Parameter, disease: spec.DiseaseFile) -> str:
    """``225.5 U/L  secondary: Struemper 2025, PMID ...``."""
    return f"{amount(parameter)}  {parameter.status}: {cite(parameter.source, disease)}"


def amount(parameter: Parameter) -> str:
    """Value with unit."""
    unit = "" if parameter.unit == "1" else f" {parameter.unit}"
    return f"{parameter.value:g}{unit}"


def own_numbers(variable: spec.Variable) -> Iterator[tuple[str, str, Parameter]]:
    """(name, values, provenance) of the numbers that are no effects; one row for each table."""
    effects = {name for name, _ in numbers_of("", variable.effects)}
    groups: dict[tuple[str, str, str, str], list[tuple[str, Parameter]]] = {}
    for name, parameter in variable.numbers():
        if name not in effects:
            field, _, level = name.partition(".")
            key = (field, parameter.unit, parameter.status, parameter.source)
            groups.setdefault(key, []).append((level, parameter))
    for (field, *_), entries in groups.items():
        unit = "" if entries[0][1].unit == "1" else f" {entries[0][1].unit}"
        listed = ", ".join(f"{level} {p.value:g}".strip() for level, p in entries)
        yield field, listed + unit, entries[0][1]
