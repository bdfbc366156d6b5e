"""Which lesion of the table a statement of the report is about."""

from __future__ import annotations

from eval.checks.lookup import Lesion
from eval.checks.text import pair
from eval.readers.report import read_report

TWO_BONES = """FINDINGS:
There is a bone lesion. There is a second osseous lesion.

IMPRESSION:
Second bone lesion.
"""


def bone(name: str) -> Lesion:
    return Lesion(name, "bone", None, None, None, None, is_new=False)


def test_two_statements_without_size_speak_of_two_lesions() -> None:
    rows = [bone("L04"), bone("L05")]
    pairs = pair(read_report(TWO_BONES), rows)
    assert {row.lesion_id for _, row in pairs if row is not None} == {"L04", "L05"}
    assert all(row is not None for _, row in pairs)
