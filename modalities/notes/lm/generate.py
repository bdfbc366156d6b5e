"""Batched writing: rows of a fixed number, keyed noise, and rows that never see one another.

A job is one draft of one visit. Each core has a lane of its own, and a lane as many rows as every
other; a row that is done takes the next job at once. A product computes every row alike however
many there are, and attention is of one row alone, so which other patients are in the run, and how
many cores, changes no number of a draft. Where a library's products depend on how many rows there
are, all rows are always computed, idle ones too, and a visit keeps to one row.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from alignment.noise import Noise
from modalities.notes.lm import base
from modalities.notes.lm.rows import NAME, Rows
from modalities.notes.lm.supported import room
from modalities.notes.lm.turned import turn
from ontology.errors import ConsilienceError

LANES = max(1, min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity")
                   else os.cpu_count() or 1, 4))  # fmt: skip
"""Rows write in so many threads at once; how many changes no byte, only memory and time."""
TEMPERATURE = 0.35
MIN_SHARE, AGAIN_SHARE, AGAIN_WARMER = 0.3, 0.1, 2.0
"""A token less likely than this share of the likeliest one is never drawn ("min-p"); in redraws
the second, and at so many times the temperature, since a draft that goes on from the same words
would else repeat its fault."""
_CHUNK = 64


@dataclass(frozen=True, slots=True)
class Job:
    """One draft: whose, and what the model is told after the prefix. ``draw`` counts from 0."""

    seed: int
    patient: int
    day: int
    prompt: str
    draw: int = 0

    @property
    def slot(self) -> int:
        """A number that keys the row."""
        hashed = hashlib.sha256(f"{self.patient} {self.day}".encode()).digest()
        return int.from_bytes(hashed[:8], "big")

    def again(self) -> Job:
        """The same draft with other noise."""
        return replace(self, draw=self.draw + 1)


@dataclass(frozen=True, slots=True)
class Draft:
    """What the model wrote; ``ended``: with its end token, within its room."""

    text: str
    ended: bool
    tokens: int


Judge = Callable[[Job, Draft], int | None]
"""From which character a draft is to be written again, with the next draw; None: it stays."""


class Engine:
    """A model ready to write: adapter merged, head cut to its vocabulary.

    ``words``: the token ids that it may write; all of them where None. ``rows``: of one lane.
    """

    def __init__(
        self, model: base.Base, *, words: Sequence[int] | None = None,
        rows: int = 32, temperature: float = TEMPERATURE,
    ) -> None:  # fmt: skip
        self.base, self.rows, self.temperature = model, rows, temperature
        model.model.set_attn_implementation(NAME)
        self.body = model.model.model
        turn(self.body)
        self.layers = int(model.model.config.num_hidden_layers)
        head = model.model.get_output_embeddings().weight
        self.words = np.arange(len(head)) if words is None else np.array(words)
        chosen = head if words is None else head[torch.tensor(self.words)]
        self.head = chosen.detach().T.contiguous()  # (width, words)

    def ids(self, text: str) -> list[int]:
        """Tokens of a text."""
        ids: list[int] = self.base.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def write(self, prefix: str, jobs: Sequence[Job], again: Judge) -> None:
        """Draft every job until ``again`` says None; it is called with each draft, in any order.

        Raises ConsilienceError where a prompt leaves no room for a report.
        """
        opening = self.ids(prefix)
        asked = [(job, self.ids(job.prompt)) for job in jobs]
        tasks = [_Task(job, ids, self._room(job, len(opening), len(ids))) for job, ids in asked]
        if not tasks:
            return
        with _one_thread(), ThreadPoolExecutor(
            LANES, initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:  # fmt: skip
            known = self._known(opening)
            queue = _Queue(tasks, 1 if self.alike else self.rows)
            share = -(-len(tasks) // LANES)
            lanes = [_Lane(self, known, queue, again, share) for _ in range(LANES)]
            running = [pool.submit(lane.run) for lane in lanes]
            try:
                for one in running:
                    one.result()
            finally:
                queue.clear()

    def _room(self, job: Job, opening: int, asked: int) -> int:
        """Tokens of prompt and report: a report of 2.5 times its prompt and 90 tokens more.

        The longest of 600 grammar reports were 2.4 times their prompt and 71 tokens more.
        """
        wanted = opening + asked + asked * 5 // 2 + 90
        limit = room(self.base.model.config)
        if wanted <= limit:
            return wanted
        raise ConsilienceError(
            "the prompt is too long for the model",
            where=f"patient {job.patient} day {job.day}",
            got=f"{asked} tokens of prompt",
            wanted=f"at most {(limit - 90 - opening) * 2 // 7} for a context of {limit}",
            remedy="take a base model with a longer context, or notes.author: grammar",
        )

    @torch.inference_mode()
    def _known(self, opening: Sequence[int]) -> Rows:
        """Keys and values of the prefix, computed once."""
        known = Rows(self.layers, 1)
        if opening:
            self.read(known, 0, opening)
        known.length[0] = len(opening)
        return known

    def read(self, texts: Rows, row: int, ids: Sequence[int]) -> torch.Tensor:
        """Hidden state of the last of one row's next tokens; (width,)."""
        texts.rows, texts.length[row] = [row], max(0, texts.length[row])
        places = texts.length[row] + torch.arange(len(ids))
        hidden = self._forward(torch.tensor([ids]), places[None], texts)[0, -1]
        texts.length[row] += len(ids)
        return hidden

    def step(self, texts: Rows, tokens: torch.Tensor, *, every: bool = False) -> torch.Tensor:
        """Logits (busy rows, words) after one more token of each.

        ``tokens``: of all rows, (rows,). ``every``: idle rows are computed too.
        """
        busy = [row for row, length in enumerate(texts.length) if length >= 0]
        # Of one row alone a library takes another product, so one is computed twice.
        texts.rows = list(range(len(texts.length))) if every else busy * (1 + (len(busy) == 1))
        places = torch.tensor([max(0, texts.length[row]) for row in texts.rows])
        hidden = self._forward(tokens[texts.rows, None], places[:, None], texts)[:, 0]
        for row in busy:
            texts.length[row] += 1
        logits: torch.Tensor = hidden @ self.head
        return logits[busy] if every else logits[: len(busy)]

    def _forward(self, ids: torch.Tensor, places: torch.Tensor, texts: Rows) -> torch.Tensor:
        out: torch.Tensor = self.body(
            input_ids=ids, position_ids=places, attention_mask=_NO_MASK,
            past_key_values=texts, use_cache=True, texts=texts,
        ).last_hidden_state  # fmt: skip
        return out

    @cached_property
    @torch.inference_mode()
    def alike(self) -> bool:
        """Whether a row comes out alike at every place and among any number of rows.

        A library may compute the last rows of a matrix in another order than the first, or few in
        another than many; then idle rows are computed too, and a visit keeps to the row that its
        patient and day give.
        """
        with _one_thread():
            opening = self._known([self.base.end])
            found = []
            for count in {min(count, self.rows) for count in (1, 3, 4, 5, 8, 9, 16, 17, self.rows)}:
                texts = Rows(self.layers, self.rows)
                for row in range(count):
                    texts.make_room(row, 4, opening)
                found.append(self.step(texts, torch.full((self.rows,), self.base.end)))
        logits = torch.cat(found)
        return bool((logits == logits[0]).all())


