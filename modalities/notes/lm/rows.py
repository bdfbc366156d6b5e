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


class Rows(Cache):  # type: ignore[misc]
    """Keys and values of ``rows`` texts, (2, 1, heads, room, width) a row and layer, in ``dtype``.

    The room is each row's own. ``rows``: those under way, in the order of the batch: several that
    write a token each, or one that reads its prompt. ``length``: tokens of a row that stand before
    the ones under way; -1 where the row is idle.
    """

    def __init__(self, layers: int, rows: int, dtype: torch.dtype) -> None:
        super().__init__(layers=[])
        self.dtype = dtype
        self.store: list[list[torch.Tensor | None]] = [[None] * layers for _ in range(rows)]
        self.rows: list[int] = []
        self.length = [-1] * rows

    def make_room(self, row: int, tokens: int, opening: Rows) -> None:
        """Give a row space for ``tokens`` and the keys and values of the opening."""
        known = opening.length[0]
        for layer in range(len(self.store[row])):
            shared = opening.store[0][layer]
            if shared is None:
                raise RuntimeError("the opening was not read")
            *shape, _, width = shared.shape
            held = self.store[row][layer] = shared.new_empty(*shape, tokens, width)
            held[:, :, :, :known] = shared[:, :, :, :known]
        self.length[row] = known

    def leave(self, row: int) -> None:
        """Free an idle row's space."""
        self.store[row] = [None] * len(self.store[row])
        self.length[row] = -1

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int,
        *args: Any, **kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
        """Keep the new keys and values; (rows, heads, tokens, width) each."""
        tokens = key_states.shape[2]
        new = torch.stack((key_states, value_states), 1)[:, :, None].to(self.dtype).unbind()
        for row, one in zip(self.rows, new, strict=True):
            length, held = self.length[row], self.store[row][layer_idx]
            if length >= 0 and held is None:
                self.store[row][layer_idx] = one.clone()
            elif length >= 0 and held is not None:
                held.narrow(3, length, tokens).copy_(one)
        return key_states, value_states

    def attend(self, layer: int, query: torch.Tensor, shared: int, scale: float) -> torch.Tensor:
        """(rows, query heads, tokens, width) to the same shape; ``shared``: heads of the keys."""
        asked = query.to(self.dtype)
        if query.shape[2] > 1:
            return self._read(self.rows[0], layer, asked, scale).to(query.dtype)
        return self._step(layer, asked, shared, scale).to(query.dtype)

    def _step(self, layer: int, query: torch.Tensor, shared: int, scale: float) -> torch.Tensor:
        """Of one token of each row, over all of its own."""
        rows, heads, _, width = query.shape
        # The query heads of one key head stand where queries of one head would.
        asked = query.reshape(rows, 1, shared, -1, width).unbind()
        found = []
        for row, its in zip(self.rows, asked, strict=True):
            length, held = self.length[row], self.store[row][layer]
            if length < 0 or held is None:
                found.append(torch.zeros_like(its))
                continue
            keys, values = held.narrow(3, 0, length + 1).unbind()
            found.append(scaled_dot_product_attention(its, keys, values, scale=scale))
        return torch.cat(found).reshape(rows, heads, 1, width)

    def _read(self, row: int, layer: int, query: torch.Tensor, scale: float) -> torch.Tensor:
        """Of the tokens of one prompt, each over itself and those before."""
        held = self.store[row][layer]
        if held is None:
            raise RuntimeError("a prompt is read before its keys and values are kept")
        start, tokens = self.length[row], query.shape[2]
        places = torch.arange(start + tokens)
        mask = places[None, :] <= places[start:, None]  # (tokens, start + tokens)
        times = query.shape[1] // held.shape[2]
        keys, values = held[:, :, :, : start + tokens].repeat_interleave(times, 2).unbind()
        return scaled_dot_product_attention(query, keys, values, attn_mask=mask, scale=scale)

    def get_seq_length(self, *args: Any, **kwargs: Any) -> int:
        """Unused: places are given."""
        return 0


def attend(
    module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: Any,
    scaling: float, texts: Rows, **kwargs: Any,
) -> tuple[torch.Tensor, None]:  # fmt: skip
    """Attention as transformers asks for it; ``texts`` hold the keys and values."""
    return texts.attend(module.layer_idx, query, key.shape[1], scaling).transpose(1, 2), None


AttentionInterface.register(NAME, attend)
