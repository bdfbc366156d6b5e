"""Train, tuning and held-out patients, keyed like all randomness."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from alignment import arrow
from alignment.noise import Noise
from alignment.schemas import SPLITS, SPLITS_TABLE

SHARES = (0.70, 0.15, 0.15)


def assign(seed: int, indices: range) -> pa.Table:
    """``splits`` for patients ``indices``; a patient's split does not depend on the others."""
    uniform = Noise(seed, "split").uniform(indices.start, len(indices))
    bounds = np.cumsum(SHARES)[:-1]
    return arrow.build(
        SPLITS_TABLE,
        {
            "patient_id": arrow.patient_column(
                indices.start, len(indices), np.arange(len(indices))
            ),
            "split": arrow.coded(np.searchsorted(bounds, uniform, side="right"), SPLITS),
        },
    )
