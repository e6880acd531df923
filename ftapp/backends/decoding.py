"""Token by token, for several rows at once: prefill, key-value cache, choice of the next token.

One prefill of the prompt serves all rows whose adapters act on the letter only: the base model reads the prompt, its
key-value cache is repeated, and the adapters act from the assistant header on, exactly as PEFT's aLoRA does without a cache.
Imports torch and transformers; import it where a model is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

from ftapp.backends.lora import Weights
from ftapp.backends.pair import Row, Sampling
from ftapp.errors import ModelError

SPARE_TOKENS = 256  # a cache grows by this much, so that a step copies one token's keys and not the whole prompt's
LIKELY = 256  # top-p is looked for among this many tokens first; sorting a vocabulary of 150,000 costs 10 ms


class RoomyLayer(DynamicLayer):
    """transformers' growing cache layer, but with spare room instead of a `torch.cat` of everything at every token."""

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args, **kwargs) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.keys, self.values = key_states[..., :0, :], value_states[..., :0, :]
        self.keys = _append("keys", self, key_states)
        self.values = _append("values", self, value_states)
        return self.keys, self.values


def _append(name: str, layer: RoomyLayer, new: torch.Tensor) -> torch.Tensor:
    """`layer.name` followed by `new`, in the layer's buffer; a new buffer when rows changed or the room is used up."""
    old, buffer = getattr(layer, name), getattr(layer, f"_{name}_room", None)
    length, total = old.shape[-2], old.shape[-2] + new.shape[-2]
    if buffer is None or old.data_ptr() != buffer.data_ptr() or old.shape[0] != buffer.shape[0] or total > buffer.shape[-2]:
        buffer = new.new_empty(*new.shape[:2], total + SPARE_TOKENS, new.shape[-1])
        buffer[..., :length, :] = old
        setattr(layer, f"_{name}_room", buffer)
    buffer[..., length:total, :] = new
    return buffer[..., :total, :]


def new_cache(config) -> DynamicCache:
    """An empty cache for a model of any architecture; ordinary attention layers get spare room."""
    cache = DynamicCache(config=config)
    cache.layers = [RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


class Writing:
    """The rows of one generation on a `LocalBackend`, from the prompt on."""

    def __init__(self, backend, prompt: Sequence[int], rows: Sequence[Row], sampling: Sampling, stopped: Callable[[], bool]) -> None:
        self.most_tokens = min(sampling.max_new_tokens, backend.spec.context_tokens - len(prompt))
        if self.most_tokens < 1:
            raise ModelError(
                f"The prompt has {len(prompt)} tokens and the model {backend.id!r} reads {backend.spec.context_tokens} - no room is left "
                "for a letter - shorten the posting or the résumé."
            )
        self._backend, self._prompt, self._sampling, self._stopped = backend, list(prompt), sampling, stopped
        self._weights = [backend.weights(row.adapter) for row in rows]  # held here: unloading cannot break a stream
        self._generators = [torch.Generator().manual_seed(row.seed) for row in rows]
        self._forbidden = torch.tensor(backend.forbidden(prompt), dtype=torch.long)
        self._live = tuple(range(len(rows)))
        self._cache = self._last = None

    def step(self, live: tuple[int, ...]) -> list[int]:
        """The next token of every row in `live` (a part of the rows of the step before). Raises Stopped and ModelError."""
        if self._cache is None:
            self._cache, logits = begin(self._backend, self._prompt, self._weights, self._stopped)
            places = [self._live.index(i) for i in live]
        else:
            places = [self._live.index(i) for i in live]
            if live != self._live:
                self._cache.batch_select_indices(torch.tensor(places))
            ids = torch.tensor([[self._last[place]] for place in places])
            logits = self._backend.forward(ids, self._cache, [self._weights[i] for i in live], self._stopped)
            self._live, places = live, range(len(live))
        logits = logits.index_fill(1, self._forbidden, -torch.inf)
        chosen = {i: choose(logits[place], self._sampling, self._generators[i]) for i, place in zip(live, places, strict=True)}
        self._last = [chosen.get(i, 0) for i in self._live]
        return [chosen[i] for i in live]

    def close(self) -> None:
        """Let go of the keys and values."""
        self._cache = None


def begin(
    backend, prompt: list[int], weights: Sequence[Weights | None], stopped: Callable[[], bool] | None = None
) -> tuple[DynamicCache, torch.Tensor]:
    """Read the prompt for `len(weights)` rows; returns the cache and the logits (rows, vocabulary) of the first token.

    The text before the assistant header is computed once if it is the same for all rows: always, unless an adapter
    of scope "all" stands beside another writer.
    """
    rows, woken = len(weights), backend.invocation_tokens
    header = len(woken) or 1
    if tuple(prompt[-header:]) != woken and any(w is not None and w.invocation_tokens is not None for w in weights):
        raise ModelError(
            "This prompt does not end with the assistant header that wakes the adapter - it would sleep, and both letters would be the "
            "base model's - choose an adapter of scope 'all' for this model."
        )
    readers = [w if w is not None and w.invocation_tokens is None else None for w in weights]
    cache = new_cache(backend.loaded().config)
    head = torch.tensor([prompt[:-header]])
    if head.shape[1] and all(reader is readers[0] for reader in readers):
        backend.forward(head, cache, readers[:1], stopped)
        if rows > 1:
            cache.batch_repeat_interleave(rows)
    elif head.shape[1]:
        backend.forward(head.expand(rows, -1), cache, readers, stopped)
    return cache, backend.forward(torch.tensor([prompt[-header:]] * rows), cache, weights, stopped)


def choose(logits: torch.Tensor, sampling: Sampling, generator: torch.Generator) -> int:
    """One token from `logits` (vocabulary,), greedy or by temperature and nucleus (Holtzman et al., arXiv:1904.09751)."""
    if torch.isnan(logits.max()):
        raise ModelError("The model computed values that are not numbers - its weights or the adapter are damaged - choose another.")
    if sampling.greedy or sampling.temperature <= 0:
        return int(logits.argmax())
    probabilities = torch.softmax(logits / sampling.temperature, dim=0)
    values, order = probabilities.topk(min(LIKELY, len(probabilities)))
    if values.sum() < sampling.top_p and len(values) < len(probabilities):
        values, order = probabilities.sort(descending=True)
    values = values * (values.cumsum(0) - values < sampling.top_p)
    return int(order[torch.multinomial(values, 1, generator=generator)])
