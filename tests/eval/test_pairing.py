"""Which lesion of the table a statement of the report is about."""

from __future__ import annotations

import pytest

from eval.checks.lookup import Lesion
from eval.checks.text import check_text, pair
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


def test_a_statement_without_size_is_of_the_lesion_that_has_none() -> None:
    measured = Lesion("L01", "lung", "RML", "right", 25.0, 16.0, False, 25.0, 16.0)
    bare = Lesion("L02", "lung", "RML", "right", None, None, is_new=False)
    text = (
        "FINDINGS:\nThe nodule in the right middle lobe is unchanged, measuring 25 x 16 mm. "
        "The second right middle lobe lesion is stable.\n"
    )
    told = {row.lesion_id: fact for fact, row in pair(read_report(text), [measured, bare]) if row}
    assert told["L01"].long_mm == 25 and told["L02"].long_mm is None


@pytest.mark.parametrize(
    "said",
    ["No new lesion.", "No new site of disease.", "No evidence of new lesions.",
     "There are no new metastases."],
)  # fmt: skip
@pytest.mark.parametrize("is_new", [True, False])
def test_no_new_lesion_denies_what_is_new(said: str, is_new: bool) -> None:
    liver = Lesion("L01", "liver", None, None, 20.0, 15.0, is_new, first_seen=is_new)
    text = f"FINDINGS:\nThere is a liver lesion of 20 x 15 mm.\n\nIMPRESSION:\n{said}\n"
    denied = next(
        result
        for result in check_text({("P1", 60): ("r.txt", text)}, {("P1", 60): [liver]})
        if result.key == "text_denied"
    )
    assert len(denied.violations) == is_new


def test_no_other_new_lesion_denies_nothing_that_was_named() -> None:
    liver = Lesion("L01", "liver", None, None, 20.0, 15.0, is_new=True, first_seen=True)
    text = "FINDINGS:\nNew liver lesion, 20 x 15 mm. No other new lesion.\n"
    results = check_text({("P1", 60): ("r.txt", text)}, {("P1", 60): [liver]})
    assert not any(result.violations for result in results)
