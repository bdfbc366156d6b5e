"""Training the network by flow matching: keyed patches, checkpoints, losses and panels."""

from __future__ import annotations

import csv
import json
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from diffusers.optimization import get_cosine_schedule_with_warmup
from diffusers.training_utils import EMAModel
from peft import LoraConfig, get_peft_model
from torch import nn

from alignment.noise import Noise
from modalities.imaging.diffusion import panel, tissue
from modalities.imaging.diffusion.config import TrainingConfig
from modalities.imaging.diffusion.network import Flow, Shape, digest, load, save
from modalities.imaging.diffusion.sampler import WEIGHTS
from modalities.imaging.diffusion.scans import Scan, cut
from ontology.errors import ConsilienceError

Batch = tuple[torch.Tensor, ...]
_BLUR_GIVEN = 0.6
"""Share of patches whose real HU at low frequency are given."""
_JITTER = 0.03
"""SD of a tissue's mean, companded: contrast and kernels differ."""
_HUBER = 3.0
_TEST_STEP = 10_000_000
"""Batches of the held-out loss are drawn from here on."""
_AHEAD = 4
"""Batches that threads cut while the network learns from another."""
_CHECKPOINT, _STATE = "checkpoint-", "training.json"


def batch_of(scans: Sequence[Scan], config: TrainingConfig, step: int) -> Batch:
    """Residuals (n, 1, s, s), what is given (n, channels, s, s), times (n,), noise as residuals."""
    rows = []
    weights = np.array([scan.weight for scan in scans])
    for index in range(config.batch):
        generator = Noise(config.seed, "imaging.training").generator(step, index)
        scan = scans[int(generator.choice(len(scans), p=weights / weights.sum()))]
        patch = cut(scan, config.patch, generator)
        real = patch.conditions
        jitter = generator.normal(0, _JITTER, len(tissue.CLASSES)).astype(np.float32)
        shift = np.einsum("zcyx,c->zyx", real.classes, jitter)
        told = tissue.Conditions(real.classes, real.mean + shift, real.spread)
        residual = real.residual(patch.hu)
        low = generator.random() < _BLUR_GIVEN
        given = told.given(tissue.blurred(residual, patch.pixel_mm) if low else None)
        time = 1 / (1 + np.exp(-(1.2 * generator.standard_normal() + 0.2)))
        noise = generator.standard_normal(residual.shape, dtype=np.float32)
        rows.append((residual, given[0], np.float32(time), noise))
    return tuple(torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True))


def loss_of(flow: nn.Module, batch: Batch) -> torch.Tensor:
    """Huber loss of the velocity."""
    residual, given, time, noise = batch
    at = time[:, None, None, None]
    velocity = flow((1 - at) * residual + at * noise, given, time)
    return nn.functional.huber_loss(velocity, noise - residual, delta=_HUBER)


@dataclass
class _Progress:
    """Steps done, and the rows of the loss table: step, loss, held-out loss or None."""

    step: int = 0
    rows: list[tuple[int, float, float | None]] = field(default_factory=list)


