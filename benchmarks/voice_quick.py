"""Supervised teaching of an adapter of scope "letter" in a quarter of the time, for benchmarks on a busy machine.

The adapter sleeps until the assistant header, so the base reads each prompt once, without gradient, and its keys and values serve every
epoch; only header and letter are passed with the adapter. That is what PEFT computes for aLoRA, and `ftapp.training.sft` with it; loss,
optimizer, schedule and order of a recipe are the same in kind, so its adapters are alike, not equal to the last digit.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ftapp import config


def teach(rows: Sequence[Mapping[str, Any]], recipe: config.Recipe, folder: Path) -> Any:
    """An AdapterRef taught by the rows {prompt, completion}. The recipe's scope must be "letter"."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import get_scheduler

    from ftapp.backends import hardware
    from ftapp.backends.local import AdapterRef
    from ftapp.training import run, tokens
    from ftapp.training.bases import describe_base, load_base

    base = describe_base(config.BUNDLED)
    model, tokenizer = load_base(base, recipe)
    torch.manual_seed(recipe.seed)
    lora = LoraConfig(r=recipe.r, lora_alpha=recipe.alpha, target_modules=recipe.target_modules, task_type="CAUSAL_LM")
    model = get_peft_model(model, lora)
    if hardware.computes_bf16():  # once; autocast would round the same weights at every product
        for module in model.modules():
            if isinstance(module, torch.nn.Linear) and not module.weight.requires_grad:
                module.weight.data = module.weight.data.bfloat16()
    header, end = list(base["invocation_tokens"]), tokens.end_token(tokenizer)
    lessons = []
    with torch.no_grad(), model.disable_adapter(), torch.autocast("cpu", torch.bfloat16, enabled=hardware.computes_bf16()):
        for row in rows:
            prompt = tokens.prompt_ids(tokenizer, row["prompt"])
            past = model(input_ids=torch.tensor([prompt[: -len(header)]]), use_cache=True).past_key_values
            kept = [(layer.keys, layer.values) for layer in past.layers]
            lessons.append((kept, len(prompt) - len(header), [*tokenizer(row["completion"], add_special_tokens=False)["input_ids"], end]))
    weights = [p for p in model.parameters() if p.requires_grad]
    steps = run.steps(len(rows), recipe)
    optimizer = torch.optim.AdamW(weights, lr=recipe.learning_rate, weight_decay=0.0)
    schedule = get_scheduler(recipe.scheduler, optimizer, num_warmup_steps=int(recipe.warmup_share * steps), num_training_steps=steps)
    order, rng = [], random.Random(recipe.seed)
    model.train()
    for _ in range(steps):
        batch = []
        while len(batch) < min(recipe.batch_size, len(lessons)):
            order = order or rng.sample(range(len(lessons)), len(lessons))
            batch.append(order.pop())
        count = sum(len(lessons[at][2]) for at in batch)
        for at in batch:
            with torch.autocast("cpu", torch.bfloat16, enabled=hardware.computes_bf16()):
                (_loss(model, header, *lessons[at]) / count).backward()
        torch.nn.utils.clip_grad_norm_(weights, recipe.max_grad_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder / "weights")
    described = folder / "weights" / "adapter_config.json"
    values = run.read_json(described) | {"base_model_name_or_path": base["id"], "alora_invocation_tokens": header}
    run.write_text(described, json.dumps(values, indent=1))
    return AdapterRef(folder.name, folder / "adapter", run.publish(folder / "weights", folder / "adapter"), recipe.scope)


def _loss(model: Any, header: list[int], kept: list, start: int, letter: list[int]) -> Any:
    """Summed cross entropy of a letter after its prompt, in nats."""
    import torch
    from transformers.cache_utils import DynamicCache

    cache = DynamicCache()
    for at, (keys, values) in enumerate(kept):
        cache.update(keys, values, at)
    ids = torch.tensor([[*header, *letter[:-1]]])
    places = torch.arange(start, start + ids.shape[1])[None]
    logits = model(input_ids=ids, position_ids=places, past_key_values=cache, use_cache=True).logits[0, len(header) - 1 :].float()
    return torch.nn.functional.cross_entropy(logits, torch.tensor(letter), reduction="sum")
