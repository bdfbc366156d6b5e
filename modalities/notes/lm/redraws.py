"""Redraws: which drafts follow a faulty one, and which of them counts.

They are drawn side by side in rounds, since a lane that writes few rows is hardly faster than one
that writes many. What they begin with, and that the first true one in order counts, depends on no
clock: not on which of them ends first, nor on which row writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock

from modalities.notes.lm.jobs import Draft, Job
from modalities.notes.readback import Fault
from modalities.notes.report import Report

ROUND = 4
"""Redraws side by side; the last begins anew, the others keep what stands before the first fault
of that draft of this visit whose first fault comes last."""


@dataclass(frozen=True, slots=True)
class Try:
    """One draft as it was judged: ``report`` is None where it is not a report at all."""

    text: str
    report: Report | None
    faults: tuple[Fault, ...]

    @property
    def true(self) -> Report | None:
        """The report, where nothing is wrong with it."""
        return None if self.faults else self.report


@dataclass
class Drafts:
    """The drafts of one visit; ``job``: the first."""

    job: Job
    tries: dict[int, Try] = field(default_factory=dict)
    asked: int = 1
    """Draws that are written or to be written."""
    furthest: tuple[int, int, tuple[int, ...]] = (-1, 0, ())
    """First fault of the best draft, by character; the number of that draft, negative; its tokens
    before the fault."""

    @property
    def counts(self) -> int | None:
        """The first true draft known."""
        return min((draw for draw, one in self.tries.items() if one.true), default=None)

    @property
    def known(self) -> bool:
        """Whether every draft of this round is judged."""
        return len(self.tries) == self.asked

    def following(self, redraws: int) -> list[Job]:
        """The next round."""
        draws = range(self.asked, min(self.asked + ROUND, redraws + 1))
        self.asked += len(draws)
        return [
            replace(self.job, draw=draw, kept=() if draw % ROUND == 0 else self.furthest[2])
            for draw in draws
        ]

    def told(self) -> list[Try]:
        """The drafts in order, up to the one that counts."""
        last = self.counts
        return [self.tries[draw] for draw in range(len(self.tries) if last is None else last + 1)]


class Redraws:
    """All visits of a run, as :class:`jobs.Judge` sees their drafts.

    ``read_back`` judges a draft. ``cut``: the tokens of a draft that
    lie within its first characters.
    """

    def __init__(
        self, jobs: Sequence[Job], redraws: int, read_back: Callable[[Job, Draft], Try],
        cut: Callable[[Sequence[int], int], tuple[int, ...]],
    ) -> None:  # fmt: skip
        self.visits = {job.visit: Drafts(job) for job in jobs}
        self.redraws, self.read_back, self.cut, self.lock = redraws, read_back, cut, Lock()

    def after(self, job: Job, draft: Draft) -> list[Job]:
        """The next round, where this draft was the last of one without a true draft."""
        judged, visit = self.read_back(job, draft), self.visits[job.visit]
        at = min((fault.at for fault in judged.faults), default=0)
        kept = self.cut(draft.ids, at)
        with self.lock:
            visit.tries[job.draw] = judged
            visit.furthest = max(visit.furthest, (at, -job.draw, kept))
            return visit.following(self.redraws) if visit.known and visit.counts is None else []

    def needless(self, job: Job) -> bool:
        """Whether an earlier draft of this visit is true."""
        if not job.draw:
            return False
        with self.lock:
            counts = self.visits[job.visit].counts
        return counts is not None and counts < job.draw
