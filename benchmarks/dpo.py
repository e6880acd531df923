"""What a pair costs in DPO: TRL's own trainer against the step that reads each prompt once, in the same run.

    python -m benchmarks.dpo                    Qwen2.5-0.5B's shape, random weights, bf16, prompts of 900 tokens, letters of 300
    python -m benchmarks.dpo --shape bundled    the model that ships, as the app trains it

Peers: DPOTrainer at its defaults (gradient checkpointing on, reference in every step), DPOTrainer at its best (reference computed
before, checkpointing off), and the same with aLoRA. Each contestant runs in its own process, so that its peak memory is its own; rounds
are interleaved and figures are medians. Before anything is timed, losses and gradients must be TRL's in float32. Bars, against the best
peer of the same batch: exact >= 2.0 times as fast, frozen >= 2.8 times (prompts read anew in every step), peak memory no more.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.update({"HF_HUB_OFFLINE": "1", "TRL_EXPERIMENTAL_SILENCE": "1", "TQDM_DISABLE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"})

from benchmarks import pair  # noqa: E402 - after the switches above
from ftapp import config  # noqa: E402

BARS = {"exact": 2.0, "frozen": 2.8}
PEERS = ("trl defaults", "trl best", "trl best, aLoRA")
OURS = ("exact", "frozen", "frozen, prompts kept")
FORMER = "trl best, head on letters only"  # what the app did before; shown, and no peer: TRL does not do it on a CPU
SIZES = {"qwen": (900, 300), "bundled": (400, 150), "tiny": (60, 20)}
LORA = dict(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
WARM = 1


def pairs(count: int, prompt: int, letters: int, header: list[int], end: int) -> list[dict[str, list[int]]]:
    """Random tokens in the shape of pairs; the header stands at the end of each prompt."""
    rng = random.Random(0)

    def some(n: int) -> list[int]:
        return [rng.randrange(5, 250) for _ in range(n)]

    def letter() -> list[int]:
        return [*some(letters - 1), end]

    return [
        {"prompt_ids": some(prompt - len(header)) + header, "chosen_ids": letter(), "rejected_ids": letter()} for _ in range(count)
    ]


def model_of(task: dict[str, Any]) -> tuple[Any, Any, Any]:
    """(model, tokenizer, header): saved random weights in bf16, or the bundled model as the app loads it."""
    import torch
    from transformers import AutoModelForCausalLM

    from ftapp.training import bases, tokens

    if task["shape"] == "bundled":
        model, tokenizer = bases.load_base(bases.describe_base(config.BUNDLED))
    else:
        model = AutoModelForCausalLM.from_pretrained(task["model"], dtype=getattr(torch, task["dtype"]))
        tokenizer = pair.byte_tokenizer()
    return model, tokenizer, tokens.header_ids(tokenizer)


def trainer_of(name: str, task: dict[str, Any], folder: Path) -> Any:
    """A contestant, ready to train; nothing of TRL is changed for its own."""
    from datasets import Dataset
    from peft import LoraConfig
    from trl import DPOConfig

    from ftapp.training.shared_prompt import PROMPT_BYTES, EncodedDPOTrainer, SharedPromptTrainer
    from ftapp.training.trainers import score_letters_only

    model, tokenizer, header = model_of(task)
    if name == FORMER:
        score_letters_only()
    rows = pairs((WARM + task["steps"]) * task["batch"], *task["lengths"], header, tokenizer.eos_token_id)
    own = {} if name == "trl defaults" else {"gradient_checkpointing": False, "precompute_ref_log_probs": True}
    args = DPOConfig(
        output_dir=str(folder), per_device_train_batch_size=task["batch"], max_steps=WARM + task["steps"], max_length=None, use_cpu=True,
        save_strategy="no", report_to="none", logging_steps=1, disable_tqdm=True, learning_rate=1e-4, warmup_steps=0, seed=0,
        bf16=task["autocast"], **own,
    )  # fmt: skip
    letter = name.startswith("frozen") or name.endswith("aLoRA")
    given = dict(model=model, args=args, processing_class=tokenizer, train_dataset=Dataset.from_list(rows),
                 peft_config=LoraConfig(**LORA, alora_invocation_tokens=header if letter else None))  # fmt: skip
    if name in OURS:
        trainer = SharedPromptTrainer(**given, prompt_bytes=PROMPT_BYTES if name.endswith("kept") else 0)
        assert trainer.shared, trainer.refused
        return trainer
    return EncodedDPOTrainer(**given)


def contest(name: str, task: dict[str, Any]) -> dict[str, Any]:
    """In a process of its own: {seconds a pair of each timed step, losses, peak memory, seconds before the first step}."""
    import torch
    from transformers import TrainerCallback

    from ftapp.training import memory

    torch.set_num_threads(task["threads"])
    began, marks = time.perf_counter(), []

    class Clock(TrainerCallback):
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            marks.append([-time.perf_counter(), -time.process_time()])

        def on_step_end(self, *_: Any, **__: Any) -> None:
            marks[-1] = [marks[-1][0] + time.perf_counter(), marks[-1][1] + time.process_time()]

    with tempfile.TemporaryDirectory() as folder:
        trainer = trainer_of(name, task, Path(folder))
        trainer.add_callback(Clock())
        before = time.perf_counter() - began
        trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    wall, processor = ([mark[clock] / task["batch"] for mark in marks[WARM:]] for clock in (0, 1))
    return {"wall": wall, "processor": processor, "losses": losses, "bytes": memory.peak_bytes(), "before": before}


def gate(task: dict[str, Any]) -> dict[str, Any]:
    """Ours against TRL's on a few layers of the same widths in float32: how far losses, how near gradients; with LoRA that acts."""
    import torch

    torch.set_num_threads(task["threads"])
    task |= {"dtype": "float32", "autocast": False, "lengths": (120, 40), "batch": 2, "steps": 1}
    found = {}
    for ours, theirs in (("exact", "trl best"), ("frozen", "trl best, aLoRA")):
        results = []
        for name in (theirs, ours):
            with tempfile.TemporaryDirectory() as folder:
                trainer = trainer_of(name, task, Path(folder))
                random_, batch = torch.Generator().manual_seed(1), next(iter(trainer.get_train_dataloader()))
                learning = [p for _, p in sorted(trainer.model.named_parameters()) if p.requires_grad]
                for parameter in learning:
                    parameter.data = torch.randn(parameter.shape, generator=random_) * 0.02
                loss = trainer.compute_loss(trainer.model.train(), batch)
                loss.backward()
                results.append((loss.item(), torch.cat([p.grad.flatten() for p in learning])))
        (a, x), (b, y) = results
        found[ours] = {"loss apart": abs(a - b), "cosine": torch.cosine_similarity(x.double(), y.double(), 0).item()}
    return found


