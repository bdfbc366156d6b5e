"""The disease numbers against a second entry, made without looking at the first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from alignment.run import bundled
from cohort.model import CausalModel

CITED = ("confirmed", "secondary", "unverified", "definition")
RELATIVE = 1e-5
SECOND: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "second_entry.yaml").read_text(encoding="utf-8")
)["numbers"]
ENTERED = {name: entry["value"] for name, entry in SECOND.items() if entry["value"] is not None}


def first_entry(model: CausalModel) -> Iterator[tuple[str, float]]:
    for variable, specification in model.disease.variables.items():
        for name, parameter in specification.numbers():
            if parameter.status in CITED:
                yield f"{variable}.{name}", parameter.value
    analytes = yaml.safe_load(bundled("labs", "").read_text(encoding="utf-8"))["analytes"]
    for analyte, reference in analytes.items():
        for key, value in reference.items():
            items = value.items() if isinstance(value, dict) else enumerate(value) \
                if isinstance(value, list) else [("", value)]  # fmt: skip
            for part, number in items:
                if not isinstance(number, str):
                    yield f"labs.{analyte}.{key}.{part}".rstrip("."), float(number)


def test_both_entries_agree(nsclc: CausalModel) -> None:
    first = dict(first_entry(nsclc))
    compared = first.keys() & ENTERED.keys()
    assert len(compared) >= 80
    wrong = {
        name: (first[name], ENTERED[name])
        for name in compared
        if first[name] != pytest.approx(float(ENTERED[name]), rel=RELATIVE, abs=1e-12)
    }
    assert not wrong


def test_every_entry_names_a_number_of_the_model(nsclc: CausalModel) -> None:
    assert SECOND.keys() <= dict(first_entry(nsclc)).keys()


def test_what_the_second_entry_leaves_open_says_why() -> None:
    assert all(e.get("note") for e in SECOND.values() if e["value"] is None)
