"""How likely a model finds a text that it did not write. Imports torch when called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ftapp.backends.local import AdapterRef, LocalBackend


def nats(backend: LocalBackend, messages: Sequence[Mapping[str, str]], text: str, adapter: AdapterRef | None = None) -> tuple[float, int]:
    """(-log p of `text` as the answer to `messages`, its tokens); by the base, or by an adapter from where its scope begins.

    The end of the answer is not counted. (0.0, 0) when both do not fit into the model's context. Raises ModelError.
    """
    import torch

    from ftapp.backends.decoding import new_cache

    weights = backend.weights(adapter)
    prompt = backend.encode(messages)
    answer = backend.tokenizer(text, add_special_tokens=False)["input_ids"]
    if not answer or len(prompt) + len(answer) > backend.spec.context_tokens:
        return 0.0, 0
    header = len(backend.invocation_tokens) or 1
    reader = weights if weights is not None and weights.invocation_tokens is None else None
    with backend.turn, backend._step, torch.inference_mode():
        model = backend.loaded()
        cache = new_cache(model.config)

        def forward(ids: list[int], writer: object) -> torch.Tensor:
            backend._acting.set([writer])
            try:
                return model(input_ids=torch.tensor([ids], device=model.device), past_key_values=cache, use_cache=True).logits[0].float()
            finally:
                backend._acting.clear()

        if prompt[:-header]:
            forward(prompt[:-header], reader)
        logits = forward([*prompt[-header:], *answer[:-1]], weights)[header - 1 :]
    wanted = torch.tensor(answer, device=logits.device)[:, None]
    return -torch.log_softmax(logits, -1).gather(1, wanted).sum().item(), len(answer)
