"""Drafts and reports of one set of visits, by one author; made once and kept in a folder."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, islice
from pathlib import Path

from alignment.plan import EncounterPlan
from modalities.notes.lm import space
from modalities.notes.lm.author import LanguageModel
from modalities.notes.lm.ct_chest import CtChest
from modalities.notes.lm.redraws import Try
from modalities.notes.outline import Outline, outline
from note import judged
from note.possible import as_many

SEED = 783
"""On which nothing was tuned; 777 to 779, 781 and 782 were looked at."""
KIND = CtChest()
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Sample:
    """One visit, its outline and every draft of it."""

    plan: EncounterPlan
    prior: EncounterPlan | None
    said: Outline
    tries: tuple[Try, ...]

    @property
    def fell_back(self) -> bool:
        """Whether the grammar had to write it."""
        return bool(self.tries[-1].faults)

    @property
    def final(self) -> str:
        """The report that goes into a dataset."""
        last = self.tries[-1]
        return KIND.by_grammar(self.said).text if self.fell_back else last.report.text  # type: ignore[union-attr]


@dataclass(frozen=True)
class Taken:
    """Seconds on the clock and of all processors together, and the most memory held, in GB."""

    clock: float
    worked: float
    peak: float


def number() -> int:
    """How many visits: ``CONSILIENCE_NOTES`` or 200, as many as a cohort has written together."""
    return int(os.environ.get("CONSILIENCE_NOTES", "200"))


def adapter() -> str:
    """The adapter under test: ``CONSILIENCE_ADAPTER`` or the shipped one."""
    return os.environ.get("CONSILIENCE_ADAPTER", "")


def visits(n: int) -> list[space.Case]:
    """``n`` held-out cases that tables can hold and a patient can have, the many-sided last."""

    def cases() -> Iterator[space.Case]:
        drawn = (space.case(SEED, index, held=True) for index in count())
        return (case for case in drawn if judged.fits_tables(case[0]))

    return list(as_many(cases(), islice(cases(), n)))


@lru_cache(maxsize=4)
def samples(n: int) -> tuple[list[Sample], Taken]:
    """The first ``n`` visits as written, and how long it took."""
    chosen = visits(n)
    said = [outline(*visit) for visit in chosen]
    model = LanguageModel(adapter=adapter())
    _ = model.engine
    start, worked = time.perf_counter(), time.process_time()
    tries = model.drafts(chosen, said)
    taken = Taken(
        time.perf_counter() - start, time.process_time() - worked,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
    )  # fmt: skip
    made = [
        Sample(plan, prior, one, tuple(found))
        for (plan, prior), one, found in zip(chosen, said, tries, strict=True)
    ]
    return made, taken


def looking() -> bool:
    """Whether this is a look at fewer visits or another adapter, which no file keeps."""
    return "CONSILIENCE_NOTES" in os.environ or bool(adapter())


def page(path: Path, text: str) -> None:
    """Write a file of the project; where this is only a look, print it."""
    if looking():
        print(text)
    else:
        (ROOT / path).write_text(text, encoding="utf-8")
