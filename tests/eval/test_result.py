"""Wilson intervals, reports and their renderings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from eval import ConsistencyReport, evaluate, render, wilson
from eval.result import CheckResult, Tally, Violation


@pytest.mark.parametrize(
    ("agreed", "tested", "low", "high"),
    [
        # Examples of Newcombe, Stat Med 1998;17:857 (Wilson without continuity correction).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_known_answers(agreed: int, tested: int, low: float, high: float) -> None:
    assert wilson(agreed, tested) == pytest.approx((low, high), abs=5e-5)


def test_wilson_of_nothing_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="3 agreed of 2"):
        wilson(3, 2)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_is_symmetric(counts: tuple[int, int]) -> None:
    agreed, tested = counts
    low, high = wilson(agreed, tested)
    assert 0 <= low <= agreed / tested <= high <= 1
    other = wilson(tested - agreed, tested)
    assert (1 - other[1], 1 - other[0]) == pytest.approx((low, high))


def test_a_check_must_list_its_violations() -> None:
    with pytest.raises(ValueError, match="must list a violation"):
        CheckResult("k", "t", "agreement", 2, 1, 0, 0.0, 1.0)
    violation = Violation("P", None, "w", "a", "b", "m")
    with pytest.raises(ValueError, match="must list a violation"):
        CheckResult("k", "t", "agreement", 2, 2, 0, 0.0, 1.0, (violation,))


def report(tally: Tally) -> ConsistencyReport:
    return ConsistencyReport(Path("/somewhere/demo"), (tally.result(), Tally("z", "zero").result()))


def broken(count: int) -> ConsistencyReport:
    tally = Tally("sizes", "sizes agree")
    tally.agree(90)
    for i in range(count):
        tally.violate(f"P{i:07d}", 42, "notes/x.txt", expected=24.0, found=None, message="differs")
    tally.skip("not rendered", 3)
    return report(tally)


def text_of(what: ConsistencyReport) -> str:
    console = Console(width=140, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    with console.capture() as capture:
        console.print(render(what))
    console.file.close()
    return capture.get()


def test_json_holds_every_violation() -> None:
    body = json.loads(broken(40).to_json())
    assert body["folder"] == "demo"
    assert body["holds"] is False
    check = body["checks"][0]
    assert (check["tested"], check["agreed"], check["unrendered"]) == (130, 90, 3)
    assert check["reasons"] == [["not rendered", 3]]
    assert len(check["violations"]) == 40
    assert check["violations"][7] == {
        "patient_id": "P0000007",
        "day": 42,
        "where": "notes/x.txt",
        "expected": "24",
        "found": "nothing",
        "message": "differs",
    }
    assert body["checks"][1]["absent"] is True


def test_terminal_shows_the_first_violations_and_what_is_absent() -> None:
    text = text_of(broken(40))
    assert "90 / 130" in text
    assert "P0000004" in text
    assert "P0000005" not in text
    assert "and 35 more" in text
    assert "not in this dataset" in text
    assert "40 contradictions in 1 checks" in text
    assert "Holds: 90 comparisons" in text_of(broken(0))


def test_the_page_is_one_self_contained_file(consistent: Path, dataset: Path) -> None:
    found = evaluate(dataset)
    page = (dataset / "report" / "index.html").read_text()
    for text in (
        "Every line of evidence agrees",
        "P0000000",
        "New 13 x 11 mm nodule",
        "data:image/png;base64",
        "EGFR" if "EGFR" in page else "docetaxel",
        "L04",
    ):
        assert text in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count('class="ct"') == 5 + 3  # a crop a segment, a slice a study
    # Evaluating again is no contradiction: the page is outside the manifest.
    assert evaluate(dataset) == found
    assert (dataset / "report" / "index.html").read_text() == page


def test_without_page_nothing_is_written(dataset: Path) -> None:
    evaluate(dataset, page=False)
    assert not (dataset / "report").exists()
