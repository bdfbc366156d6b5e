"""Figures of the imaging benchmark: docs/figures/ct_*.png."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ct.tissue import Spectrum
from ct.volumes import Scan

FOLDER = Path(__file__).parents[2] / "docs" / "figures"
LUNG_WINDOW, SOFT_WINDOW = (-1250.0, 250.0), (-160.0, 240.0)
_SIDE = 60
_COLUMNS = 6


def spectra(found: Mapping[str, Spectrum]) -> None:
    """Noise power in soft tissue, real and rendered."""
    figure, axis = plt.subplots(figsize=(5.2, 3.6))
    for name, one in found.items():
        line = "-" if name.startswith("real") else "--"
        axis.semilogy(one.frequency, one.power, line, label=f"{name}, SD {one.noise:.1f} HU")
    axis.set_xlabel("spatial frequency, 1/mm")
    axis.set_ylabel("noise power, HU² mm²")
    axis.legend(frameon=False, fontsize=8)
    axis.grid(alpha=0.25)
    figure.tight_layout()
    save(figure, "ct_noise.png")


def lesion_panel(groups: Mapping[str, Sequence[Scan]]) -> None:
    """Lesions at their widest slice in two windows; a pair of rows for each group."""
    figure, axes = plt.subplots(
        2 * len(groups), _COLUMNS, figsize=(1.7 * _COLUMNS, 3.5 * len(groups)), squeeze=False
    )
    for axis in axes.flat:
        axis.axis("off")
    for row, (name, scans) in enumerate(groups.items()):
        pairs = [(scan, mask) for scan in scans for mask in scan.lesions][:_COLUMNS]
        for column, (scan, mask) in enumerate(pairs):
            crop = around(scan, mask)
            for line, (low, high) in enumerate((LUNG_WINDOW, SOFT_WINDOW)):
                axes[2 * row + line, column].imshow(crop, cmap="gray", vmin=low, vmax=high)
        axes[2 * row, 0].set_title(name, loc="left", fontsize=9)
    figure.tight_layout(pad=0.3)
    save(figure, "ct_lesions.png")


def around(scan: Scan, mask: NDArray[np.bool_], side: int = _SIDE) -> NDArray[np.float32]:
    """(side, side) HU about a lesion on its widest slice."""
    z = int(np.argmax(mask.sum(axis=(1, 2))))
    centre = np.round(ndimage.center_of_mass(mask[z])).astype(int)
    padded = np.pad(scan.hu[z], side // 2, constant_values=-1000)
    return padded[centre[0] : centre[0] + side, centre[1] : centre[1] + side]


def save(figure: plt.Figure, name: str) -> None:
    """Write without the library's version, so that equal pixels are equal bytes."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    figure.savefig(FOLDER / name, dpi=110, metadata={"Software": None})
    plt.close(figure)
