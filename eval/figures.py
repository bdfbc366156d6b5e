"""Pictures for the page: CT slices as PNG with outlines, curves as inline SVG."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from eval.readers.ct import Volume
from eval.readers.geometry import outlines

LUNG_WINDOW = (-600.0, 1500.0)
"""Centre and width in HU."""
CROP_MM = 96.0
CROP_PX = 208
SLICE_PX = 512


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG as base64 and the outline of the mask in its pixels, as an SVG path ("" for none)."""

    png: str
    outline: str
    pixels: int


def lesion_picture(
    volume: Volume, mask: NDArray[np.bool_], window: tuple[float, float] = LUNG_WINDOW
) -> Picture:
    """Square crop around a lesion's widest slice."""
    index = int(np.argmax(mask.sum(axis=(1, 2))))
    rows, columns = np.nonzero(mask[index])
    extent = max(np.ptp(rows) * volume.spacing[0], np.ptp(columns) * volume.spacing[1])
    half = max(CROP_MM, 1.5 * extent) / 2 / volume.spacing[0]
    top, left = rows.mean() - half, columns.mean() - half
    scale = CROP_PX / (2 * half)
    image = _to_bytes(volume.hu[index], window).transform(
        (CROP_PX, CROP_PX),
        Image.Transform.AFFINE,
        (1 / scale, 0, left, 0, 1 / scale, top),
        Image.Resampling.BICUBIC,
    )
    return Picture(_png(image), _outline(mask[index], top, left, scale), CROP_PX)


def slice_picture(
    volume: Volume, mask: NDArray[np.bool_] | None, window: tuple[float, float] = LUNG_WINDOW
) -> Picture:
    """A whole axial slice: the widest of the mask, or the middle one."""
    area = None if mask is None else mask.sum(axis=(1, 2))
    index = len(volume.hu) // 2 if area is None else int(np.argmax(area))
    scale = SLICE_PX / volume.hu.shape[2]
    image = _to_bytes(volume.hu[index], window).resize(
        (SLICE_PX, round(volume.hu.shape[1] * scale)), Image.Resampling.BICUBIC
    )
    outline = "" if mask is None else _outline(mask[index], 0, 0, scale)
    return Picture(_png(image), outline, SLICE_PX)


def _to_bytes(plane: NDArray[np.float32], window: tuple[float, float]) -> Image.Image:
    low = window[0] - window[1] / 2
    grey = np.clip((plane - low) / window[1], 0, 1) * 255
    return Image.fromarray(grey.astype(np.uint8))


def _png(image: Image.Image) -> str:
    stream = io.BytesIO()
    image.save(stream, format="PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()


def _outline(plane: NDArray[np.bool_], top: float, left: float, scale: float) -> str:
    paths = []
    for contour in outlines(np.pad(plane.astype(float), 1), 0.5):
        points = [
            f"{(c - 1 - left + 0.5) * scale:.1f},{(r - 1 - top + 0.5) * scale:.1f}"
            for r, c in contour
        ]
        paths.append("M" + " L".join(points) + "Z")
    return " ".join(paths)


@dataclass(frozen=True, slots=True)
class Curve:
    """A line chart in a fixed box of ``width`` x ``height``; coordinates are SVG units."""

    title: str
    unit: str
    path: str
    points: tuple[tuple[float, float, str], ...]  # x, y, what it says
    band: tuple[float, float] | None  # y and height of the reference interval
    ticks_x: tuple[tuple[float, str], ...]
    ticks_y: tuple[tuple[float, str], ...]
    latest: str
    width: int = 320
    height: int = 120


PAD_LEFT, PAD_RIGHT, PAD_TOP, PAD_BOTTOM = 38, 10, 10, 20


def curve(
    title: str,
    unit: str,
    days: Sequence[float],
    values: Sequence[float],
    *,
    interval: tuple[float, float] | None = None,
    from_zero: bool = False,
    labels: Sequence[str] | None = None,
    width: int = 320,
    height: int = 120,
) -> Curve:
    """A curve of values over days, with a reference band where there is one."""
    finite = [v for v in (interval or ()) if np.isfinite(v)]
    low = 0.0 if from_zero else min([*values, *finite])
    high = max([*values, *finite])
    margin = (high - low or abs(high) or 1.0) * 0.08
    low, high = (low if from_zero else low - margin), high + margin
    start, stop = min(days), max(days)
    span = (stop - start) or 1

    def x(day: float) -> float:
        return round(PAD_LEFT + (day - start) / span * (width - PAD_LEFT - PAD_RIGHT), 1)

    def y(value: float) -> float:
        inner = height - PAD_TOP - PAD_BOTTOM
        return round(PAD_TOP + (high - value) / (high - low) * inner, 1)

    band = None
    if interval is not None:
        top = y(min(interval[1], high))
        band = (top, round(y(max(interval[0], low)) - top, 1))
    said = labels or [f"day {d:g}: {v:g} {unit}" for d, v in zip(days, values, strict=True)]
    points = tuple((x(d), y(v), t) for d, v, t in zip(days, values, said, strict=True))
    return Curve(
        title=title,
        unit=unit,
        path="M" + " L".join(f"{px},{py}" for px, py, _ in points),
        points=points,
        band=band,
        ticks_x=tuple((x(d), f"{d:g}") for d in sorted({start, (start + stop) // 2, stop})),
        ticks_y=tuple((y(v), f"{v:.3g}") for v in _round_ticks(low, high)),
        latest=f"{values[-1]:g}",
        width=width,
        height=height,
    )


def _round_ticks(low: float, high: float) -> list[float]:
    step = 10 ** np.floor(np.log10((high - low) / 2))
    for times in (1, 2, 5, 10):
        if (high - low) / (step * times) <= 3.5:
            step *= times
            break
    first = np.ceil(low / step) * step
    return [float(v) + 0.0 for v in np.arange(first, high, step)]
