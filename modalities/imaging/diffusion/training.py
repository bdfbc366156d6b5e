"""Training the network by flow matching: keyed patches, checkpoints, losses and panels."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

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
from modalities.imaging.diffusion.network import Flow, Shape, load, save
from modalities.imaging.diffusion.sampler import WEIGHTS
from modalities.imaging.diffusion.scans import Scan, cut

Batch = tuple[torch.Tensor, ...]
_BLUR_GIVEN = 0.6
"""Share of patches whose real HU at low frequency are given."""
_JITTER = 0.03
"""SD of a tissue's mean, companded: contrast and kernels differ."""
_HUBER = 3.0
_TEST_STEP = 10_000_000
"""Batches of the held-out loss are drawn from here on."""


def batch_of(scans: Sequence[Scan], config: TrainingConfig, step: int) -> Batch:
    """Residuals (n, 1, s, s), what is given (n, channels, s, s), times (n,), noise as residuals."""
    rows = []
    for index in range(config.batch):
        generator = Noise(config.seed, "imaging.training").generator(step, index)
        scan = scans[int(generator.integers(len(scans)))]
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


def train(scans: Sequence[Scan], held_out: Scan | None, config: TrainingConfig, out: Path) -> Path:
    """Train, or go on from the checkpoint in ``out``; returns the path of the weights.

    Writes ``loss.csv``, ``panel-STEP.png``, ``checkpoint/`` and ``weights.safetensors``, which
    hold the averaged weights, adapters merged in.
    """
    out.mkdir(parents=True, exist_ok=True)
    accelerator = Accelerator()
    set_seed(config.seed)
    flow = _network(config)
    learnt = [p for p in flow.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=config.rate, weight_decay=0.01)
    schedule = get_cosine_schedule_with_warmup(optimizer, config.warmup, config.steps)
    average = EMAModel(learnt, decay=config.decay)
    average.to(accelerator.device)
    flow, optimizer, schedule = accelerator.prepare(flow, optimizer, schedule)
    accelerator.register_for_checkpointing(average)
    done, losses = _resumed(accelerator, out / "checkpoint"), []
    for step in range(done, config.steps):
        batch = tuple(part.to(accelerator.device) for part in batch_of(scans, config, step))
        loss = loss_of(flow, batch)
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(learnt, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        average.step(learnt)
        losses.append(float(loss.detach()))
        if (step + 1) % config.every == 0 or step + 1 == config.steps:
            average.store(learnt)
            average.copy_to(learnt)
            _keep(accelerator.unwrap_model(flow), scans, held_out, config, (out, step + 1, losses))
            average.restore(learnt)
            accelerator.save_state(str(out / "checkpoint"))
            (out / "checkpoint" / "step.txt").write_text(str(step + 1), encoding="utf-8")
            losses = []
    return out / "weights.safetensors"


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


def _resumed(accelerator: Accelerator, checkpoint: Path) -> int:
    marker = checkpoint / "step.txt"
    if not marker.is_file():
        return 0
    accelerator.load_state(str(checkpoint))
    return int(marker.read_text(encoding="utf-8"))


def _keep(
    flow: Flow,
    scans: Sequence[Scan],
    held_out: Scan | None,
    config: TrainingConfig,
    state: tuple[Path, int, list[float]],
) -> None:
    """Write weights, a panel and a row of the loss table."""
    out, step, losses = state
    weights = out / "weights.safetensors"
    save(_merged(flow, config), weights, {
        "scans": ", ".join(scan.name for scan in scans), "steps": f"{step} of {config.steps}",
        "batch": str(config.batch), "patch": str(config.patch), "seed": str(config.seed),
        "adapter_rank": str(config.adapter_rank),
    })  # fmt: skip
    tested = _tested(flow, held_out, config)
    path, fresh = out / "loss.csv", not (out / "loss.csv").is_file()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(["step", "loss", "held_out"])
        writer.writerow([step, f"{np.mean(losses):.5f}", "" if tested is None else f"{tested:.5f}"])
    panel.draw(held_out or scans[0], weights, out / f"panel-{step:06d}.png")


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


def _tested(flow: Flow, scan: Scan | None, config: TrainingConfig) -> float | None:
    """Loss on six batches of a scan that is not trained on."""
    if scan is None:
        return None
    device = next(flow.parameters()).device
    losses = []
    with torch.inference_mode():
        for index in range(6):
            batch = batch_of([scan], config, _TEST_STEP + index)
            losses.append(float(loss_of(flow, tuple(part.to(device) for part in batch))))
    return float(np.mean(losses))
