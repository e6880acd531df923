"""Many letters at once for the benchmarks: rows of different prompts, one writer. The app itself never needs this.

The same arithmetic as `ftapp.backends.decoding`: the base reads the prompt (unless the adapter's scope is "all"),
the adapter acts from the assistant header on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ftapp import prompts


@dataclass
class Letter:
    """One letter with the prompt it answers; `ended` when it came to its own end token."""

    prompt: prompts.Prompt
    text: str
    ended: bool


def write(backend, asked: Sequence[prompts.Prompt], sampling, adapter=None, seed: int = 0, batch: int = 24) -> list[Letter]:
    """One letter a prompt, in their order. Row i draws from its own generator `seed + i`, whoever writes."""
    order = sorted(range(len(asked)), key=lambda i: asked[i].tokens)
    letters: dict[int, Letter] = {}
    for start in range(0, len(order), batch):
        some = order[start : start + batch]
        rows = _rows(backend, [backend.encode(asked[i].messages) for i in some], sampling, adapter, [seed + i for i in some])
        for i, ids in zip(some, rows, strict=True):
            ended = bool(ids) and ids[-1] in backend.end_tokens
            letters[i] = Letter(asked[i], backend.decode(ids[:-1] if ended else ids), ended)
    return [letters[i] for i in range(len(asked))]


def _rows(backend, ids: list[list[int]], sampling, adapter, seeds: list[int]) -> list[list[int]]:
    """The letters' token ids, end token included. Prompts are padded on the left and the padding is masked."""
    import torch

    from ftapp.backends.decoding import choose, new_cache

    weights = backend.weights(adapter)
    header, longest = len(backend.invocation_tokens) or 1, max(map(len, ids))
    tokens = torch.tensor([[0] * (longest - len(row)) + row for row in ids])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in ids])
    places = (mask.cumsum(1) - 1).clamp(min=0)
    cache, letters = new_cache(backend.model.config), [[] for _ in ids]
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    reader = weights if weights is not None and weights.invocation_tokens is None else None
    forbidden = torch.tensor(backend.forbidden_tokens, dtype=torch.long)

    def forward(step: torch.Tensor, seen: torch.Tensor, at: torch.Tensor, writer) -> torch.Tensor:
        backend._acting.set([writer] * len(step))
        try:
            return (
                backend.model(input_ids=step, attention_mask=seen, position_ids=at, past_key_values=cache, use_cache=True, logits_to_keep=1)
                .logits[:, -1]
                .float()
            )
        finally:
            backend._acting.clear()

    live = list(range(len(ids)))
    with torch.inference_mode():
        forward(tokens[:, :-header], mask[:, :-header], places[:, :-header], reader)
        logits = forward(tokens[:, -header:], mask, places[:, -header:], weights)
        at = places[:, -1:]
        for _ in range(sampling.max_new_tokens):
            logits = logits.index_fill(1, forbidden, -torch.inf)
            new = [choose(logits[n], sampling, generators[i]) for n, i in enumerate(live)]
            for i, token in zip(live, new, strict=True):
                letters[i].append(token)
            going = [n for n, token in enumerate(new) if token not in backend.end_tokens]
            if not going:
                break
            if len(going) < len(live):
                keep = torch.tensor(going)
                cache.batch_select_indices(keep)
                mask, at, live = mask[keep], at[keep], [live[n] for n in going]
            mask, at = torch.cat([mask, mask.new_ones(len(live), 1)], 1), at + 1
            logits = forward(torch.tensor([[new[n]] for n in going]), mask, at, weights)
    return letters