def train(
    scans: Sequence[Scan],
    held_out: Sequence[Scan],
    config: TrainingConfig,
    out: Path,
    tell: Callable[[str, int, int], None] | None = None,
) -> Path:
    """Train, or go on from the checkpoint in ``out``; returns the path of the weights.

    Writes ``loss.csv``, ``panel-STEP.png``, ``checkpoint-STEP/`` and ``weights.safetensors``,
    which hold the averaged weights, adapters merged in. ``tell``: called with what, done, total.

    Raises ConsilienceError where the checkpoint is of another config, or processes are several.
    """
    out.mkdir(parents=True, exist_ok=True)
    accelerator = Accelerator()
    if accelerator.num_processes > 1:
        raise ConsilienceError(
            "training in several processes", got=accelerator.num_processes, wanted=1,
            remedy="start it without accelerate launch, or with --num_processes 1",
        )  # fmt: skip
    set_seed(config.seed)
    flow = _network(config)
    learnt = [p for p in flow.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=config.rate, weight_decay=0.01)
    schedule = get_cosine_schedule_with_warmup(optimizer, config.warmup, config.steps)
    average = EMAModel(learnt, decay=config.decay)
    flow, optimizer, schedule = accelerator.prepare(flow, optimizer, schedule)
    accelerator.register_for_checkpointing(average)
    done, losses = _resumed(accelerator, config, out), []
    average.to(accelerator.device)  # accelerate reads it to the CPU
    for step, batch in _batches(scans, config, done.step):
        loss = loss_of(flow, tuple(part.to(accelerator.device) for part in batch))
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(learnt, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        average.step(learnt)
        losses.append(float(loss.detach()))
        done.step = step + 1
        if done.step % config.every == 0 or done.step == config.steps:
            average.store(learnt)
            average.copy_to(learnt)
            plain = accelerator.unwrap_model(flow)
            done.rows.append((done.step, float(np.mean(losses)), _tested(plain, held_out, config)))
            _keep(plain, scans, held_out, config, (out, done))
            average.restore(learnt)
            _checkpoint(accelerator, config, out, done)
            losses = []
        if tell is not None:
            tell("training", done.step, config.steps)
    return out / "weights.safetensors"


def _batches(
    scans: Sequence[Scan], config: TrainingConfig, first: int
) -> Iterator[tuple[int, Batch]]:
    """Steps from ``first`` on with their batches; threads cut the next ones meanwhile."""
    with ThreadPoolExecutor(_AHEAD) as pool:
        steps = range(first, config.steps)
        ahead = deque(pool.submit(batch_of, scans, config, step) for step in steps[:_AHEAD])
        for step in steps:
            batch = ahead.popleft().result()
            if step + _AHEAD < config.steps:
                ahead.append(pool.submit(batch_of, scans, config, step + _AHEAD))
            yield step, batch


def _network(config: TrainingConfig) -> Flow:
    """A new network, or the shipped one frozen under adapters."""
    if not config.adapter_rank:
        return Flow(Shape(config.widths, config.groups))
    flow = load(WEIGHTS)
    for parameter in flow.parameters():
        parameter.requires_grad_(False)
    adapters = LoraConfig(r=config.adapter_rank, target_modules=["conv1", "conv2"])
    flow.unet = get_peft_model(flow.unet, adapters)
    return flow.train()


def _resumed(accelerator: Accelerator, config: TrainingConfig, out: Path) -> _Progress:
    """Read the last whole checkpoint, if there is one of the same config."""
    found = sorted(out.glob(f"{_CHECKPOINT}*/{_STATE}"))
    if not found:
        return _Progress()
    state = json.loads(found[-1].read_text(encoding="utf-8"))
    now = _settings(config)
    if other := [key for key in now if state["config"].get(key) != now[key]]:
        raise ConsilienceError(
            "a checkpoint of another config", where=found[-1].parent,
            got="; ".join(f"{key}: {now[key]}" for key in other),
            wanted="; ".join(f"{key}: {state['config'].get(key)}" for key in other),
            remedy="take another --out, or the config of the first call",
        )  # fmt: skip
    accelerator.load_state(str(found[-1].parent))
    return _Progress(state["step"], [tuple(row) for row in state["rows"]])


def _checkpoint(
    accelerator: Accelerator, config: TrainingConfig, out: Path, done: _Progress
) -> None:
    """Write a checkpoint beside the last one, then drop that: a kill leaves one of them whole."""
    new = out / f"{_CHECKPOINT}{done.step:08d}"
    part = out / f"part-{new.name}"
    old = [*out.glob(f"{_CHECKPOINT}*"), *out.glob("part-*")]
    shutil.rmtree(part, ignore_errors=True)
    accelerator.save_state(str(part))
    state = {"step": done.step, "rows": done.rows, "config": _settings(config)}
    (part / _STATE).write_text(json.dumps(state), encoding="utf-8")
    part.rename(new)
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)


def _settings(config: TrainingConfig) -> dict[str, Any]:
    """The config as JSON has it."""
    settings: dict[str, Any] = config.model_dump(mode="json")
    return settings


def _keep(
    flow: Flow,
    scans: Sequence[Scan],
    held_out: Sequence[Scan],
    config: TrainingConfig,
    state: tuple[Path, _Progress],
) -> None:
    """Write weights, a panel and the loss table."""
    out, done = state
    weights, part = out / "weights.safetensors", out / "weights.part"
    save(_merged(flow, config), part, _card(config, done))
    part.replace(weights)
    with (out / "loss.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "loss", "held_out"])
        for step, loss, tested in done.rows:
            writer.writerow([step, f"{loss:.5f}", "" if tested is None else f"{tested:.5f}"])
    panel.draw((*held_out, *scans)[0], weights, out / f"panel-{done.step:06d}.png")


def _card(config: TrainingConfig, done: _Progress) -> dict[str, str]:
    """What the header of the weights says about their training.

    Own scans are counted only: weights are passed on, and names of folders may name patients.
    """
    _, loss, tested = done.rows[-1]
    settings = {**_settings(config), "own": len(config.own)}
    card = {
        "config": json.dumps(settings, sort_keys=True),
        "steps": f"{done.step} of {config.steps}",
        "loss": f"{loss:.5f}",
    }
    if tested is not None:
        card["held_out_loss"] = f"{tested:.5f}"
    if config.adapter_rank:
        card["adapted_from"] = digest(WEIGHTS)
    return card


def _merged(flow: Flow, config: TrainingConfig) -> Flow:
    if not config.adapter_rank:
        return flow
    plain = Flow(flow.shape)
    merged = {
        key.replace("base_layer.", ""): value
        for key, value in flow.unet.get_base_model().state_dict().items()
        if "lora_" not in key
    }
    for name, module in flow.unet.get_base_model().named_modules():
        if hasattr(module, "get_delta_weight"):
            merged[f"{name}.weight"] = merged[f"{name}.weight"] + module.get_delta_weight("default")
    plain.unet.load_state_dict(merged)
    return plain


def _tested(flow: Flow, held_out: Sequence[Scan], config: TrainingConfig) -> float | None:
    """Loss on six batches of what is not trained on."""
    if not held_out:
        return None
    device = next(flow.parameters()).device
    losses = []
    with torch.inference_mode():
        for index in range(6):
            batch = batch_of(held_out, config, _TEST_STEP + index)
            losses.append(float(loss_of(flow, tuple(part.to(device) for part in batch))))
    return float(np.mean(losses))
