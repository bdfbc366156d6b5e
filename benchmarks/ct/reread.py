"""Rendered studies written as DICOM and read back by the evaluator's own readers."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from alignment.plan import EncounterPlan
from eval.readers import ct as reader
from eval.readers.seg import Segment, read_seg
from modalities.imaging import dicom, lobes, seg
from modalities.imaging.volume import Volume

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True, eq=False)
class Reread:
    """One study as read back; ``spacing``: mm (z, y, x)."""

    volume: reader.Volume
    segments: tuple[Segment, ...]
    lobes: tuple[Segment, ...]

    @property
    def spacing(self) -> NDArray[np.float64]:
        """Mm a voxel (z, y, x)."""
        return np.array([self.volume.slice_mm, *self.volume.spacing])


def through_files(plan: EncounterPlan, drawn: Volume) -> Reread:
    """Write CT and both SEG as the product does, and read them with the evaluator's readers."""
    images = dicom.ct_series(plan, drawn)
    masks = seg.segmentation(plan, drawn, images)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [folder / f"{number:04d}.dcm" for number in range(len(images))]
        for path, image in zip(paths, images, strict=True):
            path.write_bytes(dicom.encode(image))
        (folder / "lobes.dcm").write_bytes(
            dicom.encode(lobes.segmentation(plan, drawn.labels, images))
        )
        segments: tuple[Segment, ...] = ()
        if masks is not None:
            (folder / "seg.dcm").write_bytes(dicom.encode(masks))
            segments = read_seg(folder / "seg.dcm")
        return Reread(reader.read_ct(paths), segments, read_seg(folder / "lobes.dcm"))


def on_two_cores(work: Callable[[In], Out], jobs: Iterable[In]) -> Iterator[Out]:
    """Results in the order of the jobs; new processes, since torch's threads survive no fork."""
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        yield from pool.map(work, jobs)
