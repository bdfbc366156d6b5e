"""Linear layers with their weights transposed, as columns of which a product takes whole rows.

For few rows a matrix library multiplies faster by a matrix that lies as it is read, and then
computes each row alike however many there are (tried at the start, ``Engine.alike``); by
``nn.Linear``'s transposed view it takes other kernels for few rows than for many.
"""

from __future__ import annotations

from torch import Tensor, nn


class Turned(nn.Module):
    """``nn.Linear`` that keeps its weight as (in, out)."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = nn.Parameter(linear.weight.detach().T.contiguous(), requires_grad=False)
        self.bias = linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        out: Tensor = x.reshape(-1, x.shape[-1]) @ self.weight
        if self.bias is not None:
            out = out + self.bias
        return out.reshape(*x.shape[:-1], -1)


def turn(body: nn.Module) -> None:
    """Turn every linear layer of a model, in place."""
    for part in list(body.modules()):
        for name, child in list(part.named_children()):
            if isinstance(child, nn.Linear):
                setattr(part, name, Turned(child))
