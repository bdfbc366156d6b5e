"""Keys and values of the rows that write together, and attention of each row over its own.

A row attends to exactly as many tokens as it has, so that no number of it depends on how long
another row is; and no key is copied for the query heads that share it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.cache_utils import Cache

NAME = "consilience_rows"
"""Under which transformers knows :func:`attend`."""
Pair = tuple[torch.Tensor, torch.Tensor]


class Rows(Cache):  # type: ignore[misc]
    """Keys and values of ``rows`` texts, each (heads, room, width) a layer, of its own room.

    ``row``: the row that reads its prompt, None while all rows write a token each. ``length``:
    tokens of a row that stand before the ones under way; -1 where the row is idle.
    """

    def __init__(self, layers: int, rows: int) -> None:
        super().__init__(layers=[])
        self.store: list[list[Pair | None]] = [[None] * layers for _ in range(rows)]
        self.row: int | None = None
        self.length = [-1] * rows

    def make_room(self, row: int, tokens: int, opening: Rows | None) -> None:
        """Give a row space for ``tokens`` and the keys and values of the opening."""
        known = 0 if opening is None else opening.length[0]
        for layer, held in enumerate(self.store[row]):
            if opening is None:
                self.store[row][layer] = None
                continue
            shared = opening.store[0][layer]
            if shared is None:
                raise RuntimeError("the opening was not read")
            if held is None or held[0].shape[1] < tokens:
                heads, _, width = shared[0].shape
                held = (torch.empty(heads, tokens, width), torch.empty(heads, tokens, width))
                self.store[row][layer] = held
            for mine, theirs in zip(held, shared, strict=True):
                mine[:, :known] = theirs[:, :known]
        self.length[row] = known

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int,
        *args: Any, **kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
        """Keep the new keys and values; (rows or 1, heads, tokens, width) each."""
        if self.row is None:
            for row, length in enumerate(self.length):
                held = self.store[row][layer_idx]
                if length >= 0 and held is not None:
                    held[0][:, length] = key_states[row, :, 0]
                    held[1][:, length] = value_states[row, :, 0]
            return key_states, value_states
        length, tokens = self.length[self.row], key_states.shape[2]
        held = self.store[self.row][layer_idx]
        if held is None:
            self.store[self.row][layer_idx] = (key_states[0].clone(), value_states[0].clone())
        else:
            held[0][:, length : length + tokens] = key_states[0]
            held[1][:, length : length + tokens] = value_states[0]
        return key_states, value_states

    def attend(self, layer: int, query: torch.Tensor, scale: float) -> torch.Tensor:
        """(rows or 1, query heads, tokens, width) to the same shape."""
        if self.row is not None:
            return self._read(self.row, layer, query, scale)
        _, heads, _, width = query.shape
        out = torch.zeros_like(query)
        for row, length in enumerate(self.length):
            held = self.store[row][layer]
            if length < 0 or held is None:
                continue
            shared = held[0].shape[0]
            # The query heads of one key head stand where queries of one head would.
            asked = query[row].reshape(1, shared, heads // shared, width)
            keys, values = (tensor[None, :, : length + 1] for tensor in held)
            found = scaled_dot_product_attention(asked, keys, values, scale=scale)
            out[row] = found.reshape(heads, 1, width)
        return out

    def _read(self, row: int, layer: int, query: torch.Tensor, scale: float) -> torch.Tensor:
        """Of the tokens of one prompt, each over itself and those before."""
        held = self.store[row][layer]
        if held is None:
            raise RuntimeError("a prompt is read before its keys and values are kept")
        start, tokens = self.length[row], query.shape[2]
        places = torch.arange(start + tokens)
        mask = places[None, :] <= places[start:, None]  # (tokens, start + tokens)
        times = query.shape[1] // held[0].shape[0]
        keys, values = (
            tensor[None, :, : start + tokens].repeat_interleave(times, 1) for tensor in held
        )
        return scaled_dot_product_attention(query, keys, values, attn_mask=mask, scale=scale)

    def get_seq_length(self, *args: Any, **kwargs: Any) -> int:
        """Unused: places are given."""
        return 0


def attend(
    module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: Any,
    scaling: float, texts: Rows, **kwargs: Any,
) -> tuple[torch.Tensor, None]:  # fmt: skip
    """Attention as transformers asks for it; ``texts`` hold the keys and values."""
    return texts.attend(module.layer_idx, query, scaling).transpose(1, 2), None


AttentionInterface.register(NAME, attend)
