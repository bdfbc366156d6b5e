"""Batched writing: fixed shapes, keyed noise, and rows that never see one another.

A job is one draft of one visit. Its row and its shapes depend on itself only: padding by the length
of its own prompt, the size of the cache by the same, the row by patient and day. A row that is done
takes the next job of its own queue at once, so which other patients are in the run changes no
number of a draft.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from transformers.cache_utils import Cache

from alignment.noise import Noise
from modalities.notes.lm import base
from ontology.errors import ConsilienceError

THREADS = 2
"""Of one operation; pinned, since it is part of what a draft depends on."""
PAD = 32
"""Prompts are padded to a multiple of this many tokens."""
CAPACITIES = (512, 1024, 2048, 4096, 8192)
"""Tokens of prompt and report together, for which a cache has room; few, so that batches fill."""
MIN_SHARE = 0.05
"""A token less likely than this share of the likeliest one is never drawn ("min-p")."""
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


Judge = Callable[[Job, Draft], bool]
"""Whether a draft is to be written again, with the next draw."""


class _Rows(Cache):  # type: ignore[misc]
    """Keys and values of all rows, each at a place of its own; shapes never change."""

    def __init__(self, layers: int, rows: int, capacity: int) -> None:
        super().__init__(layers=[])
        self.store: list[tuple[torch.Tensor, torch.Tensor] | None] = [None] * layers
        self.rows, self.capacity = rows, capacity
        self.row: int | None = None  # the row that is being filled, None while all write
        self.at = torch.zeros(rows, dtype=torch.long)
        self.start = 0
        self.every = torch.arange(rows)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int,
        *args: Any, **kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
        held = self.store[layer_idx]
        if held is None:
            _, heads, _, width = key_states.shape
            shape = (self.rows, heads, self.capacity, width)
            held = self.store[layer_idx] = (torch.zeros(shape), torch.zeros(shape))
        for cache, new in zip(held, (key_states, value_states), strict=True):
            if self.row is None:
                cache[self.every, :, self.at] = new[:, :, 0]
            else:
                cache[self.row, :, self.start : self.start + new.shape[2]] = new[0]
        if self.row is None:
            return held
        return held[0][self.row : self.row + 1], held[1][self.row : self.row + 1]

    def get_seq_length(self, *args: Any, **kwargs: Any) -> int:
        return 0

    def get_max_cache_shape(self, *args: Any, **kwargs: Any) -> int:
        return self.capacity


class Engine:
    """A model ready to write: adapter merged, head cut to its vocabulary.

    ``words``: the token ids that it may write; all of them where None.
    """

    def __init__(
        self, model: base.Base, *, words: Sequence[int] | None = None,
        rows: int = 16, temperature: float = 0.7,
    ) -> None:  # fmt: skip
        self.base, self.rows, self.temperature = model, rows, temperature
        self.body = model.model.model
        head = model.model.get_output_embeddings().weight
        self.words = np.arange(len(head)) if words is None else np.array(words)
        self.head = head.detach() if words is None else head[torch.tensor(self.words)].detach()

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.base.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def write(self, prefix: str, jobs: Sequence[Job], again: Judge) -> None:
        """Draft every job until ``again`` says no; it is called with each draft, in any order.

        Raises ConsilienceError where a prompt leaves no room for a report.
        """
        by_capacity: dict[int, list[tuple[Job, list[int]]]] = defaultdict(list)
        opening = self._ids(prefix)
        for job in jobs:
            ids = self._ids(job.prompt)
            by_capacity[self._capacity(job, len(opening), len(ids))].append((job, ids))
        threads = torch.get_num_threads()
        torch.set_num_threads(THREADS)
        try:
            for capacity in sorted(by_capacity):
                _Block(self, opening, capacity).run(by_capacity[capacity], again)
        finally:
            torch.set_num_threads(threads)

    def _capacity(self, job: Job, opening: int, asked: int) -> int:
        """Room for a report of 2.5 times its prompt and 90 tokens more.

        The longest of 600 grammar reports were 2.4 times their prompt and 71 tokens more.
        """
        wanted = opening + asked + asked * 5 // 2 + 90
        limit = min(self.base.context, CAPACITIES[-1])
        for capacity in CAPACITIES:
            if wanted <= capacity <= limit:
                return capacity
        raise ConsilienceError(
            "the prompt is too long for the model",
            where=f"patient {job.patient} day {job.day}",
            got=f"{asked} tokens of prompt",
            wanted=f"at most {(limit - 90 - opening) * 2 // 7} for a context of {limit}",
            remedy="take a base model with a longer context, or notes.author: grammar",
        )


class _Block:
    """The rows at one capacity."""

    def __init__(self, engine: Engine, opening: Sequence[int], capacity: int) -> None:
        self.engine, self.opening, self.capacity = engine, opening, capacity
        rows = engine.rows
        layers = engine.base.model.config.num_hidden_layers
        self.cache = _Rows(layers, rows, capacity)
        self.slots = torch.arange(capacity)
        self.job: list[Job | None] = [None] * rows
        self.told: list[list[int]] = [[] for _ in range(rows)]
        self.noise: list[_Noise | None] = [None] * rows
        self.next = torch.zeros(rows, dtype=torch.long)
        self.place = torch.zeros(rows, dtype=torch.long)

    @torch.inference_mode()
    def run(self, jobs: Sequence[tuple[Job, list[int]]], again: Judge) -> None:
        """Work off the queue of every row."""
        engine = self.engine
        queues: list[deque[tuple[Job, list[int]]]] = [deque() for _ in range(engine.rows)]
        for job, ids in jobs:
            queues[job.slot % engine.rows].append((job, ids))
        self._fill_all(self.opening)
        prompts: list[list[int]] = [[] for _ in range(engine.rows)]
        while True:
            for row, queue in enumerate(queues):
                if self.job[row] is None and queue:
                    job, prompts[row] = queue.popleft()
                    self._begin(row, job, prompts[row])
            if all(job is None for job in self.job):
                return
            self._step()
            for row, drafted in enumerate(self.job):
                if drafted is None:
                    continue
                ended = self.told[row][-1:] == [engine.base.end]
                if not ended and int(self.place[row]) < self.capacity:
                    continue
                text = engine.base.tokenizer.decode(self.told[row][:-1])
                self.job[row] = None
                if again(drafted, Draft(text, ended, len(self.told[row]))):
                    self._begin(row, drafted.again(), prompts[row])

    def _fill_all(self, prefix: Sequence[int]) -> None:
        """Compute the prefix once and keep it at the start of every row."""
        self.cache.row, self.cache.start = 0, 0
        if prefix:
            self._hidden(torch.tensor([prefix]), 0)
        for held in self.cache.store:
            if held is not None:
                for tensor in held:
                    tensor[1:, :, : len(prefix)] = tensor[:1, :, : len(prefix)]

    def _hidden(self, ids: torch.Tensor, start: int) -> torch.Tensor:
        """Hidden states of one row's tokens from ``start`` on; (1, tokens, width)."""
        places = start + torch.arange(ids.shape[1])
        mask = (self.slots[None, :] <= places[:, None])[None, None]  # (1, 1, tokens, capacity)
        return self._forward(ids, places[None], mask)

    def _forward(self, ids: torch.Tensor, places: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        bias = torch.zeros(mask.shape).masked_fill(~mask, torch.finfo(torch.float32).min)
        out: torch.Tensor = self.engine.body(
            input_ids=ids, position_ids=places, attention_mask=bias,
            past_key_values=self.cache, use_cache=True,
        ).last_hidden_state  # fmt: skip
        return out

    def _begin(self, row: int, job: Job, ids: Sequence[int]) -> None:
        """Read the prompt into the row, padded, and draw the first token."""
        engine = self.engine
        start = len(self.opening)
        padded = [*ids, *[0] * (-len(ids) % PAD)]
        self.cache.row, self.cache.start = row, start
        hidden = self._hidden(torch.tensor([padded]), start)[0, len(ids) - 1]
        self.job[row], self.told[row] = job, []
        self.noise[row] = _Noise(job, len(engine.words))
        self.place[row] = start + len(ids)
        logits = hidden @ engine.head.T
        self._take(row, logits.numpy())

    def _take(self, row: int, logits: np.ndarray[Any, np.dtype[np.float32]]) -> None:
        """Draw the next token of a row from logits over the vocabulary."""
        noise = self.noise[row]
        assert noise is not None
        scaled = logits.astype(np.float64) / self.engine.temperature
        scaled[scaled < scaled.max() + np.log(MIN_SHARE)] = -np.inf
        token = int(self.engine.words[int(np.argmax(scaled + noise.next()))])
        self.told[row].append(token)
        self.next[row] = token

    def _step(self) -> None:
        """One token for every row that works; idle rows carry a dummy."""
        self.cache.row = None
        working = [row for row, job in enumerate(self.job) if job is not None
                   and self.told[row][-1] != self.engine.base.end]  # fmt: skip
        if not working:
            return
        self.cache.at = self.place.clamp(max=self.capacity - 1)
        mask = (self.slots[None, :] <= self.cache.at[:, None])[:, None, None]
        hidden = self._forward(self.next[:, None], self.cache.at[:, None], mask)[:, 0]
        logits = (hidden @ self.engine.head.T).numpy()  # (rows, words)
        for row in working:
            self.place[row] += 1
            if int(self.place[row]) < self.capacity:
                self._take(row, logits[row])


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
