"""Batched writing: at most so many rows, keyed noise, and rows that never see one another.

A job is one draft of one visit, from its first token or from some that are kept of a draft before.
Each core has a lane of its own, and a lane as many rows as every other; a row that is done takes
the next job at once. A product computes every row alike however many there are, and attention is
of one row alone, so which other patients are in the run, and how many cores, changes no number of
a draft. Where a library's products depend on how many rows there are, all rows are always
computed, idle ones too, and a draft keeps to one row.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch

from alignment.noise import Noise
from modalities.notes.lm import base
from modalities.notes.lm.jobs import Draft, Job, Judge, Queue, Task
from modalities.notes.lm.rows import NAME, Rows
from modalities.notes.lm.supported import room
from modalities.notes.lm.turned import turn
from ontology.errors import ConsilienceError

LANES = max(1, min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity")
                   else os.cpu_count() or 1, 4))  # fmt: skip
"""Rows write in so many threads at once; how many changes no byte, only memory and time."""
TEMPERATURE = 0.35
MIN_SHARE, AGAIN_SHARE, AGAIN_WARMER = 0.3, 0.1, 2.0
"""A token that, at its temperature, is less likely than this share of the likeliest one is never
drawn ("min-p"); in redraws the second, and at so many times the temperature, since a draft that
goes on from the same words would else repeat its fault."""
ROOM = 480
"""Tokens that the rows of a lane hold at most, for each row: long reports leave room for short."""
_CHUNK = 64


class Engine:
    """A model ready to write: adapter merged, head cut to its vocabulary.

    ``words``: the token ids that it may write; all of them where None. ``rows``: of one lane.
    ``dtype``: of its products and of keys and values; the last, over words, is float32.
    """

    def __init__(
        self, model: base.Base, *, words: Sequence[int] | None = None, rows: int = 32,
        temperature: float = TEMPERATURE, dtype: torch.dtype = torch.float32,
    ) -> None:  # fmt: skip
        self.base, self.rows, self.temperature = model, rows, temperature
        model.model.set_attn_implementation(NAME)
        self.body = model.model.model
        turn(self.body, dtype)
        self.layers, self.dtype = int(model.model.config.num_hidden_layers), dtype
        head = model.model.get_output_embeddings().weight
        self.words = np.arange(len(head)) if words is None else np.array(words)
        chosen = head if words is None else head[torch.tensor(self.words)]
        self.head = chosen.detach().T.contiguous()  # (width, words)

    def ids(self, text: str) -> list[int]:
        """Tokens of a text."""
        ids: list[int] = self.base.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def kept(self, ids: Sequence[int], characters: int) -> tuple[int, ...]:
        """The tokens that lie within the first ``characters`` of a draft."""
        count = 0
        while count < len(ids) and len(self.base.tokenizer.decode(ids[: count + 1])) <= characters:
            count += 1
        return tuple(ids[:count])

    def write(self, prefix: str, jobs: Sequence[Job], judge: Judge) -> None:
        """Draft every job, and those that ``judge`` asks for after a draft.

        Raises ConsilienceError where a prompt leaves no room for a report.
        """
        opening = self.ids(prefix)
        tasks = [self.task(job, len(opening)) for job in jobs]
        if not tasks:
            return
        with _one_thread(), ThreadPoolExecutor(
            LANES, initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:  # fmt: skip
            known = self._known(opening)
            queue = Queue(tasks, 1 if self.alike else self.rows, LANES)
            lanes = [_Lane(self, known, queue, judge) for _ in range(LANES)]
            running = [pool.submit(lane.run) for lane in lanes]
            try:
                for one in running:
                    one.result()
            finally:
                queue.close()

    def task(self, job: Job, opening: int) -> Task:
        """A job with its tokens, after ``opening`` others."""
        asked = self.ids(job.prompt)
        return Task(job, [*asked, *job.kept], self._room(job, opening, len(asked)))

    def _room(self, job: Job, opening: int, asked: int) -> int:
        """Tokens of prompt and report: a report of 2.5 times its prompt and 30 tokens more.

        The longest of 300 grammar reports ended 53 tokens before that.
        """
        wanted = opening + asked + asked * 5 // 2 + 30
        limit = room(self.base.model.config)
        if wanted <= limit:
            return wanted
        raise ConsilienceError(
            "the prompt is too long for the model",
            where=f"patient {job.patient} day {job.day}",
            got=f"{asked} tokens of prompt",
            wanted=f"at most {(limit - 30 - opening) * 2 // 7} for a context of {limit}",
            remedy="take a base model with a longer context, or notes.author: grammar",
        )

    @torch.inference_mode()
    def _known(self, opening: Sequence[int]) -> Rows:
        """Keys and values of the prefix, computed once."""
        known = Rows(self.layers, 1, self.dtype)
        self.read(known, 0, opening)
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
        another than many; then idle rows are computed too, and a draft keeps to the row that its
        patient, day and draw give.
        """
        with _one_thread():
            opening = self._known([self.base.end])
            found = []
            for count in range(1, self.rows + 1):
                texts = Rows(self.layers, self.rows, self.dtype)
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
class _Writing:
    """A row at work."""

    task: Task
    noise: _Noise
    told: list[int] = field(default_factory=list)


