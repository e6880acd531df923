"""BERTScore F1 (Zhang et al. 2020), when its model is already on this machine. Never downloads.

The same recipe as the published package for English: roberta-large, hidden layer 17, no idf weights, no rescaling.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MODEL = "roberta-large"
LAYER = 17  # the layer that agrees best with people for this model, by the paper's authors


def available() -> bool:
    """Whether the model's files lie in the Hub's cache of this machine."""
    from huggingface_hub import try_to_load_from_cache

    def held(*names: str) -> bool:
        return any(isinstance(try_to_load_from_cache(MODEL, name), str) for name in names)

    return held("config.json") and held("model.safetensors", "pytorch_model.bin") and held("tokenizer.json", "vocab.json")


def f1(predictions: Sequence[str], references: Sequence[str]) -> list[float]:
    """F1 of each prediction with its reference (about 0.8 to 1 for English). Loads the model; call it once for many pairs."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(MODEL, local_files_only=True, add_prefix_space=True)
    model = AutoModel.from_pretrained(MODEL, local_files_only=True).eval()
    return [_pair(_vectors(p, tokenizer, model), _vectors(r, tokenizer, model)) for p, r in zip(predictions, references, strict=True)]


def _vectors(text: str, tokenizer: Any, model: Any, layer: int = LAYER) -> Any:
    """(tokens, width) of length 1 each; the first and the last token are the model's own marks. Cut at 512 tokens."""
    import torch

    given = tokenizer(text.strip(), return_tensors="pt", truncation=True, max_length=512)
    with torch.inference_mode():
        found = model(**given, output_hidden_states=True).hidden_states[layer][0]
    return torch.nn.functional.normalize(found, dim=-1)


def _pair(prediction: Any, reference: Any) -> float:
    """Each token with the one most like it on the other side; the marks can be found but do not count."""
    if len(prediction) <= 2 or len(reference) <= 2:
        return 0.0
    cosines = prediction @ reference.T
    precision = cosines.max(dim=1).values[1:-1].mean().item()
    recall = cosines.max(dim=0).values[1:-1].mean().item()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
