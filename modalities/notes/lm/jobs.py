"""Jobs: one draft each, what may follow from it, and the queue from which lanes take them."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Job:
    """One draft: whose, and what the model is told after the prefix.

    ``draw`` counts from 0. ``kept``: the tokens with which the draft begins.
    """

    seed: int
    patient: int
    day: int
    prompt: str
    draw: int = 0
    kept: tuple[int, ...] = ()

    @property
    def visit(self) -> tuple[int, int, int]:
        """Whose draft it is."""
        return self.seed, self.patient, self.day

    @property
    def slot(self) -> int:
        """A number that keys the row."""
        hashed = hashlib.sha256(f"{self.patient} {self.day} {self.draw}".encode()).digest()
        return int.from_bytes(hashed[:8], "big")


@dataclass(frozen=True, slots=True)
class Draft:
    """What the model wrote; ``ended``: with its end token (which ``ids`` lack), within its room."""

    text: str
    ended: bool
    ids: tuple[int, ...]


class Judge(Protocol):
    """Sees the drafts as they end, in any order and from several threads."""

    def after(self, job: Job, draft: Draft) -> Sequence[Job]:
        """The drafts to write now that this one is known."""

    def needless(self, job: Job) -> bool:
        """Whether a draft under way is of no use any more."""


@dataclass(frozen=True, slots=True)
class Task:
    """A job with the tokens that are read before it is written, and its room."""

    job: Job
    ids: list[int]
    room: int


class Queue:
    """What is still to be written, by the row that may write it."""

    def __init__(self, tasks: Sequence[Task], kinds: int, lanes: int) -> None:
        self.kinds, self.lanes, self.changed = kinds, lanes, threading.Condition()
        self.waiting: list[deque[Task]] = [deque() for _ in range(kinds)]
        self.open, self.closed = len(tasks), False
        for task in sorted(tasks, key=lambda task: -task.room):  # the longest end last
            self.waiting[task.job.slot % kinds].append(task)

    def take(self, row: int, busy: int, room: int) -> Task | None:
        """The next task of a row that fits; None where there is none, or a lane has its share.

        ``busy``: rows of the lane at work. ``room``: tokens that it may still hold; one task goes
        into an idle lane however long it is.
        """
        with self.changed:
            mine = self.waiting[row % self.kinds]
            if busy * self.lanes >= self.open:
                return None
            task = next((task for task in mine if task.room <= room or not busy), None)
            if task is not None:
                mine.remove(task)
            return task

    def done(self, following: Sequence[Task] = ()) -> None:
        """One task has ended, and others follow from it; those come first."""
        with self.changed:
            if self.closed:
                return
            for task in reversed(following):
                self.waiting[task.job.slot % self.kinds].appendleft(task)
            self.open += len(following) - 1
            self.changed.notify_all()

    def more(self) -> bool:
        """Wait until there is something to take; False: nothing is left or will follow."""
        with self.changed:
            self.changed.wait_for(lambda: self.open <= 0 or any(self.waiting))
            return self.open > 0

    def close(self) -> None:
        """Let nobody take or wait any more."""
        with self.changed:
            self.waiting = [deque() for _ in range(self.kinds)]
            self.open, self.closed = 0, True
            self.changed.notify_all()
