"""A LoRA adapter as plain tensors: read through PEFT, acting through forward hooks on the base model.

PEFT knows how an adapter's files, targets, ranks and scalings belong together, so it does the reading, on a twin
of the model that shares its tensors. The running model itself is never wrapped or changed: hooks add `B(A(x))` to the rows that
an adapter writes. So adapters come and go under a running stream, and with no rows named the model is the bare base.
Imports torch; import it where a model is loaded.
"""

from __future__ import annotations

import copy
import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn.functional import linear

from ftapp.backends import hardware
from ftapp.backends.pair import Stopped
from ftapp.errors import ModelError


@dataclass(frozen=True, eq=False)
class Weights:
    """One adapter in memory. `layers`: module name -> (A (rank, in), B times scaling (out, rank), bias or None)."""

    layers: dict[str, tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]]
    invocation_tokens: tuple[int, ...] | None  # None: acts on every token (scope "all")


def read(twin: torch.nn.Module, folder: Path) -> Weights:
    """Read the PEFT LoRA adapter in `folder`; weights are float32, as PEFT computes them. `twin` is used up.

    Raises ModelError for another kind of adapter, another model's adapter, missing layers or broken files.
    """
    from peft import PeftConfig, PeftModel
    from peft.tuners.lora import LoraLayer

    name = "adapter"
    if not (folder / "adapter_model.safetensors").is_file() or not (folder / "adapter_config.json").is_file():
        raise ModelError(
            f"There is no adapter in {folder.name!r} - adapter_config.json and adapter_model.safetensors must both be there - "
            "choose another adapter or train one."
        )
    try:
        with hardware.LOADING, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PEFT warns about what is checked and said in words below
            config = PeftConfig.from_pretrained(folder)
            _refuse_unusual(config, folder.name)
            config.inference_mode = True
            wrapped = PeftModel(twin, config, adapter_name=name, low_cpu_mem_usage=True)
            loaded = wrapped.load_adapter(folder, name, torch_device="cpu", low_cpu_mem_usage=True)
    except ModelError:
        raise
    except Exception as error:  # PEFT, safetensors and torch each have their own; all mean the same to a person
        raise _not_ours(folder.name, str(error)) from error
    if loaded.unexpected_keys:
        raise _not_ours(folder.name, f"it has weights for {len(loaded.unexpected_keys)} layers that the model lacks")
    layers = {}
    for path, layer in wrapped.get_base_model().named_modules():
        if isinstance(layer, LoraLayer):
            layers[path] = _layer(layer, name, folder.name)
    tokens = getattr(config, "alora_invocation_tokens", None)
    return Weights(layers, None if tokens is None else tuple(tokens))


def twin(model: torch.nn.Module) -> torch.nn.Module:
    """The same modules once more around the very same tensors: PEFT may wrap them without touching the running model.

    Not while hooks are being added.
    """
    tensors = (*model.parameters(), *model.buffers())
    return copy.deepcopy(model, {id(tensor): tensor for tensor in tensors})


def _refuse_unusual(config, folder: str) -> None:
    """Only plain LoRA and aLoRA on linear layers can act on single rows of a batch."""
    kind = getattr(config.peft_type, "value", str(config.peft_type))
    extras = ("use_dora", "use_qalora", "use_bdlora", "arrow_config", "kasa_config", "velora_config", "monteclora_config",
              "modules_to_save", "trainable_token_indices", "target_parameters", "layer_replication")  # fmt: skip
    unusual = [extra for extra in extras if getattr(config, extra, None)]
    if getattr(config, "bias", "none") != "none":
        unusual.append("bias")
    if kind != "LORA" or unusual:
        raise ModelError(
            f"The adapter {folder!r} is of kind {kind}{' with ' + ', '.join(unusual) if unusual else ''} - ftapp writes with plain LoRA "
            "adapters on linear layers only - train one here, or export it as plain LoRA."
        )


def _not_ours(folder: str, reason: str) -> ModelError:
    return ModelError(
        f"The adapter {folder!r} does not fit this base model ({' '.join(reason.split())[:200]}) - it was made for another model or its "
        "files are damaged - choose an adapter that was trained on this model."
    )


def _layer(layer, name: str, folder: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    if name not in layer.lora_A or not isinstance(layer.lora_A[name], torch.nn.Linear):
        raise ModelError(
            f"The adapter {folder!r} changes a layer of type {type(layer).__name__} - ftapp writes with LoRA on linear layers only - "
            "choose another adapter."
        )
    low, high = layer.lora_A[name], layer.lora_B[name]
    if low.weight.is_meta or high.weight.is_meta:
        raise _not_ours(folder, "its file lacks weights for some layers that its configuration names")
    scaling = layer.scaling[name]
    bias = None if high.bias is None else high.bias.detach().float() * scaling
    return low.weight.detach().float(), high.weight.detach().float() * scaling, bias


class Acting:
    """What acts during one forward pass: each adapter on its rows of the batch, and the wish to stop."""

    def __init__(self, model: torch.nn.Module) -> None:
        from transformers.modeling_layers import GradientCheckpointingLayer

        self._model = model
        self._hooked: set[str] = set()
        self._rows = 1
        self._spans: tuple[tuple[int, int, dict], ...] = ()
        self._stopped: Callable[[], bool] | None = None
        for module in model.modules():
            if isinstance(module, GradientCheckpointingLayer):  # every decoder layer: reading a long prompt takes seconds
                module.register_forward_pre_hook(self._look)

    def __deepcopy__(self, memo: dict) -> Acting:
        """A twin's hooks never run; copying what they act with would copy adapters."""
        return self

    def cover(self, weights: Weights) -> None:
        """Hook every layer that `weights` changes, once. Not while a forward pass runs."""
        for name in weights.layers.keys() - self._hooked:
            self._model.get_submodule(name).register_forward_hook(functools.partial(self._add, name))
            self._hooked.add(name)

    def set(self, rows: Sequence[Weights | None], stopped: Callable[[], bool] | None = None) -> None:
        """Row i of the coming batch is written by `rows[i]`; None is the bare base. `stopped` is asked at every layer."""
        spans: list[tuple[int, int, Weights]] = []
        for i, weights in enumerate(rows):
            if weights is not None and spans and spans[-1][1] == i and spans[-1][2] is weights:
                spans[-1] = (spans[-1][0], i + 1, weights)
            elif weights is not None:
                spans.append((i, i + 1, weights))
        self._rows = max(1, len(rows))
        self._spans = tuple((start, stop, weights.layers) for start, stop, weights in spans)

        self._stopped = stopped

    def clear(self) -> None:
        self._spans, self._stopped = (), None

    def _look(self, *_: object) -> None:
        if self._stopped is not None and self._stopped():
            raise Stopped

    def _add(self, name: str, module: torch.nn.Module, args: tuple, output: torch.Tensor) -> None:
        """Add the adapters' part to their rows of `output`, in place; nothing is gathered or scattered."""
        for start, stop, layers in self._spans:
            if (layer := layers.get(name)) is None:
                continue
            low, high, bias = layer
            x = args[0]
            if x.shape[0] != self._rows:  # a model that flattens (row, token) to one dimension
                start, stop = start * (x.shape[0] // self._rows), stop * (x.shape[0] // self._rows)
            part = x[start:stop]
            if part.dtype != low.dtype:
                part = part.to(low.dtype)
            output[start:stop].add_(linear(linear(part, low), high, bias))
