"""The adapter: a LoRA folder of peft, with the vocabulary and the base that it belongs to."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modalities.notes.lm.base import Base

WEIGHTS, SETTINGS, CARD = "adapter_model.safetensors", "adapter_config.json", "training.json"


def save(
    folder: Path, peft: Any, values: Mapping[str, Any], words: Sequence[int], model: Base,
    card: Mapping[str, Any],
) -> None:  # fmt: skip
    """Write the adapter with ``values`` as its weights, whole or not at all.

    ``words``: the token ids that it writes. ``card``: how it was trained.
    """
    from safetensors.torch import save_file

    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        named = {name.replace(".default.", "."): value.detach().cpu().contiguous()
                 for name, value in values.items()}  # fmt: skip
        save_file(named, part / WEIGHTS)
        settings = peft.peft_config["default"]
        settings.base_model_name_or_path = model.name
        settings.inference_mode = True
        settings.save_pretrained(part)
        settings.inference_mode = False
        record = {**card, "base_model": model.name, "base_sha256": model.digest,
                  "vocabulary": list(words)}  # fmt: skip
        (part / CARD).write_text(json.dumps(record, sort_keys=True, indent=1) + "\n")
        old = folder.with_name(f".{folder.name}-old")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            os.replace(folder, old)
        os.replace(part, folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def digest(folder: Path) -> str:
    """sha256 of the adapter's weights and vocabulary."""
    words = json.loads((folder / CARD).read_text(encoding="utf-8"))["vocabulary"]
    weights = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    return hashlib.sha256(f"{weights} {words}".encode()).hexdigest()
