from __future__ import annotations

import datetime as dt
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment import identifiers
from ontology.errors import ConsilienceError


@given(st.integers(0, identifiers.MAX_PATIENTS - 1))
def test_patient_id_and_index_are_inverse(index: int) -> None:
    assert identifiers.patient_index(identifiers.patient_id(index)) == index


@pytest.mark.parametrize("text", ["7", "P7", "Q0000007", "P000000x", ""])
def test_what_is_no_patient_id_is_refused(text: str) -> None:
    with pytest.raises(ConsilienceError, match="P0000007"):
        identifiers.patient_index(text)


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_uids_are_valid_and_apart(a: list[str], b: list[str]) -> None:
    uid = identifiers.dicom_uid(*a)
    assert re.fullmatch(r"2\.25\.(0|[1-9][0-9]*)", uid)
    assert len(uid) <= 64
    assert (uid == identifiers.dicom_uid(*b)) == (a == b)


def test_dates_and_study_names() -> None:
    date = identifiers.calendar_date(dt.date(2020, 2, 28), 2)
    assert date == dt.date(2020, 3, 1)
    assert identifiers.dicom_date(date) == "20200301"
    assert identifiers.study_name(42) == "ct-d0042"
    assert identifiers.study_name(-7) == "ct-m0007"
