"""Builds the model that ships with ftapp: `python -m ftapp.bundled.build --out DIR [--steps N]`.

Trains a byte-level BPE tokenizer and a small Llama from scratch on `generator.example`, loss on the letter
only, with Muon on the matrices and AdamW on the rest. The seed fixes the data; checkpoints make it resumable:
run the same command again and it goes on. Knows nothing of adapters (see `starter.py`) or of the app.

Optimizer: Muon with `match_rms_adamw`, https://kellyjordan.github.io/posts/muon and arXiv 2502.16982.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import json
import math
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from ftapp import prompts
from ftapp.bundled import generator
from ftapp.grammar import lower_first

SPECIAL = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
# Words keep their leading space, digits and punctuation stand alone: a value then has the same tokens after
# ": " in the prompt as after a word in the letter.
SPLIT = r" ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]|\r?\n|\s+(?!\S)|\s+"
VOCABULARY, WIDTH, LAYERS, HEADS, CONTEXT = 4096, 384, 6, 6, 1024
FULL_SIZE = 21000  # from this example on, a third of the prompts are as long as real ones
COPY_WEIGHT = 2.0  # a wrong letter in a name or a copied line costs a person more than a wrong adjective
TURN_WEIGHT = 3.0  # after a sentence: go on, begin a paragraph, or close? A few tokens decide how long a letter becomes


def train_tokenizer(folder: Path, seed: int, examples: int = 6000) -> None:
    """A byte-level BPE on prompts and letters, saved with the chat template."""
    texts = (
        text for i in range(examples) for e in [generator.example(seed + 1, i)] for text in (e.prompt.messages[1]["content"], e.letter)
    )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<|pad|>",
                                   additional_special_tokens=SPECIAL[2:],
                                   clean_up_tokenization_spaces=False, model_max_length=CONTEXT)  # fmt: skip
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)


def new_model() -> LlamaForCausalLM:
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=960, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_key_value_heads=HEADS, max_position_embeddings=CONTEXT, tie_word_embeddings=True, bos_token_id=None, eos_token_id=1,
        pad_token_id=0, attn_implementation="sdpa", rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
    ))  # fmt: skip


def encode(tokenizer: Any, e: generator.Example) -> tuple[list[int], int, list[float]]:
    """(ids of prompt and letter, length of the prompt, loss weight of each letter token)."""
    prompt = tokenizer.apply_chat_template(list(e.prompt.messages), add_generation_prompt=True, tokenize=False)
    head = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    body = tokenizer(e.letter, add_special_tokens=False, return_offsets_mapping=True)
    slots = e.prompt.slots
    job, me, proper = slots.job, slots.profile, slots.proper()
    lines = [*job.requirements, *job.duties, *(a for x in me.experience for a in x.achievements)]
    values = [job.title, job.company, me.name, *(x.employer for x in me.experience), *me.skills, *me.education, *me.certificates]
    spans = []
    for value in dict.fromkeys([*values, *(lower_first(line.rstrip("."), proper) for line in lines)]):
        at = e.letter.find(value) if len(value) > 2 else -1
        while at >= 0:
            spans.append((at, at + len(value)))
            at = e.letter.find(value, at + 1)
    turns = {m.end() for m in re.finditer(r"[.!?](?=\s)|\n\n", e.letter)}

    def weight(a: int, b: int) -> float:
        return TURN_WEIGHT if a in turns else COPY_WEIGHT if any(a < end and start < b for start, end in spans) else 1.0

    return head + body["input_ids"] + [1], len(head), [*(weight(a, b) for a, b in body["offset_mapping"]), TURN_WEIGHT]


def batches(
    tokenizer: Any, seed: int, start: int, tokens: int, size_of: Any
) -> Iterator[tuple[int, torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Endless (next index, ids [B, T], labels [B, T], weights [B, T]) of rows of similar length."""
    index, window = start, 96
    while True:
        rows = sorted(
            (encode(tokenizer, generator.example(seed, i, size=size_of(i))) for i in range(index, index + window)), key=lambda r: len(r[0])
        )
        rows = [r for r in rows if len(r[0]) <= CONTEXT]
        index += window
        groups: list[list[Any]] = [[]]
        for row in rows:
            if groups[-1] and (len(groups[-1]) + 1) * len(row[0]) > tokens * 1.15:
                groups.append([])
            groups[-1].append(row)
        order = torch.randperm(len(groups), generator=torch.Generator().manual_seed(seed + index)).tolist()
        for n, g in enumerate(order):
            group = groups[g]
            length = math.ceil(max(len(r[0]) for r in group) / 64) * 64  # few shapes: each one costs memory in the kernels' caches
            ids, labels, weights = (
                torch.zeros(len(group), length, dtype=torch.long),
                torch.full((len(group), length), -100),
                torch.zeros(len(group), length),
            )
            for i, (row, head, w) in enumerate(group):
                ids[i, : len(row)] = torch.tensor(row)
                labels[i, head - 1 : len(row) - 1] = torch.tensor(row[head:])
                weights[i, head - 1 : len(row) - 1] = torch.tensor(w)
            yield (index if n == len(order) - 1 else index - window), ids, labels, weights


