"""Contact sheet and reader quiz: real and synthetic slices, unlabelled.

python benchmarks/quiz.py [--mode diffusion]

Writes docs/figures/ct_contact.png, its key at the foot, and docs/quiz.html: one file without
network access that shows slices one by one and scores the reader. Every slice is cut to the same
field in widths of its own lungs, and the air outside the body is levelled, so that neither table,
field of view nor size gives it away. What still may: of the three real CTs only the atlas has
contrast in its vessels, as all synthetic ones have.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from ct import figures, modes, volumes
from ct.figures import LUNG_WINDOW, SOFT_WINDOW
from ct.volumes import Scan
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

SEED = 77
SYNTHETIC_PATIENTS = 6
SIZES = (18.0, 32.0)
EACH = 12
_SIDE = 192
_WIDTH = 1.25
"""Field over the width of the lungs: within the field of view of every real CT."""
_SCALE = 2
PAGE = Path(__file__).parents[1] / "docs" / "quiz.html"
TEMPLATE = Path(__file__).parent / "ct" / "quiz.template.html"


@dataclass(frozen=True, eq=False)
class Slice:
    """(_SIDE, _SIDE) HU, and where it comes from: ``real`` and a line for the key."""

    hu: NDArray[np.float32]
    real: bool
    origin: str


def slices(mode: str) -> list[Slice]:
    """As many real slices as synthetic ones, in an order keyed by ``SEED``."""
    real = [volumes.load(name) for name in volumes.NAMES]
    made = list(modes.scans(mode, SEED, SYNTHETIC_PATIENTS, SIZES))
    rng = np.random.default_rng(SEED)
    found = [*_cut(real, True, rng), *_cut(made, False, rng)]
    return [found[index] for index in rng.permutation(len(found))]


def _cut(scans: Sequence[Scan], real: bool, rng: np.random.Generator) -> list[Slice]:
    """``EACH`` slices spread over the scans and over the height of their lungs."""
    found = []
    for number in range(EACH):
        scan = scans[number % len(scans)]
        rows = np.flatnonzero(scan.lung.mean(axis=(1, 2)) > 0.05)
        turn = number // len(scans)
        share = (turn + rng.random()) / -(-EACH // len(scans))
        z = int(rows[min(int((0.08 + 0.84 * share) * len(rows)), len(rows) - 1)])
        origin = f"real, {scan.name}" if real else f"synthetic, patient {scan.name.split('/')[1]}"
        found.append(Slice(_field(scan, z), real, f"{origin}, slice {z}"))
    return found


def _field(scan: Scan, z: int) -> NDArray[np.float32]:
    """(_SIDE, _SIDE): a square about the scan's lungs, air outside the body levelled."""
    plane = np.where(_body(scan.hu[z]), scan.hu[z], -1000)
    seen = [np.flatnonzero(scan.lung.any(axis=axes)) for axes in ((0, 2), (0, 1))]
    side = min(round(_WIDTH * float(np.ptp(seen[1]))), *plane.shape)
    row, column = (
        int(np.clip((at[0] + at[-1] - side) // 2, 0, length - side))
        for at, length in zip(seen, plane.shape, strict=True)
    )
    cut = plane[row : row + side, column : column + side]
    at = (np.arange(_SIDE) + 0.5) * side / _SIDE - 0.5
    grid = np.stack(np.meshgrid(at, at, indexing="ij"))
    return np.asarray(ndimage.map_coordinates(cut, grid, order=1, mode="nearest"), np.float32)


def _body(plane: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The largest body on the slice; the padding closes lungs that the field of view cuts."""
    solid = ndimage.binary_opening(plane > -350, iterations=2)
    parts, count = ndimage.label(solid)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    return np.asarray(ndimage.binary_fill_holes(parts == 1 + int(np.argmax(sizes))))


def contact_sheet(shown: Sequence[Slice]) -> None:
    """All slices in the lung window; which is which stands at the foot, small."""
    columns = 6
    rows = -(-len(shown) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(2.1 * columns, 2.1 * rows + 0.9))
    for number, (axis, one) in enumerate(zip(axes.flat, shown, strict=True), start=1):
        low, high = LUNG_WINDOW if number % 2 else SOFT_WINDOW
        axis.imshow(one.hu, cmap="gray", vmin=low, vmax=high)
        axis.text(4, 14, str(number), color="white", fontsize=9)
        axis.axis("off")
    numbers = ", ".join(str(n) for n, one in enumerate(shown, start=1) if one.real)
    figure.subplots_adjust(0.005, 0.055, 0.995, 0.995, 0.02, 0.02)
    figure.text(0.01, 0.012, f"Real CT: {numbers}; all others are synthetic. Lung window in odd,"
                " soft-tissue window in even numbers.", fontsize=8)  # fmt: skip
    figures.save(figure, "ct_contact.png")


def page(shown: Sequence[Slice]) -> None:
    """docs/quiz.html: the template with the slices in it."""
    items = [
        {
            "real": one.real,
            "origin": one.origin,
            "lung": _jpeg(one.hu, LUNG_WINDOW),
            "soft": _jpeg(one.hu, SOFT_WINDOW),
        }
        for one in shown
    ]
    text = TEMPLATE.read_text(encoding="utf-8")
    PAGE.write_text(text.replace("/*ITEMS*/[]", json.dumps(items)), encoding="utf-8")


def _jpeg(hu: NDArray[np.float32], window: tuple[float, float]) -> str:
    """A data URL of one slice, twice as large, in one window."""
    low, high = window
    grey = np.clip((hu - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    image = Image.fromarray(grey).resize((_SIDE * _SCALE,) * 2, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", default="diffusion", choices=list(modes.MODES))
    shown = slices(parser.parse_args().mode)
    contact_sheet(shown)
    page(shown)


if __name__ == "__main__":
    main()
