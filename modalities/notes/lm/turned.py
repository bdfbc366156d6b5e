"""Linear layers that keep their weights transposed.

``nn.Linear`` multiplies by a transposed view, for which MKL takes other kernels for few rows than
for many. By a matrix that lies as it is read it computes each row alike however many there are
(``Engine.alike`` tries it), and faster. transformers' ``Conv1D`` is the same with a bias always.

In bfloat16 factors and results of products are rounded, and what stands between them is float32:
half the memory to read, and a processor with AMX multiplies many at once.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Turned(nn.Module):
    """``nn.Linear`` that keeps its weight as (in, out), in ``dtype``."""

    def __init__(self, linear: nn.Linear, dtype: torch.dtype) -> None:
        super().__init__()
        weight = linear.weight.detach().T.contiguous().to(dtype)
        self.weight, self.bias = nn.Parameter(weight, requires_grad=False), linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        out = (x.reshape(-1, x.shape[-1]).to(self.weight.dtype) @ self.weight).to(x.dtype)
        if self.bias is not None:
            out = out + self.bias
        return out.reshape(*x.shape[:-1], -1)


def turn(body: nn.Module, dtype: torch.dtype) -> None:
    """Turn every linear layer of a model, in place."""
    for part in list(body.modules()):
        for name, child in list(part.named_children()):
            if isinstance(child, nn.Linear):
                setattr(part, name, Turned(child, dtype))
