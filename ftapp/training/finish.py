"""After the last step: each held-out pair's margin, the adapter published whole, held-out letters before and after.

Knows a trained model and a run folder; not how the training went.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftapp import config, evaluation, rendered
from ftapp.training import run

if TYPE_CHECKING:
    from ftapp.backends.local import LocalBackend


def held_out_margins(trainer: Any, beta: float) -> list[float]:
    """beta x (chosen log-ratio - rejected log-ratio) of each held-out pair, in their order.

    TRL reports only means; an interval over postings needs each pair. The reference's part was computed by TRL.
    """
    if trainer.eval_dataset is None:
        return []
    trainer.model.eval()
    margins = []
    for row in trainer.eval_dataset:
        if getattr(trainer, "shared", False):  # as the reference was computed, so that rounding cancels
            chosen, rejected = trainer.pair_logps(row)
        else:
            chosen, rejected = (letter_logp(trainer.model, row["prompt_ids"], row[f"{side}_ids"]) for side in ("chosen", "rejected"))
        margins.append(beta * ((chosen - row["ref_chosen_logps"]) - (rejected - row["ref_rejected_logps"])))
    return margins


def letter_logp(model: Any, prompt: Sequence[int], letter: Sequence[int]) -> float:
    """log p(letter | prompt) in nats; the head is computed for the letter's positions only."""
    import torch

    ids = torch.tensor([[*prompt, *letter]], device=model.device)
    with torch.no_grad():
        logits = model(input_ids=ids, use_cache=False, logits_to_keep=len(letter) + 1).logits[0, :-1].float()
    return torch.log_softmax(logits, -1).gather(1, ids[0, len(prompt) :, None]).sum().item()


def publish(model: Any, folder: Path, base: Mapping[str, Any]) -> str:
    """Save the trained adapter alone and put it at `adapter/` in one step."""
    weights = folder / "checkpoints" / "final"
    model.save_pretrained(weights, selected_adapters=["default"], save_embedding_layers=False)  # without it the copy "ref" ships too
    described = weights / "adapter_config.json"
    values = run.read_json(described)
    values["base_model_name_or_path"] = base["id"]  # not the folder on this machine
    run.write_text(described, json.dumps(values, indent=1))
    digest = run.publish(weights, folder / "adapter")
    shutil.rmtree(weights, ignore_errors=True)
    return digest


def writer(base: Mapping[str, Any]) -> LocalBackend:
    """The run's base model as what writes, in the way that was frozen with the run. Raises ModelError."""
    from ftapp.backends.local import LocalBackend

    frozen = {name: base[name] for name in ("max_new_tokens", "temperature", "top_p") if name in base}  # runs of before froze the first
    return LocalBackend.load(config.model_spec(base["id"]).model_copy(update=frozen))


def letters(
    backend: LocalBackend, base: Mapping[str, Any], recipe: config.Recipe, rows: list, folder: Path, sha256: str, count: int,
    stop: Callable[[], bool],
) -> tuple[list[dict], str]:  # fmt: skip
    """Held-out letters {title, before, after, before_finished, after_finished}, and a note where there are fewer than `count`."""
    from ftapp.backends.local import AdapterRef

    chosen = evaluation.first_prompts(rows, count)
    if not chosen:
        return [], "No letters are shown: there is nothing yet for a held-out posting."
    parent = base.get("parent")
    before = AdapterRef(parent["id"], Path(parent["path"]), parent["sha256"], parent["scope"]) if parent else None
    after = AdapterRef(folder.name, folder / "adapter", sha256, recipe.scope)
    prompts = [row["prompt"] for row in chosen]
    pairs = evaluation.letters_before_after(backend, prompts, before, after, base["max_new_tokens"], stop)
    written = [{"title": rendered.read(messages).title} | pair for messages, pair in zip(prompts, pairs, strict=False)]
    return written, "" if len(written) == count else f"{len(written)} of {count} letters: more postings give more."
