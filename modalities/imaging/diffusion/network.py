"""The network: a small UNet of ``diffusers`` on pixels folded two by two; its file and its card."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from diffusers import UNet2DModel
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from modalities.imaging.diffusion.tissue import CHANNELS
from ontology.errors import ConsilienceError

FOLD = 2
"""Pixels are folded into channels by this factor: the first convolutions see half the rows."""
FORMAT = "consilience-ct-flow-1"


@dataclass(frozen=True)
class Shape:
    """Size of the network. ``widths``: channels at each resolution, from the finest."""

    widths: tuple[int, ...] = (32, 64, 96, 128)
    groups: int = 16


class Flow(nn.Module):
    """Predicts the velocity ``noise - residual`` at time t, 0 (image) to 1 (noise)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        count = len(shape.widths)
        # A block a resolution and no attention: texture is local, and two cores must do.
        self.unet = UNet2DModel(
            in_channels=CHANNELS * FOLD**2,
            out_channels=FOLD**2,
            layers_per_block=1,
            block_out_channels=shape.widths,
            norm_num_groups=shape.groups,
            down_block_types=("DownBlock2D",) * count,
            up_block_types=("UpBlock2D",) * count,
            add_attention=False,
        )

    def forward(self, noisy: torch.Tensor, given: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """(n, 1, rows, columns) velocity; ``given``: (n, CHANNELS - 1, rows, columns)."""
        folded = nn.functional.pixel_unshuffle(torch.cat([noisy, given], dim=1), FOLD)
        velocity = self.unet(folded, time * 1000.0).sample
        return nn.functional.pixel_shuffle(velocity, FOLD)


def save(flow: Flow, path: Path, card: dict[str, str]) -> None:
    """Write half-precision weights; ``card``: facts about the training, kept in the header."""
    weights = {key: value.detach().half().contiguous() for key, value in flow.state_dict().items()}
    metadata = {"format": FORMAT, "shape": json.dumps(asdict(flow.shape)), **card}
    save_file(weights, path, metadata)


def digest(path: Path) -> str:
    """First twelve hexadecimal digits of the sha256 of the weights' file."""
    return hashlib.sha256(_found(path).read_bytes()).hexdigest()[:12]


def _found(path: Path) -> Path:
    if not path.is_file():
        raise ConsilienceError(
            "weights of the CT network missing",
            where=path,
            remedy="reinstall consilience, or train: consilience train imaging imaging --out DIR",
        )
    return path


def load(path: Path) -> Flow:
    """Read weights that ``save`` wrote, as float32, for inference.

    Raises ConsilienceError if the file is missing or of another kind.
    """
    _found(path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
    if metadata.get("format") != FORMAT:
        raise ConsilienceError("not weights of this CT network", where=path,
                               got=metadata.get("format"), wanted=FORMAT)  # fmt: skip
    shape = json.loads(metadata["shape"])
    flow = Flow(Shape(tuple(shape["widths"]), shape["groups"]))
    flow.load_state_dict({key: value.float() for key, value in load_file(path).items()})
    return flow.eval()
