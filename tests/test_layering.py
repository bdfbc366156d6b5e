"""Imports go one way: ontology <- alignment <- {cohort, modalities, eval} <- consilience."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("ontology", "alignment", "cohort", "modalities", "eval")
ALLOWED = {
    "ontology": {"ontology"},
    "alignment": {"ontology", "alignment"},
    "cohort": {"ontology", "alignment", "cohort"},
    "modalities": {"ontology", "alignment", "modalities"},
    "eval": {"ontology", "alignment", "eval"},
}
EVAL_FROM_ALIGNMENT = {"alignment.schemas", "alignment.identifiers"}


def imports(path: Path) -> set[str]:
    """Dotted names of the modules that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            found |= {node.module}
            if node.module in ROOMS:
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_below(room: str) -> None:
    above = {
        *ROOMS,
        "consilience",
        "consilience_cli",
        "consilience_run",
        "tests",
        "benchmarks",
    } - ALLOWED[room]
    for path in sorted((ROOT / room).rglob("*.py")):
        wrong = {name for name in imports(path) if name.split(".")[0] in above}
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


def test_the_evaluator_takes_schemas_and_identifiers_only() -> None:
    for path in sorted((ROOT / "eval").rglob("*.py")):
        taken = {n for n in imports(path) if n.startswith("alignment.")}
        assert taken <= EVAL_FROM_ALIGNMENT, f"{path.relative_to(ROOT)} imports {sorted(taken)}"


def test_asset_packages_are_never_imported() -> None:
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            assert not {n.split(".")[0] for n in imports(path)} & {"diffdrr", "pylidc"}, path
