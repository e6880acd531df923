"""Log-probabilities of the letters' tokens straight from hidden states, by a frozen language-model head.

With a vocabulary of 150,000 the head costs as much as a third of the model, and its logits take gigabytes. Here they exist for a few
tokens at a time, and their gradient is made while they do: for log p(y) = z_y - log sum exp z, with z = W h, it is W^T (onehot(y) - p),
so the backward pass only scales what the forward pass kept. Imports torch; knows no trainer.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

AT_ONCE = 2**24  # logits that exist at one time: 64 MB in float32, twice


class Scores(NamedTuple):
    """Of each token (n,): log p in nats, with a gradient; without one: entropy in nats, mean logit, whether it was the likeliest."""

    log_probs: torch.Tensor
    entropy: torch.Tensor
    mean_logits: torch.Tensor
    is_top1: torch.Tensor


def score(hidden: torch.Tensor, weight: torch.Tensor, mean: torch.Tensor, targets: torch.Tensor) -> Scores:
    """Scores of `targets` (n,) after hidden states (n, width), with the head's `weight` (vocabulary, width) and its mean row (width,).

    Products are computed in autocast's type where that is on, sums in float32. The head gets no gradient.
    """
    return Scores(*_Score.apply(hidden, weight, mean, targets))


class _Score(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, weight, mean, targets):
        device = hidden.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype
        weight = weight.to(dtype)
        learns = ctx.needs_input_grad[0]
        slope = torch.empty(hidden.shape, dtype=dtype, device=hidden.device) if learns else None
        log_probs, entropy = (torch.empty(len(hidden), dtype=torch.float32, device=hidden.device) for _ in range(2))
        is_top1 = torch.empty(len(hidden), dtype=torch.bool, device=hidden.device)
        rows = max(1, AT_ONCE // len(weight))
        for part in (slice(start, start + rows) for start in range(0, len(hidden), rows)):
            logits = hidden[part].to(dtype) @ weight.T
            asked = targets[part, None]
            is_top1[part] = logits.argmax(-1) == asked[:, 0]
            logits = logits.float()
            logits -= logits.amax(-1, keepdim=True)
            own, chances = logits.gather(1, asked)[:, 0], logits.exp()
            total = chances.sum(-1)
            log_probs[part] = own - total.log()
            entropy[part] = total.log() - torch.linalg.vecdot(chances, logits) / total
            if learns:
                chances /= -total[:, None]
                chances.scatter_add_(1, asked, torch.ones_like(chances[:, :1]))
                slope[part] = chances.to(dtype) @ weight
        ctx.save_for_backward(slope)
        ctx.hidden_dtype = hidden.dtype
        mean_logits = hidden.float() @ mean
        ctx.mark_non_differentiable(entropy, mean_logits, is_top1)
        return log_probs, entropy, mean_logits, is_top1

    @staticmethod
    def backward(ctx, grad, *_):
        (slope,) = ctx.saved_tensors
        return (grad[:, None] * slope).to(ctx.hidden_dtype), None, None, None
