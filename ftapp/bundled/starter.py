"""Makes the starter adapter that ships with the app: `python -m ftapp.bundled.starter`.

Synthetic choices between two letters of the bundled model, by the planted defects alone, go through the app's own
run folder and DPO trainer. So base and fine-tuned differ on the first day, and the pipeline is what made it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from ftapp import config, letters
from ftapp.bundled import generator, tastes

CHOICES, SEED = 260, 11


def choices(backend, count: int = CHOICES, seed: int = SEED) -> list[dict]:
    """Rows for train.jsonl: two sampled letters for a prompt, the better one chosen; equal ones are left out."""
    from ftapp.backends import pair

    sampling = pair.Sampling(temperature=1.0, top_p=0.98, max_new_tokens=400)  # wide: the defects should turn up
    rows = []
    for i in range(count):
        prompt = generator.example(seed, i, count_tokens=backend.count_tokens).prompt
        *_, end = pair.write(backend, prompt.messages, [pair.Row(None, 2 * i), pair.Row(None, 2 * i + 1)], sampling)
        worth = [tastes.utility(tastes.PLANTED, prompt, text, done) for text, done in zip(end.texts, end.finished, strict=True)]
        if all(end.finished) and abs(worth[0] - worth[1]) > 0.5:
            best = worth.index(max(worth))
            rows.append({"id": f"choice-{i:04}", "prompt": list(prompt.messages),
                         "chosen": end.texts[best], "rejected": end.texts[1 - best],
                         "chosen_ids": list(end.ids[best]), "rejected_ids": list(end.ids[1 - best]),
                         "split_key": letters.split_key(prompt.slots.job.company, prompt=prompt.messages[1]["content"])})  # fmt: skip
    return rows


def main() -> None:
    from ftapp.backends.local import LocalBackend
    from ftapp.training import dpo, run

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=config.STARTER)
    parser.add_argument("--choices", type=int, default=CHOICES)
    arguments = parser.parse_args()
    rows = choices(LocalBackend.load(config.model_spec(config.BUNDLED)), arguments.choices)
    learn, check = [r for r in rows if not letters.held_out(r["split_key"])], [r for r in rows if letters.held_out(r["split_key"])]
    print(f"{len(rows)} choices of {arguments.choices} prompts: {len(learn)} to learn from, {len(check)} held out", flush=True)
    with tempfile.TemporaryDirectory() as work:
        recipe = config.recipe(config.app_config().recipe)
        folder = run.create(Path(work) / "starter", recipe.model_dump(), dpo.describe_base(config.BUNDLED), learn, check)
        outcome = dpo.train(folder, lambda event: print(json.dumps(event), flush=True), letters=0)
        print(outcome.report["held_out"]["sentence"])
        shutil.rmtree(arguments.out, ignore_errors=True)
        shutil.copytree(folder / "adapter", arguments.out)


if __name__ == "__main__":
    main()
