"""Linear layers that keep their weights transposed.

``nn.Linear`` multiplies by a transposed view, for which MKL takes other kernels for few rows than
for many. By a matrix that lies as it is read it computes each row alike however many there are
(``Engine.alike`` tries it), and faster. transformers' ``Conv1D`` is the same with a bias always.
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