@contextmanager
def _one_thread() -> Iterator[None]:
    """Products by one thread each: a lane is a core, and two threads add up in another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


_NO_MASK = torch.zeros(1, 1, 1, 1)
"""Attention is of one row over its own tokens: :mod:`rows` needs none."""


@dataclass
class _Task:
    """A job with its tokens and its room; ``first``: logits of the first token, once known."""

    job: Job
    ids: list[int]
    room: int
    first: np.ndarray[Any, np.dtype[np.float32]] | None = None


class _Queue:
    """What is still to be written, by the row that may write it."""

    def __init__(self, tasks: Sequence[_Task], kinds: int) -> None:
        self.kinds, self.lock = kinds, threading.Lock()
        self.waiting: dict[int, deque[_Task]] = defaultdict(deque)
        for task in sorted(tasks, key=lambda task: -task.room):  # the longest end last
            self.waiting[task.job.slot % kinds].append(task)

    def take(self, row: int) -> _Task | None:
        """The next task of a row, None where there is none."""
        with self.lock:
            mine = self.waiting[row % self.kinds]
            return mine.popleft() if mine else None

    def clear(self) -> None:
        """Forget everything: a lane has failed."""
        with self.lock:
            self.waiting.clear()


@dataclass
class _Writing:
    """A row at work."""

    task: _Task
    job: Job
    noise: _Noise
    told: list[int] = field(default_factory=list)


class _Lane:
    """The rows of one thread."""

    def __init__(
        self, engine: Engine, opening: Rows, queue: _Queue, again: Judge, share: int
    ) -> None:
        self.engine, self.opening, self.queue, self.again = engine, opening, queue, again
        self.share = share
        self.texts = Rows(engine.layers, engine.rows)
        self.rows: list[_Writing | None] = [None] * engine.rows
        self.next = torch.zeros(engine.rows, dtype=torch.long)

    @torch.inference_mode()
    def run(self) -> None:
        """Take and write until nothing is left."""
        while True:
            self._take()
            if not any(self.rows):
                return
            every = not self.engine.alike
            logits = self.engine.step(self.texts, self.next, every=every).numpy()
            for (row, writing), its in zip(list(self._working()), logits, strict=True):
                self._draw(row, writing, its)
                if writing.told[-1] == self.engine.base.end or self._full(row, writing):
                    self._finish(row, writing)

    def _working(self) -> Iterator[tuple[int, _Writing]]:
        return ((row, writing) for row, writing in enumerate(self.rows) if writing is not None)

    def _take(self) -> None:
        """Fill idle rows, with no more than this lane's share."""
        for row, writing in enumerate(self.rows):
            if writing is None and sum(w is not None for w in self.rows) < self.share:
                task = self.queue.take(row)
                if task is not None:
                    self._read(row, task)

    def _read(self, row: int, task: _Task) -> None:
        """Read the prompt into the row and draw the first token."""
        self.texts.make_room(row, task.room, self.opening)
        hidden = self.engine.read(self.texts, row, task.ids)
        task.first = (hidden @ self.engine.head).numpy()
        self._begin(row, task, task.job)

    def _begin(self, row: int, task: _Task, job: Job, kept: Sequence[int] = ()) -> None:
        """Draw the first token, or go on after those that are kept of the draft before."""
        if task.first is None:
            raise RuntimeError("a row begins before its prompt is read")
        told = list(kept)
        writing = self.rows[row] = _Writing(task, job, _Noise(job, len(self.engine.words)), told)
        self.texts.length[row] = self.opening.length[0] + len(task.ids) + max(0, len(told) - 1)
        if told:
            self.next[row] = told[-1]
        else:
            self._draw(row, writing, task.first)

    def _full(self, row: int, writing: _Writing) -> bool:
        return self.texts.length[row] >= writing.task.room

    def _finish(self, row: int, writing: _Writing) -> None:
        """Hand the draft in; write it again, or leave the row."""
        told, end = writing.told, self.engine.base.end
        ended = told[-1] == end
        text = self.engine.base.tokenizer.decode(told[:-1] if ended else told)
        keep = self.again(writing.job, Draft(text, ended, len(told)))
        if keep is None:
            self.rows[row], self.texts.length[row] = None, -1
        else:
            self._begin(row, writing.task, writing.job.again(), self._kept(told, keep))

    def _kept(self, told: Sequence[int], characters: int) -> Sequence[int]:
        """The tokens that lie within the first ``characters`` of a draft."""
        decode = self.engine.base.tokenizer.decode
        count = 0
        while count < len(told) and len(decode(told[: count + 1])) <= characters:
            count += 1
        return told[:count]

    def _draw(
        self, row: int, writing: _Writing, logits: np.ndarray[Any, np.dtype[np.float32]]
    ) -> None:
        """The next token of a row from logits over the vocabulary."""
        warmer, share = (AGAIN_WARMER, AGAIN_SHARE) if writing.job.draw else (1.0, MIN_SHARE)
        scaled = logits.astype(np.float64) / (self.engine.temperature * warmer)
        scaled[scaled < scaled.max() + np.log(share)] = -np.inf
        token = int(self.engine.words[int(np.argmax(scaled + writing.noise.next()))])
        writing.told.append(token)
        self.next[row] = token


class _Noise:
    """Gumbel noise of one draft, (words,) for each token, in its order."""

    def __init__(self, job: Job, words: int) -> None:
        keyed = Noise(job.seed, "notes.draft")
        self.rng = keyed.generator(job.patient, step=job.day, slot=job.draw)
        self.words = words
        self.chunk: list[np.ndarray[Any, np.dtype[np.float64]]] = []

    def next(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The noise of the next token."""
        if not self.chunk:
            self.chunk = list(self.rng.gumbel(size=(_CHUNK, self.words)))[::-1]
        return self.chunk.pop()