class _Lane:
    """The rows of one thread."""

    def __init__(self, engine: Engine, opening: Rows, queue: Queue, judge: Judge) -> None:
        self.engine, self.opening, self.queue, self.judge = engine, opening, queue, judge
        self.texts = Rows(engine.layers, engine.rows, engine.dtype)
        self.rows: list[_Writing | None] = [None] * engine.rows
        self.next = torch.zeros(engine.rows, dtype=torch.long)

    @torch.inference_mode()
    def run(self) -> None:
        """Take and write until nothing is left; an error ends the other lanes too."""
        try:
            while self.queue.more():
                self._take()
                while any(self.rows) and not self.queue.closed:
                    self._step()
                    self._take()
        except BaseException:
            self.queue.close()
            raise

    def _step(self) -> None:
        """One more token of every row."""
        working = [(row, writing) for row, writing in enumerate(self.rows) if writing is not None]
        every = not self.engine.alike
        logits = self.engine.step(self.texts, self.next, every=every).numpy()
        for (row, writing), its in zip(working, logits, strict=True):
            self._go_on(row, writing, its)

    def _take(self) -> None:
        """Fill idle rows, with no more than this lane's share."""
        for row, writing in enumerate(self.rows):
            if writing is None:
                working = [w.task.room for w in self.rows if w is not None]
                room = ROOM * len(self.rows) - sum(working)
                task = self.queue.take(row, len(working), room)
                if task is not None and self.judge.needless(task.job):
                    self.queue.done()
                elif task is not None:
                    self._begin(row, task)

    def _begin(self, row: int, task: Task) -> None:
        """Read the prompt and what is kept into the row, and draw the next token."""
        self.texts.make_room(row, task.room, self.opening)
        hidden = self.engine.read(self.texts, row, task.ids)
        noise = _Noise(task.job, len(self.engine.words))
        writing = self.rows[row] = _Writing(task, noise, list(task.job.kept))
        self._go_on(row, writing, (hidden @ self.engine.head).numpy())

    def _go_on(
        self, row: int, writing: _Writing, logits: np.ndarray[Any, np.dtype[np.float32]]
    ) -> None:
        """Draw a row's next token; leave the row where the draft is done or of no use."""
        if self.queue.closed:
            return
        self._draw(row, writing, logits)
        full = self.texts.length[row] >= writing.task.room
        if full or writing.told[-1] == self.engine.base.end:
            self._leave(row, self._judged(writing))
        elif self.judge.needless(writing.task.job):
            self._leave(row)

    def _judged(self, writing: _Writing) -> list[Task]:
        """Hand a draft in; the tasks that follow."""
        ended = writing.told[-1] == self.engine.base.end
        told = writing.told[:-1] if ended else writing.told
        draft = Draft(self.engine.base.tokenizer.decode(told), ended, tuple(told))
        jobs = self.judge.after(writing.task.job, draft)
        return [self.engine.task(job, self.opening.length[0]) for job in jobs]

    def _leave(self, row: int, following: Sequence[Task] = ()) -> None:
        self.rows[row] = None
        self.texts.leave(row)
        self.queue.done(following)

    def _draw(
        self, row: int, writing: _Writing, logits: np.ndarray[Any, np.dtype[np.float32]]
    ) -> None:
        """The next token of a row from logits over the vocabulary."""
        warmer, share = (AGAIN_WARMER, AGAIN_SHARE) if writing.task.job.draw else (1.0, MIN_SHARE)
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
