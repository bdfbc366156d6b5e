"""Which base models the batched writing can run: told from the config alone, before any work.

:mod:`modalities.notes.lm.rows` attends over all tokens of a row by scaled dot product and nothing
else, so that a window, a cap on the logits or biases of place would be left out without a word.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ontology.errors import ConsilienceError

TRIED = ("llama", "mistral", "qwen2")
"""Kinds of decoder (``model_type``) whose tiny models write in tests what they write alone."""
ROTARY = ("default", "linear", "llama3")
"""Rotary positions that depend on the place of a token alone, not on how long a text is."""
LONGEST = 8192
"""Most tokens of prompt and report together."""


def require_supported(config: Any, folder: Path) -> None:
    """Raise ConsilienceError where a model of this config would be run wrongly or not at all."""
    if found := list(_beyond(config)):
        raise ConsilienceError(
            "the base model is of a kind that cannot write reports here", where=folder,
            got="; ".join(found),
            wanted=f"a decoder of kind {', '.join(TRIED)} with full attention and rotary "
            f"positions ({', '.join(ROTARY)})",
            remedy="give notes.base_model such a model, or leave it out for the default one; "
            "notes.author: grammar needs none",
        )  # fmt: skip


def room(config: Any) -> int:
    """Most tokens that a text may have."""
    return min(int(config.max_position_embeddings), LONGEST)


def precision(wanted: str) -> str:
    """``float32`` or ``bfloat16``; ``auto``: bfloat16 where this processor has AMX."""
    if wanted != "auto":
        return wanted
    import torch

    return "bfloat16" if torch.cpu._is_amx_tile_supported() else "float32"


def _beyond(config: Any) -> list[str]:
    """What the config asks for and the batched writing lacks."""
    if config.model_type not in TRIED:
        return [f"model_type {config.model_type}"]
    found = []
    window = getattr(config, "sliding_window", None)
    if window is not None and window < room(config):
        found.append(f"sliding_window {window}, shorter than a text of {room(config)} tokens")
    layers = set(getattr(config, "layer_types", None) or ())
    if odd := sorted(layers - {"full_attention", "sliding_attention"}):
        found.append(f"layer_types {', '.join(odd)}")
    for name in ("attn_logit_softcapping", "final_logit_softcapping"):
        if getattr(config, name, None) is not None:
            found.append(f"{name} {getattr(config, name)}")
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind not in ROTARY:
        found.append(f"rotary positions {kind}")
    return found
