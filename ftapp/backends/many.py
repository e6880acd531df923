"""One letter each for many prompts at once, by one writer: what measuring needs and a page never does.

The same arithmetic as `decoding`: the base reads the prompt (unless the adapter's scope is "all"), the adapter acts from the assistant
header on. Prompts are padded on the left and the padding is masked, so a letter may differ from the same one written alone in its
last bits. Imports torch; import it where a model is loaded.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from ftapp.backends.decoding import choose, new_cache

if TYPE_CHECKING:
    from ftapp.backends.local import AdapterRef
    from ftapp.backends.pair import Sampling


def able(backend: Any) -> bool:
    """Whether the model takes what padding needs."""
    model = getattr(backend, "model", None)
    return model is not None and {"attention_mask", "position_ids", "logits_to_keep"} <= set(inspect.signature(model.forward).parameters)


def by_any(
    backend: Any, asked: Sequence[Sequence[dict[str, str]]], sampling: Sampling, adapter: AdapterRef | None, seed: int, *,
    stop: Callable[[], bool] = lambda: False, rows: int = 12, told: Callable[[int, int], None] = lambda done, of: None,
) -> list[tuple[str, bool] | None]:  # fmt: skip
    """As `letters`, one after another where the model does not take padding; keeps others from writing meanwhile."""
    from ftapp.backends.pair import Row
    from ftapp.backends.pair import write as stream

    if able(backend):
        with backend.turn:
            return letters(backend, asked, sampling, adapter, seed, stop=stop, rows=rows, told=told)
    found: list[tuple[str, bool] | None] = []
    for number, messages in enumerate(asked):
        *_, last = [None] if stop() else stream(backend, messages, [Row(adapter, seed + number)], sampling)
        found.append((last.texts[0], last.finished[0]) if last else None)
        told(len(found), len(asked))
    return found


def letters(
    backend: Any, asked: Sequence[Sequence[dict[str, str]]], sampling: Sampling, adapter: AdapterRef | None, seed: int, *,
    stop: Callable[[], bool] = lambda: False, rows: int = 12, told: Callable[[int, int], None] = lambda done, of: None,
) -> list[tuple[str, bool] | None]:  # fmt: skip
    """(text, whether it came to its own end) of each prompt (messages), in their order; letter i draws from `seed + i`, whoever writes.

    `rows` are written together, and after each such batch `told(how many, of how many)` is called; those of a batch that `stop()` cut
    off, and all after it, are None. Raises ModelError when the adapter cannot be loaded.
    """
    ids = [backend.encode(messages) for messages in asked]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    written: list[tuple[str, bool] | None] = [None] * len(ids)
    for start in range(0, len(order), rows):
        some = order[start : start + rows]
        found = _batch(backend, [ids[i] for i in some], sampling, adapter, [seed + i for i in some], stop)
        if found is None:
            break
        for i, letter in zip(some, found, strict=True):
            ended = bool(letter) and letter[-1] in backend.end_tokens
            written[i] = backend.decode(letter[:-1] if ended else letter), ended
        told(start + len(some), len(order))
    return written


def _batch(
    backend: Any, ids: Sequence[list[int]], sampling: Sampling, adapter: AdapterRef | None, seeds: Sequence[int], stop: Callable[[], bool]
) -> list[list[int]] | None:
    """The letters' token ids, end token included; None when stopped. A prompt that stands there several times is read once."""
    weights = backend.weights(adapter)
    header, longest = len(backend.invocation_tokens) or 1, max(map(len, ids))
    device = backend.loaded().device
    once = list(dict.fromkeys(map(tuple, ids)))
    tokens = torch.tensor([[0] * (longest - len(row)) + [*row] for row in once], device=device)
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in once], device=device)
    places = (mask.cumsum(1) - 1).clamp(min=0)
    cache, letters = new_cache(backend.model.config), [[] for _ in ids]
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    reader = weights if weights is not None and weights.invocation_tokens is None else None
    forbidden = [torch.tensor(backend.forbidden(row), dtype=torch.long) for row in ids]

    def forward(step: torch.Tensor, seen: torch.Tensor, at: torch.Tensor, writer: Any) -> torch.Tensor:
        with backend._step:
            backend._acting.set([writer] * len(step))
            try:
                out = backend.model(input_ids=step, attention_mask=seen, position_ids=at, past_key_values=cache, use_cache=True,
                                    logits_to_keep=1)  # fmt: skip
                return out.logits[:, -1].float().cpu()
            finally:
                backend._acting.clear()

    live = list(range(len(ids)))
    with torch.inference_mode():
        forward(tokens[:, :-header], mask[:, :-header], places[:, :-header], reader)
        logits = forward(tokens[:, -header:], mask, places[:, -header:], weights)
        at = places[:, -1:]
        if len(once) < len(ids):
            whose = torch.tensor([once.index(tuple(row)) for row in ids], device=device)
            cache.batch_select_indices(whose)
            logits, mask, at = logits[whose.cpu()], mask[whose], at[whose]
        for _ in range(min(sampling.max_new_tokens, backend.spec.context_tokens - longest)):
            if stop():
                return None
            new = [choose(logits[n].index_fill(0, forbidden[i], -torch.inf), sampling, generators[i]) for n, i in enumerate(live)]
            for i, token in zip(live, new, strict=True):
                letters[i].append(token)
            going = [n for n, token in enumerate(new) if token not in backend.end_tokens]
            if not going:
                break
            if len(going) < len(live):
                keep = torch.tensor(going, device=device)
                cache.batch_select_indices(keep)
                mask, at, live = mask[keep], at[keep], [live[n] for n in going]
            mask, at = torch.cat([mask, mask.new_ones(len(live), 1)], 1), at + 1
            logits = forward(torch.tensor([[new[n]] for n in going], device=device), mask, at, weights)
    return letters
