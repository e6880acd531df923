"""LoRA inside packed rows: one adapter acting on every token of a pass, or on none.

PEFT finds the place where an adapter of scope "letter" wakes by looking for the assistant header in the token ids, and lets it sleep in
silence where it finds none. In a packed row that place is known: a prompt is read with the adapter asleep, the letters with it awake
on every token. So the pass says which, and PEFT's own weights are used. Linear layers also get one product in place of PEFT's three
steps: the input is rounded once and kept once, and nothing of the output's size is written twice. Imports torch and PEFT.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from peft.tuners.lora import LoraLayer
from peft.tuners.lora.layer import Linear
from torch import nn
from torch.nn.functional import linear

AWAKE, ASLEEP, AS_PEFT = "awake", "asleep", "as PEFT does"


class Acting:
    """Takes the place of `forward` in every LoRA layer of a model; `mode` says how the next passes go."""

    def __init__(self, model: nn.Module) -> None:
        self.mode = AWAKE  # also while a checkpointed layer is computed again in the backward pass
        self._last: tuple[Any, torch.Tensor] | None = None
        self.layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
        for layer in self.layers:
            layer.forward = partial(self._forward, layer, layer.forward)

    @contextlib.contextmanager
    def set(self, mode: str) -> Iterator[None]:
        before, self.mode = self.mode, mode
        try:
            yield
        finally:
            self.mode, self._last = before, None

    def _forward(self, layer: Any, original: Any, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        if self.mode == AS_PEFT:
            return original(x, *args, **kwargs)
        if self.mode == ASLEEP:
            return layer.base_layer(x)
        name = _only_adapter(layer)
        dtype = torch.get_autocast_dtype(x.device.type) if torch.is_autocast_enabled(x.device.type) else x.dtype
        if name is None or not _plain(layer, name, dtype):
            return original(x, *args, **{**kwargs, "alora_offsets": [x.shape[1]] * len(x)})
        base = layer.base_layer
        low, high = layer.lora_A[name].weight, layer.lora_B[name].weight
        return _Product.apply(x, self._flat(x, dtype), base.weight, base.bias, low, high, layer.scaling[name])

    def _flat(self, x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """(tokens, width) in the products' type; queries, keys and values ask for the same one after the other."""
        if self._last is None or self._last[0] is not x:
            self._last = x, x.detach().reshape(-1, x.shape[-1]).to(dtype)
        return self._last[1]


def _only_adapter(layer: Any) -> str | None:
    if layer.disable_adapters or layer.merged or len(layer.active_adapters) != 1:
        return None
    (name,) = layer.active_adapters
    return name if name in layer.lora_A else None


def _plain(layer: Any, name: str, dtype: torch.dtype) -> bool:
    """A stock linear layer with stock LoRA (aLoRA that is awake everywhere is nothing else), in one type or under autocast."""
    variant = layer.lora_variant.get(name)
    return (
        type(layer) is Linear and type(layer.base_layer) is nn.Linear and not layer.base_layer.weight.requires_grad
        and type(layer.lora_A[name]) is nn.Linear and layer.lora_B[name].bias is None
        and (variant is None or "ALora" in type(variant).__name__)
        and isinstance(layer.lora_dropout[name], nn.Identity)
        and (torch.is_autocast_enabled(layer.base_layer.weight.device.type) or layer.lora_A[name].weight.dtype == dtype)
    )  # fmt: skip


class _Product(torch.autograd.Function):
    """W x + scaling B A x (Hu et al. 2021, arXiv 2106.09685), W frozen. `flat` is x in the products' type."""

    @staticmethod
    def forward(ctx, x, flat, weight, bias, low, high, scaling):
        dtype = flat.dtype
        thin = flat @ low.to(dtype).T
        out = linear(flat, weight.to(dtype), None if bias is None else bias.to(dtype))
        out.addmm_(thin, (high * scaling).to(dtype).T)
        ctx.save_for_backward(flat, weight, low, high, thin)
        ctx.scaling, ctx.x = scaling, (x.shape, x.dtype)
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx, grad):
        flat, weight, low, high, thin = ctx.saved_tensors
        dtype = flat.dtype
        grad = grad.reshape(-1, grad.shape[-1]).to(dtype)
        thin_grad = grad @ (high * ctx.scaling).to(dtype)
        x_grad = low_grad = high_grad = None
        if ctx.needs_input_grad[0]:
            shape, kind = ctx.x
            x_grad = (grad @ weight.to(dtype)).addmm_(thin_grad, low.to(dtype)).view(shape).to(kind)
        if ctx.needs_input_grad[4]:
            low_grad = (thin_grad.T @ flat).to(low.dtype)
        if ctx.needs_input_grad[5]:
            high_grad = (grad.T @ thin).to(high.dtype) * ctx.scaling
        return x_grad, None, None, None, low_grad, high_grad, None


def round_frozen(model: nn.Module, dtype: torch.dtype) -> None:
    """Round the frozen matrices under LoRA once, as autocast would in every pass. The products stay the same, bit for bit."""
    for layer in (module for module in model.modules() if isinstance(module, LoraLayer)):
        base = layer.base_layer
        if type(base) is nn.Linear and base.weight.dtype == torch.float32 and not base.weight.requires_grad:
            base.weight.data = base.weight.data.to(dtype)
