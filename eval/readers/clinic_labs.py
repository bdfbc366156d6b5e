"""Reads laboratory values from clinical prose: analyte, value, unit, the value before, trend."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from eval.readers.prose import find_dates, without_dates

SYNONYMS = {  # LOINC: names as notes have them; short ones by case
    "718-7": r"[Hh]a?emoglobin|H[Gg]?b",
    "6690-2": r"[Ww]hite (?:blood )?cells|[Ll]eu[ck]ocytes|WBC|WCC",
    "751-8": r"[Nn]eutrophils?|ANC",
    "731-0": r"[Ll]ymphocytes?",
    "777-3": r"[Pp]latelets?|Plt",
    "2160-0": r"[Cc]reatinine|Cr",
    "1742-6": r"ALT",
    "1920-8": r"AST",
    "1975-2": r"[Bb]ili(?:rubin)?",
    "1751-7": r"[Aa]lbumin|Alb",
    "2885-2": r"[Tt]otal protein",
    "2532-0": r"LDH",
    "2039-6": r"CEA",
    "25390-6": r"CYFRA 21-1",
    "17861-6": r"[Cc]alcium|Ca",
    "2951-2": r"[Ss]odium|Na",
    "2345-7": r"[Gg]lucose",
    "3016-3": r"TSH|[Tt]hyrotropin",
}
_UNIT = r"(?:x ?10\^9/L|10\*9/L|g/dL|g/L|mg/dL|U/L|ng/mL|mmol/L|mIU/L|m\[IU\]/L)"
_NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_NAMES = "|".join(f"(?P<n{i}>{words})" for i, words in enumerate(SYNONYMS.values()))
_LAB = re.compile(
    rf"(?<![\w-])(?:{_NAMES})(?: count)?(?::| is| was| of|,)? (?P<value>{_NUMBER})"
    rf"(?: ?(?P<unit>{_UNIT}))?(?![\w%])"
)
_GRADE = re.compile(r"\bgrade ([1-4])\b")
_TRENDS = {
    "rising": r"\brising\b|\bup\b|\bincreas\w+|\bhigher\b",
    "falling": r"\bfalling\b|\bdown\b|\bdecreas\w+|\blower\b",
    "stable": r"\bstable\b|\bunchanged\b|\bsteady\b",
}


@dataclass(frozen=True, slots=True)
class LabFact:
    """One value of today: by LOINC, with what is said of the value before."""

    loinc: str
    value: float
    unit: str | None
    prior: float | None
    prior_date: dt.date | None
    trend: str | None
    grade: int | None
    words: str


def read_labs(sentence: str) -> list[LabFact]:
    """Every analyte that is followed by a number, and what stands up to the next one."""
    blank = without_dates(sentence)
    matches = list(_LAB.finditer(blank))
    found = []
    starts = [match.start() for match in matches]
    for match, end in zip(matches, [*starts[1:], len(blank)][: len(matches)], strict=True):
        tail, told = blank[match.end() : end], sentence[match.end() : end]
        grade = _GRADE.search(tail)
        numbers = re.findall(rf"(?<![\w#]){_NUMBER}", _GRADE.sub(" ", tail))
        dates = find_dates(told)
        loinc = next(key for i, key in enumerate(SYNONYMS) if match[f"n{i}"])
        found.append(
            LabFact(
                loinc,
                float(match["value"]),
                match["unit"],
                float(numbers[0]) if numbers else None,
                dates[0].date if dates else None,
                next((k for k, words in _TRENDS.items() if re.search(words, tail)), None),
                int(grade[1]) if grade else None,
                sentence[match.start() : end].strip(" ;,."),
            )
        )
    return found


def printed_unit(unit: str) -> str:
    """One spelling of a unit, be it UCUM (10*9/L, m[IU]/L) or as it is printed (x 10^9/L)."""
    bare = re.sub(r"[\s\[\]]|^x", "", unit.lower().strip())
    return bare.replace("*", "^").removeprefix("x")