def child(kind: str, name: str, task: dict[str, Any]) -> dict[str, Any]:
    """Run `contest` or `gate` in a process of its own. Raises when it fails; what it said goes to stderr."""
    command = [sys.executable, "-m", "benchmarks.dpo", "--child", json.dumps([kind, name, task])]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).resolve().parent.parent)
    if ran.returncode:
        print(ran.stderr[-3000:], file=sys.stderr)
        raise SystemExit(f"{name} failed in its process.")
    return json.loads(ran.stdout.strip().splitlines()[-1])


def random_model(folder: Path, layers: int | None, small: bool) -> str:
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    shape = pair.shape(small)
    if layers:
        shape.num_hidden_layers, shape.layer_types = layers, shape.layer_types[:layers]
    AutoModelForCausalLM.from_config(shape, dtype=torch.bfloat16).save_pretrained(folder)
    return str(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SIZES, default="qwen")
    parser.add_argument("--prompt", type=int, help="tokens")
    parser.add_argument("--letters", type=int, help="tokens of each")
    parser.add_argument("--batch", type=int, nargs="*", default=[1, 4])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1, help="timed steps of a round, after one to warm up")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--layers", type=int, help="fewer than the shape has, for a quick look")
    parser.add_argument("--clock", choices=("wall", "processor"), default="wall")
    parser.add_argument("--only", nargs="*", default=[*PEERS, FORMER, *OURS])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        kind, name, task = json.loads(asked.child)
        print(json.dumps(contest(name, task) if kind == "contest" else gate(task)))
        return
    from ftapp.backends import hardware

    usual = SIZES[asked.shape]
    with tempfile.TemporaryDirectory() as folder:
        task: dict[str, Any] = {"shape": asked.shape, "threads": asked.threads, "steps": asked.steps, "dtype": "bfloat16"}
        task |= {"autocast": hardware.computes_bf16(), "lengths": (asked.prompt or usual[0], asked.letters or usual[1])}
        made, small = Path(folder), asked.shape == "tiny"
        few = task if asked.shape == "bundled" else task | {"model": random_model(made / "few", 2, small)}
        proof = child("gate", "gate", few)
        print("gate, float32:", "; ".join(f"{n}: loss apart {v['loss apart']:.1e}, cosine {v['cosine']:.6f}" for n, v in proof.items()))
        if any(v["loss apart"] > 1e-3 or v["cosine"] < 0.999 for v in proof.values()):
            raise SystemExit("The steps do not compute the same: nothing is timed.")
        if asked.shape != "bundled":
            task["model"] = random_model(made / "whole", asked.layers, small)
        figures = {batch: _rounds(task | {"batch": batch}, asked) for batch in asked.batch}
    print(json.dumps(figures) if asked.json else "\n".join(_table(batch, found, asked.clock) for batch, found in figures.items()))


def _rounds(task: dict[str, Any], asked: argparse.Namespace) -> dict[str, dict[str, float]]:
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in asked.only}
    for turn in range(asked.rounds):
        names = asked.only[turn % len(asked.only) :] + asked.only[: turn % len(asked.only)]
        for name in names:
            runs[name].append(child("contest", name, task))
            last = runs[name][-1]
            said = f"wall {last['wall'][-1]:.2f} s, processor {last['processor'][-1]:.2f} s, {last['bytes'] / 1e9:.2f} GB"
            losses = ", ".join(f"{loss:.4f}" for loss in last["losses"])
            print(f"  batch {task['batch']}, round {turn + 1}, {name}: {said}, losses {losses}", file=sys.stderr, flush=True)
    return {
        name: {**{clock: statistics.median(s for one in found for s in one[clock]) for clock in ("wall", "processor")},
               "bytes": max(one["bytes"] for one in found), "before": statistics.median(one["before"] for one in found)}
        for name, found in runs.items()
    }  # fmt: skip


def _table(batch: int, found: dict[str, dict[str, float]], clock: str) -> str:
    """Ratios by one clock, against the peer that is fastest by it."""
    peers = [found[name] for name in PEERS if name in found]
    best = min(peers, key=lambda peer: peer[clock])
    lines = [f"batch {batch}, seconds a pair; ratios by the {clock} clock"]
    for name, one in found.items():
        ratio = best[clock] / one[clock]
        line = f"  {name:32} wall {one['wall']:7.3f}  processor {one['processor']:7.3f}  {ratio:5.2f}x  peak {one['bytes'] / 1e9:5.2f} GB"
        if name in BARS:
            line += f"  bar {BARS[name]}x {'reached' if ratio >= BARS[name] else 'MISSED'}"
            line += f", memory {'no more' if one['bytes'] <= best['bytes'] else 'MORE'} than the best peer's"
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    main()