def size_of(index: int) -> float:
    """Short prompts first: copying is learned there several times faster, and is kept when prompts grow."""
    return 0.5 if index < 5000 else 0.25 if index < 16000 else 0.6 if index < FULL_SIZE else (0.3, 0.6, 1.0)[index % 3]


def rate(step: int, steps: int) -> float:
    """Warm up, stay for a quarter, then fall to nothing (WSD, arXiv 2404.06395): copying sharpens while it falls."""
    return min(1.0, (step + 1) / 100, max(0.01, (steps - step) / (steps * 0.75)))


def loss_of(model: LlamaForCausalLM, ids: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model.model(input_ids=ids, use_cache=False)[0]
        keep = labels >= 0
        logits = model.lm_head(hidden[keep])
    loss = torch.nn.functional.cross_entropy(logits.float(), labels[keep], reduction="none")
    return (loss * weights[keep]).sum() / weights[keep].sum()


@torch.no_grad()
def probe(model: LlamaForCausalLM, tokenizer: Any, n: int = 24) -> dict[str, float]:
    """Exact copies of title, company and name in greedy letters to people never met; share that ends by itself."""
    counts: collections.Counter[str] = collections.Counter()
    tokenizer.padding_side = "left"
    for part in range(0, n, 12):
        cases = [generator.example(99, part + i, unseen=True, clean=True, kind="cover_letter") for i in range(12)]
        texts = [tokenizer.apply_chat_template(list(e.prompt.messages), add_generation_prompt=True, tokenize=False) for e in cases]
        inputs = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
        with torch.autocast("cpu", torch.bfloat16):
            out = model.generate(
                input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], max_new_tokens=400, do_sample=False
            )
        for e, row in zip(cases, out[:, inputs["input_ids"].shape[1] :], strict=True):
            letter, slots = tokenizer.decode(row, skip_special_tokens=True), e.prompt.slots
            counts["ends"] += int((row == 1).any())
            for key, value in (("title", slots.job.title), ("company", slots.job.company), ("name", slots.profile.name)):
                counts[key] += value in letter
            counts["length"] += abs(len(letter.split()) - e.prompt.words) <= 0.25 * e.prompt.words
    return {k: round(v / n, 2) for k, v in sorted(counts.items())}


def save(path: Path, state: dict[str, Any]) -> None:
    """Write next to the place and rename, so that a torn checkpoint can never be read."""
    torch.save(state, path.with_suffix(".tmp"))
    os.replace(path.with_suffix(".tmp"), path)


