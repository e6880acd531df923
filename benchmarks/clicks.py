"""How many clicks until it is better? `python -m benchmarks.clicks [--labels 25 50 100 200] [--wrong 0 20] [--seeds 5] [--out FILE]`

The simulated people of `benchmarks.learning` spend a number of label actions. With plain pairs each action is a choice between two
letters; peer: DPOTrainer on those, the best of three learning rates by what is reported (an advantage to it). Ours: the same person
also edits every tenth letter, which costs EDIT actions (so fewer choices are left), and learns with the recipe `dpo_first`, for which
an edit counts as a demonstration. An edit stands for what the person would have written: of TRIES further letters the one this person
likes best, when it beats both; else the better of the two is chosen, at the cost of an edit. Then base and adapter write for held-out
prompts, and the same taste says which letter it would send.
Printed: the share of decided comparisons won at each number of actions, and how many reach 75 %, between the points by a straight line.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import itertools
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import batch, learning
from benchmarks.kept import Kept
from ftapp import config
from ftapp.bundled import tastes

EDIT, TRIES, EVERY = 3, 6, 10
GOAL = 0.75


def spend(backend, sampling, seed: int, taste: dict[str, float], pairs: Sequence, actions: int, wrong: float) -> list[dict]:
    """Rows that so many actions give to a person who edits every tenth letter; wrong choices happen, wrong edits do not."""
    edits = actions // (EVERY + EDIT - 1)
    rows = learning.label(taste, pairs, actions - EDIT * edits, wrong, seed)
    used = {row["prompt"][-1]["content"] for row in rows}
    left = [sides for sides in pairs if all(s.ended for s in sides) and sides[0].prompt.messages[-1]["content"] not in used]
    asked = [left[n // TRIES][0].prompt for n in range(TRIES * min(edits, len(left)))]
    tried = batch.write(backend, asked, sampling, seed=70_000 + 1000 * seed) if asked else []
    for number, sides in enumerate(left[:edits]):
        mine = tried[number * TRIES : (number + 1) * TRIES]
        best = max((one for one in mine if one.ended), key=lambda one: worth(taste, one), default=None)
        if best is None or worth(taste, best) <= max(worth(taste, side) for side in sides) + learning.TIE:
            rows += [row | {"id": f"edit-{number:05}"} for row in learning.label(taste, [sides], 1, 0, seed)]
            continue
        for name, side in zip(("left", "right"), sides, strict=True):
            rows.append({"id": f"edit-{number:05}.{name}", "prompt": list(side.prompt.messages), "chosen": best.text,
                         "rejected": side.text, "edited": True, "split_key": learning.split_key(side.prompt)})  # fmt: skip
    return rows


def worth(taste: dict[str, float], letter: batch.Letter) -> float:
    return tastes.utility(taste, letter.prompt, letter.text, letter.ended)


def reach(points: dict[int, float]) -> str:
    """The actions at which a curve {actions: share won} meets GOAL."""
    known = sorted(points.items())
    if known[0][1] >= GOAL:
        return f"at most {known[0][0]}"
    for (before, low), (after, high) in zip(known, known[1:], strict=False):
        if high >= GOAL:
            return f"{before + (GOAL - low) / (high - low) * (after - before):.0f}"
    return f"more than {known[-1][0]}"


def curves(kept: Kept, wrong: int, labels: Sequence[int], seeds: Sequence[int], ways: Sequence[str]) -> None:
    """Prints what the results say at each number of actions, all people together, and where each way meets GOAL."""
    shares: dict[str, dict[int, float]] = {}
    for actions in labels:
        print(f"{actions} actions, {wrong} % wrong")
        for name in ways:
            judged = [learning.Judged(**kept.held[key]) for seed in seeds if (key := key_of(wrong, seed, actions, name)) in kept.held]
            if judged:
                print(f"  {name} ({len(judged)} people):", learning.pooled(judged), flush=True)
                curve = shares.setdefault("ours" if name == "ours" else "peer, the best of its rates", {})
                curve[actions] = max(curve.get(actions, 0), sum(r.won for r in judged) / max(1, sum(r.decided for r in judged)))
    for name, points in shares.items():
        print(f"{wrong} % wrong, actions to {GOAL:.0%} of decided comparisons, {name}: {reach(points)}", flush=True)


def key_of(wrong: int, seed: int, actions: int, way: str) -> str:
    return f"{wrong} % wrong, person {seed}, {actions} actions, {way}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=int, nargs="*", default=[25, 50, 100, 200])
    parser.add_argument("--wrong", type=int, nargs="*", default=[0, 20], help="per cent of labels that are wrong")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0, help="people from 100 on are for tuning")
    parser.add_argument("--held-out", type=int, default=200)
    parser.add_argument("--recipe", default="dpo_first")
    parser.add_argument("--peer-rates", type=float, nargs="*", default=learning.PEER_RATES, help="none: no peer")
    parser.add_argument("--only", choices=("ours", "peers"), help="the other is taken from FILE as far as it is there")
    parser.add_argument("--out", type=Path, help="keep each result here, and go on from it; with one file for each --recipe and --held-out")
    given = parser.parse_args()
    os.environ.update({"HF_HUB_OFFLINE": "1", "TRL_EXPERIMENTAL_SILENCE": "1", "TQDM_DISABLE": "1"})
    from ftapp.backends.local import LocalBackend
    from ftapp.letters import sampling as sampling_of

    backend = LocalBackend.load(config.model_spec(config.BUNDLED))
    sampling, kept, work = sampling_of(backend.spec), Kept(given.out), Path(tempfile.mkdtemp(prefix="clicks-"))
    held_out = learning.asked(backend, 777, given.held_out, unseen=True)
    base = functools.cache(lambda: batch.write(backend, held_out, sampling, seed=10_000))
    decided = functools.cache(lambda seed, most: learning.decided(backend, sampling, seed, learning.person(seed), most))
    peers = {f"peer {rate:g}": config.recipe("dpo_bundled_all").model_copy(update={"learning_rate": rate}) for rate in given.peer_rates}
    recipes = {"ours": config.recipe(given.recipe)} | peers

    def one(seed: int, actions: int, wrong: int, way: str) -> dict:
        taste, pairs = learning.person(seed), decided(seed, actions)
        if way == "ours":
            rows = spend(backend, sampling, seed, taste, pairs, actions, wrong / 100)
        else:
            rows = learning.label(taste, pairs, actions, wrong / 100, seed)
        adapter, seconds, trained = learning.teach(rows, recipes[way], work)
        judged = learning.judge(taste, base(), batch.write(backend, held_out, sampling, adapter, seed=10_000))
        print(f"  {key_of(wrong, seed, actions, way)}: {trained} pairs in {seconds:.0f} s; {judged}", file=sys.stderr, flush=True)
        return dataclasses.asdict(judged)

    seeds = range(given.first_seed, given.first_seed + given.seeds)
    asked = [way for way in recipes if given.only in (None, "ours" if way == "ours" else "peers")]
    for wrong in given.wrong:
        for seed, actions, way in itertools.product(seeds, given.labels, asked):
            kept.get(key_of(wrong, seed, actions, way), functools.partial(one, seed, actions, wrong, way))
        curves(kept, wrong, given.labels, seeds, list(recipes))


if __name__ == "__main__":
    main()
