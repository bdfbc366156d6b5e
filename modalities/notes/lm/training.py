"""LoRA fine-tuning of the base model: loss on the report only, checkpoints, a loss curve.

The rate is constant after a warm-up and what is written is a running average of the adapter, so
that the training can be stopped, exported and taken up again at any step.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import nn

from alignment.noise import Noise
from modalities.notes.lm import adapter, base, own
from modalities.notes.lm.author import SHIPPED
from modalities.notes.lm.config import NotesTraining
from modalities.notes.lm.ct_chest import CtChest
from modalities.notes.lm.pairs import Tokens, micro_batches, tokens, vocabulary
from ontology.errors import ConsilienceError

STATE, LOSSES, CURVE = "state.pt", "loss.csv", "loss.png"
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
VOCABULARY_START = 9_000_000
_VOCABULARY_FROM = 1500
"""Reports of the sampled space whose tokens make the vocabulary."""
_WORDING, _TOLD = "wording_sha256", 200
"""Digest of so many pairs, which tells one wording of prompts and reports from another."""
_IGNORED = -100
CORES = max(1, min(os.cpu_count() or 1, 8))
"""Micro-batches at once on a CPU; how many does not change the result."""


class Source:
    """Reports to learn from: sample ``index`` of training, or of what is held out."""

    def __init__(self, config: NotesTraining, model: base.Base) -> None:
        self.config, self.model, self.kind = config, model, CtChest()
        self.own = None if config.reports is None else own.read(config.reports, model)

    def at(self, index: int, *, held: bool = False) -> Tokens:
        """Token ids of sample ``index``; own reports come in a new order each time round."""
        if self.own is None:
            pair = self.kind.pair(self.kind.sample(self.config.seed, index, held=held))
        else:
            pairs = self.own.held if held else self.own.learned
            turn, place = divmod(index, len(pairs))
            order = Noise(self.config.seed, "notes.training").generator(turn)
            pair = pairs[int(order.permutation(len(pairs))[place])]
        return tokens(pair, self.model.tokenizer, self.model.end)

    def settings(self) -> dict[str, Any]:
        """What must not change on the way; a longer training may go on."""
        settings: dict[str, Any] = self.config.model_dump(mode="json", exclude={"steps", "reports"})
        if self.config.reports is not None:
            settings["reports_sha256"] = base.file_digest(self.config.reports)
        else:
            told = repr([self.kind.pair(self.kind.sample(0, index)) for index in range(_TOLD)])
            settings[_WORDING] = hashlib.sha256(told.encode()).hexdigest()
        return settings

    @property
    def held_out(self) -> int:
        """Samples that are measured; none where no own report is held out."""
        return 0 if self.own is not None and not self.own.held else self.config.held_out

    def vocabulary(self) -> tuple[int, ...]:
        """All tokens that the reports are made of."""
        if self.own is not None:
            pairs = (*self.own.learned, *self.own.held)
            return vocabulary([tokens(p, self.model.tokenizer, self.model.end) for p in pairs])
        return vocabulary([self.at(VOCABULARY_START + index) for index in range(_VOCABULARY_FROM)])


class Learner:
    """The model under training: base frozen under adapters, its head cut to a vocabulary.

    In bfloat16 the base and its products are rounded; adapter, optimizer and loss stay float32.
    """

    def __init__(self, model: base.Base, words: Sequence[int], config: NotesTraining) -> None:
        from peft import LoraConfig, get_peft_model

        self.words = tuple(words)
        self.place = {token: place for place, token in enumerate(self.words)}
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        embedded = model.model.get_output_embeddings().weight
        self.head = embedded[list(self.words)].detach().to(self.device)  # (words, hidden)
        self.rounded = config.precision == "bfloat16"
        model.model.to(self.device, torch.bfloat16 if self.rounded else torch.float32)
        settings = LoraConfig(
            r=config.rank, lora_alpha=2 * config.rank, target_modules=list(PROJECTIONS),
            task_type="CAUSAL_LM",
        )  # fmt: skip
        # peft draws first values from torch's own generator
        with torch.random.fork_rng(), base.quiet():
            self.peft = get_peft_model(model.model, settings)
        self.body = self.peft.get_base_model().model
        self.learnt = {n: p for n, p in self.peft.named_parameters() if p.requires_grad}
        _begin(self.learnt, config.seed)
        self.pool = ThreadPoolExecutor(
            CORES if self.device.type == "cpu" else 1,
            initializer=torch.set_num_threads,
            initargs=(1,),
        )

    def slopes(self, group: Sequence[Tokens]) -> tuple[float, tuple[torch.Tensor, ...]]:
        """Summed loss and its gradient by every learnt parameter."""
        loss, _ = self.loss(group)
        return float(loss.detach()), torch.autograd.grad(loss, list(self.learnt.values()))

    def loss(self, group: Sequence[Tokens]) -> tuple[torch.Tensor, int]:
        """Summed cross-entropy of the targets' tokens, and how many they are.

        Padding stands on the right, where a causal model never looks, and is not in the loss: by
        place, not by token, since the padding token is the end token.
        """
        longest = max(pair.length for pair in group)
        ids = torch.zeros(len(group), longest, dtype=torch.long)
        labels = torch.full((len(group), longest), _IGNORED)
        for row, pair in enumerate(group):
            ids[row, : pair.length] = torch.tensor(pair.prompt + pair.target)
            places = [self.place.get(token, _IGNORED) for token in pair.target]
            labels[row, len(pair.prompt) - 1 : pair.length - 1] = torch.tensor(places)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.rounded):
            out = self.body(input_ids=ids.to(self.device), use_cache=False)
        hidden = out.last_hidden_state.float()
        asked = (labels != _IGNORED).to(self.device)
        logits = hidden[asked] @ self.head.T  # (tokens, words)
        wanted = labels.to(self.device)[asked]
        return nn.functional.cross_entropy(logits, wanted, reduction="sum"), len(wanted)


def _begin(learnt: dict[str, torch.Tensor], seed: int) -> None:
    """First values of the adapters as peft distributes them, keyed by the seed; B is zero."""
    keyed = Noise(seed, "notes.training.adapter").generator(0)
    draws = torch.Generator().manual_seed(int(keyed.integers(2**63)))
    for name, p in learnt.items():
        if ".lora_A." in name:
            values = torch.empty(p.shape)
            nn.init.kaiming_uniform_(values, a=math.sqrt(5), generator=draws)
            p.data.copy_(values)


def train(
    config: NotesTraining, out: Path, tell: Callable[[str, int, int], None] | None = None
) -> Path:
    """Train, or go on from the checkpoint in ``out``; returns the folder of the adapter.

    Writes ``adapter/`` (averaged), ``loss.csv``, ``loss.png`` and ``state.pt``. ``tell``: called
    with what, done, total. Raises ConsilienceError where the checkpoint is of another config.
    """
    out.mkdir(parents=True, exist_ok=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _train(config, out, tell)
    finally:
        torch.set_num_threads(threads)


def _train(config: NotesTraining, out: Path, tell: Callable[[str, int, int], None] | None) -> Path:
    model = base.load(config.base_model)
    source = Source(config, model)
    settings = source.settings()
    state = _read(out, settings)
    start = None
    if config.start:
        start = SHIPPED if config.start == "shipped" else Path(config.start)
    if state:
        words, before = state["words"], json.loads(state.get("before", "null"))
    else:
        before = adapter.read(start, model) if start else None
        known = before.pop("vocabulary") if before else ()
        words = tuple(sorted({*known, *source.vocabulary()}))
    learner = Learner(model, words, config)
    if start and not state:
        adapter.load_into(learner.learnt, start)
    optimizer = torch.optim.AdamW(
        list(learner.learnt.values()), lr=config.rate, betas=(0.9, 0.98), weight_decay=0.0
    )
    average = {name: p.detach().clone() for name, p in learner.learnt.items()}
    first, rows = 0, []
    if state:
        first, rows = state["step"], state["rows"]
        optimizer.load_state_dict(state["optimizer"])
        for name, p in learner.learnt.items():
            p.data.copy_(state["learnt"][name])
            average[name].copy_(state["average"][name])
    held = [source.at(index, held=True) for index in range(source.held_out)]
    losses: list[float] = []
    with learner.pool:
        for step in range(first, config.steps):
            losses.append(_step(learner, optimizer, source, config, step))
            decay = min(config.decay, (step + 1) / (step + 10))
            for name, p in learner.learnt.items():
                average[name].lerp_(p.detach(), 1 - decay)
            done = step + 1
            if done % config.every == 0 or done == config.steps:
                measured = None
                if done % config.measured_every == 0 or done == config.steps:
                    measured = _measured(learner, average, held, config)
                rows.append((done, sum(losses) / len(losses), measured))
                losses = []
                _keep(out, settings, learner, optimizer, average, (done, rows), model, before)
            if tell is not None:
                tell("training", done, config.steps)
    return out / "adapter"


def _step(
    learner: Learner, optimizer: Any, source: Source, config: NotesTraining, step: int
) -> float:
    """One optimiser step; returns the loss per token of its reports."""
    for group in optimizer.param_groups:
        group["lr"] = config.rate * min(1.0, (step + 1) / max(1, config.warmup))
    pairs = [source.at(step * config.batch + place) for place in range(config.batch)]
    count = sum(len(pair.target) for pair in pairs)
    total = 0.0
    # One core a micro-batch: no barrier within an operation, and the sum is always in one order.
    # The longest first, so that no core waits long for the last.
    groups = micro_batches(pairs, config.budget)[::-1]
    for loss, slopes in learner.pool.map(learner.slopes, groups):
        total += loss
        for p, slope in zip(learner.learnt.values(), slopes, strict=True):
            p.grad = slope / count if p.grad is None else p.grad.add_(slope, alpha=1 / count)
    nn.utils.clip_grad_norm_(list(learner.learnt.values()), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return total / count


def _measured(
    learner: Learner, average: dict[str, torch.Tensor], held: list[Tokens], config: NotesTraining
) -> float | None:
    """Loss per token of the averaged adapter on what is held out; None where nothing is."""
    if not held:
        return None
    kept = {name: p.detach().clone() for name, p in learner.learnt.items()}
    total, count = 0.0, 0
    with torch.no_grad():
        for name, p in learner.learnt.items():
            p.copy_(average[name])
        for group in micro_batches(held, config.budget):
            loss, told = learner.loss(group)
            total, count = total + float(loss), count + told
        for name, p in learner.learnt.items():
            p.copy_(kept[name])
    return total / count


def _read(out: Path, now: dict[str, Any]) -> dict[str, Any] | None:
    path = out / STATE
    if not path.is_file():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    then = json.loads(state["config"])
    if other := [key for key in {**then, _WORDING: ""} if then.get(key) != now.get(key)]:
        raise ConsilienceError(
            "a checkpoint of another config", where=path,
            got="; ".join(f"{key}: {now.get(key)}" for key in other),
            wanted="; ".join(f"{key}: {then.get(key)}" for key in other),
            remedy="take another --out, or the config of the first call",
        )  # fmt: skip
    return state


def _keep(
    out: Path,
    settings: dict[str, Any],
    learner: Learner,
    optimizer: Any,
    average: dict[str, torch.Tensor],
    done: tuple[int, list[tuple[int, float, float | None]]],
    model: base.Base,
    before: dict[str, Any] | None,
) -> None:
    """Write state, adapter and losses; a kill leaves the last state or this one whole.

    ``before``: how the adapter was trained that this one started from.
    """
    step, rows = done
    state = {
        "step": step, "rows": rows, "words": learner.words,
        "config": json.dumps(settings), "optimizer": optimizer.state_dict(),
        "learnt": {n: p.detach() for n, p in learner.learnt.items()}, "average": average,
        "before": json.dumps(before),
    }  # fmt: skip
    part = out / f"{STATE}.part"
    torch.save(state, part)
    part.replace(out / STATE)
    card = {"steps": step, "loss": rows[-1][1],
            "held_out_loss": _last(rows),
            "config": settings, "before": before}  # fmt: skip
    adapter.save(out / "adapter", learner.peft, average, learner.words, model, card)
    with (out / LOSSES).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "loss", "held_out"])
        for at, loss, tested in rows:
            writer.writerow([at, f"{loss:.5f}", "" if tested is None else f"{tested:.5f}"])
    _draw(rows, out / CURVE)


def _draw(rows: Sequence[tuple[int, float, float | None]], path: Path) -> None:
    """The loss curve as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([row[0] for row in rows], [row[1] for row in rows], label="training")
    tested = [(row[0], row[2]) for row in rows if row[2] is not None]
    if tested:
        axes.plot(*zip(*tested, strict=True), "o-", label="held-out combinations, averaged")
    axes.set(xlabel="step", ylabel="loss a token, nats")
    axes.legend()
    figure.savefig(path, dpi=100, metadata={"Software": None})


def _last(rows: Sequence[tuple[int, float, float | None]]) -> float | None:
    return next((tested for *_, tested in reversed(rows) if tested is not None), None)