def train(folder: Path, steps: int, tokens: int, seed: int, minutes: float, begin: Path | None = None) -> LlamaForCausalLM:
    """Train until `steps` are done, or leave after `minutes` with a checkpoint to go on from.

    `begin` is a model folder whose tokenizer and weights a new build starts with; its data starts at full size.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(os.cpu_count() or 2)
    if not (folder / "tokenizer.json").exists():
        if begin:
            AutoTokenizer.from_pretrained(begin).save_pretrained(folder)
        else:
            train_tokenizer(folder, seed)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), new_model()
    if begin:
        model.load_state_dict(LlamaForCausalLM.from_pretrained(begin, dtype=torch.float32).state_dict())
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    optimizers = [
        torch.optim.Muon(matrices, lr=3e-3, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=3e-3, betas=(0.9, 0.95), weight_decay=0.0),
    ]
    base_rates = [group["lr"] for o in optimizers for group in o.param_groups]
    step, index = 0, FULL_SIZE if begin else 0
    seen = 0
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        for o, s in zip(optimizers, state["optimizers"], strict=True):
            o.load_state_dict(s)
        step, index, seen = state["step"], state["index"], state["seen"]
    for layer in model.model.layers:  # one compilation serves all layers
        layer.compile(dynamic=True)
    log = (folder / "log.jsonl").open("a", encoding="utf-8")
    started, mean, since, ahead = time.time(), 0.0, time.time(), 0
    stream = batches(tokenizer, seed, index, tokens, size_of)
    while step < steps and time.time() - started < minutes * 60:
        index, ids, labels, weights = next(stream)
        for group, base in zip((g for o in optimizers for g in o.param_groups), base_rates, strict=True):
            group["lr"] = base * rate(step, steps)
        loss = loss_of(model, ids, labels, weights)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for o in optimizers:
            o.step()
            o.zero_grad(set_to_none=True)
        step, seen, ahead = step + 1, seen + ids.numel(), ahead + ids.numel()
        mean = loss.item() if step == 1 else 0.95 * mean + 0.05 * loss.item()
        if step % 10 == 0:
            print(f"step {step} loss {mean:.3f} tokens {seen / 1e6:.2f} M, {ahead / (time.time() - since):.0f} a second", flush=True)
            since, ahead = time.time(), 0
        if step % 100 == 0:
            save(
                checkpoint,
                {
                    "model": model.state_dict(),
                    "optimizers": [o.state_dict() for o in optimizers],
                    "step": step,
                    "index": index,
                    "seen": seen,
                },
            )
        if step % 500 == 0:
            model.eval()
            row = {"step": step, "tokens": seen, "loss": round(mean, 4), "held_out": probe(model, tokenizer)}
            model.train()
            print(row, flush=True)
            log.write(json.dumps(row) + "\n")
            log.flush()
            since, ahead = time.time(), 0
    save(
        checkpoint,
        {"model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers], "step": step, "index": index, "seen": seen},
    )
    return model


def export(model: LlamaForCausalLM, build: Path, out: Path) -> None:
    """Write the bundle: bf16 shards under 10 MB, tokenizer, and `bundle.json` with schema and file hashes."""
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("model*"):
        old.unlink()
    model.to(torch.bfloat16).save_pretrained(out, max_shard_size="9MB")
    AutoTokenizer.from_pretrained(build).save_pretrained(out)
    (out / "generation_config.json").write_text(json.dumps({"eos_token_id": 1, "pad_token_id": 0}) + "\n", encoding="utf-8")
    for path in out.iterdir():
        path.chmod(0o644)  # safetensors writes files that only their maker may read
    files = sorted(p for p in out.iterdir() if p.name not in ("bundle.json", "README.md"))
    bundle = {"schema_hash": prompts.schema_hash(), "sha256": {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files}}
    (out / "bundle.json").write_text(json.dumps(bundle, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("build/bundled"), help="checkpoints and log")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "model")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--tokens", type=int, default=4096, help="tokens a step")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--minutes", type=float, default=1e9, help="leave with a checkpoint after this long")
    parser.add_argument("--begin", type=Path, help="start from the tokenizer and weights of this model folder")
    parser.add_argument("--export-only", action="store_true", help="write the bundle from the last checkpoint")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.export_only:
        model = new_model()
        model.load_state_dict(torch.load(arguments.work / "checkpoint.pt", weights_only=True)["model"])
    else:
        model = train(arguments.work, arguments.steps, arguments.tokens, arguments.seed, arguments.minutes, arguments.begin)
    export(model, arguments.work, arguments.out)


if __name__ == "__main__":
    main()
