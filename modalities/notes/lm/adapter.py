"""The adapter: a LoRA folder of peft, with the vocabulary and the base that it belongs to."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modalities.notes.lm.base import Base, Inspected, damage, quiet
from ontology.errors import ConsilienceError

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
        _sort_targets(part / SETTINGS)
        record = {**card, "base_model": model.name, "base_sha256": model.digest,
                  "vocabulary": list(words)}  # fmt: skip
        (part / CARD).write_text(json.dumps(record, sort_keys=True, indent=1) + "\n")
        old = folder.with_name(f".{folder.name}-old")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.replace(old)
        part.replace(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _sort_targets(file: Path) -> None:
    """peft keeps the names of the adapted layers as a set: in any order."""
    settings = json.loads(file.read_text(encoding="utf-8"))
    settings["target_modules"] = sorted(settings["target_modules"])
    file.write_text(json.dumps(settings, sort_keys=True, indent=2) + "\n", encoding="utf-8")


def digest(folder: Path) -> str:
    """sha256 of the adapter's weights and vocabulary."""
    words = json.loads((folder / CARD).read_text(encoding="utf-8"))["vocabulary"]
    weights = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    return hashlib.sha256(f"{weights} {words}".encode()).hexdigest()


def read(folder: Path, model: Base | Inspected) -> dict[str, Any]:
    """Check that ``folder`` holds an adapter for this base; returns how it was trained.

    Raises ConsilienceError where a file is missing or damaged, or the base is another.
    """
    missing = [name for name in (WEIGHTS, SETTINGS, CARD) if not (folder / name).is_file()]
    if missing:
        raise ConsilienceError(
            "no adapter of reports", where=folder, got=f"without {', '.join(missing)}",
            wanted="the folder that 'consilience train notes' wrote",
            remedy="give notes.adapter such a folder, or leave it out for the shipped one",
        )  # fmt: skip
    try:
        record: dict[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
        base_sha256, words = record["base_sha256"], record["vocabulary"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConsilienceError(
            "the adapter's record cannot be read", where=folder / CARD,
            got=f"{type(error).__name__}: {error}", wanted="base_sha256 and vocabulary",
        ) from error  # fmt: skip
    if found := damage(folder / WEIGHTS):
        raise ConsilienceError(
            "the adapter's weights are damaged", where=folder / WEIGHTS, got=found,
            wanted="the whole file", remedy="copy it anew, or train it again",
        )  # fmt: skip
    if base_sha256 != model.digest:
        raise ConsilienceError(
            "the adapter belongs to another base model", where=folder,
            got=f"{record.get('base_model')} {base_sha256[:16]}",
            wanted=f"{model.name} {model.digest[:16]}",
            remedy="train an adapter for this base: consilience train notes CONFIG --out DIR",
        )  # fmt: skip
    if model.end not in words:
        raise ConsilienceError("the adapter's vocabulary lacks the end token", where=folder / CARD)
    return record


def merge(folder: Path, model: Base) -> dict[str, Any]:
    """Merge the adapter into the weights of ``model``, in place; returns its record."""
    from peft import PeftModel

    record = read(folder, model)
    with quiet():
        model.model = PeftModel.from_pretrained(model.model, str(folder)).merge_and_unload().eval()
    return record


def load_into(learnt: Mapping[str, Any], folder: Path) -> None:
    """Set the parameters under training to those of an adapter.

    Raises ConsilienceError where their names or shapes differ: another rank or base.
    """
    from safetensors.torch import load_file

    values = load_file(folder / WEIGHTS)
    wanted = {name.replace(".default.", "."): p for name, p in learnt.items()}
    shapes = {name: tuple(p.shape) for name, p in wanted.items()}
    if shapes != {name: tuple(value.shape) for name, value in values.items()}:
        raise ConsilienceError(
            "the adapter to start from has another shape", where=folder,
            wanted="the rank and base model of the training config",
        )  # fmt: skip
    for name, p in wanted.items():
        p.data.copy_(values[name])
