"""Does it learn? `python -m benchmarks.learning [--labels 100] [--seeds 5] [--wrong 0 20] [--out FILE]`

Simulated people with a stated hidden taste choose between two letters of the base model (no starter); the app's
recipe learns from the choices; then base and adapter write for held-out prompts (names, employers, skills and input
sentences never seen) from the same seeds, and the same taste says which letter it would send. Half of each taste are
measures that the generator plants nothing for (`tastes.OWN`). Two letters of the base for one prompt are not equally good either, so
each way is set against a second letter of the base too, from other seeds; "0 labels" says how the two samples fare against each other.
Peer in the same run: plain DPOTrainer with the same LoRA acting on prompt and letter, the best of three learning rates
by what is reported (an advantage to the peer), and TRL's default rate as a footnote. It takes the step that reads each prompt
once, whose loss and gradient are TRL's (tests/test_shared_prompt.py): otherwise this would take days.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import io
import itertools
import math
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import batch
from benchmarks.kept import Kept
from ftapp import config, evaluation, letters, prompts
from ftapp.bundled import generator, tastes

PEER_RATES = (1e-4, 5e-4, 1e-3)
FOOTNOTE_RATE = 1e-6
PLAIN = {"scope": "all", "fresh_letters": 0, "judged_letters": 0}  # DPOTrainer knows the choices alone
SHOWN = 48  # pairs written at once
TIE = 0.05  # letters whose worth differs by less are not decided


@dataclasses.dataclass
class Judged:
    """Adapter against base on held-out prompts, in the eyes of one person."""

    won: int
    decided: int
    worth: float
    base_worth: float
    longer: float  # mean words of the adapter's letters over the base's
    scores: list[float]  # of each prompt: 1 won, 0 lost, else one half

    def __str__(self) -> str:
        low, high = evaluation.wilson(self.won, self.decided) if self.decided else (0.0, 1.0)
        share = self.won / max(1, self.decided)
        return (f"won {self.won} of {self.decided} decided ({share:.0%}, likely {low:.0%} to {high:.0%}), "
                f"worth {self.worth:.2f} against {self.base_worth:.2f}, length x{self.longer:.2f}")  # fmt: skip


def person(seed: int) -> dict[str, float]:
    """A taste: three planted measures at their usual weights, three of the person's own, liked or disliked."""
    rng = random.Random(f"person {seed}")
    planted, own = rng.sample(sorted(tastes.PLANTED), 3), rng.sample(sorted(tastes.OWN), 3)
    return {name: tastes.PLANTED[name] for name in planted} | {name: tastes.OWN[name] * rng.choice([-1, 1]) for name in own}


def label(taste: dict[str, float], pairs: Sequence[tuple[batch.Letter, batch.Letter]], count: int, wrong: float, seed: int) -> list[dict]:
    """The first `count` decided pairs as rows for train.jsonl; a share `wrong` of them the wrong way round."""
    rng, rows = random.Random(f"labels {seed}"), []
    for i, sides in enumerate(pairs):
        worth = [tastes.utility(taste, s.prompt, s.text, s.ended) for s in sides]
        if len(rows) == count:
            break
        if not all(s.ended for s in sides) or abs(worth[0] - worth[1]) < TIE or sides[0].text == sides[1].text:
            continue
        best = worth.index(max(worth))
        if rng.random() < wrong:
            best = 1 - best
        prompt = sides[0].prompt
        rows.append({"id": f"label-{i:05}", "prompt": list(prompt.messages), "chosen": sides[best].text, "rejected": sides[1 - best].text,
                     "split_key": split_key(prompt)})  # fmt: skip
    return rows


def split_key(prompt: prompts.Prompt) -> str:
    """What decides whether a prompt's pairs are held out."""
    return letters.split_key(prompt.slots.job.company, prompt=prompt.messages[1]["content"])


def asked(backend, seed: int, count: int, unseen: bool) -> list[prompts.Prompt]:
    """Made-up postings and résumés; `unseen` with names, employers, skills and sentences that the bundled model never saw."""
    return [generator.example(seed, i, unseen=unseen, count_tokens=backend.count_tokens).prompt for i in range(count)]


def decided(backend, sampling, seed: int, taste: dict[str, float], count: int) -> list[tuple[batch.Letter, batch.Letter]]:
    """Pairs of the base's letters for one person, until as many as `count` can be labelled."""
    pairs = []
    for start in range(0, 3 * count, SHOWN):
        pairs += shown(backend, sampling, seed, start)
        if len(label(taste, pairs, count, 0, seed)) == count:
            break
    return pairs


@functools.lru_cache(maxsize=64)
def shown(backend, sampling, seed: int, start: int) -> list[tuple[batch.Letter, batch.Letter]]:
    """SHOWN pairs of the base's letters for one person's postings."""
    some = asked(backend, 1000 + seed, start + SHOWN, unseen=False)[start:]
    return list(zip(*(batch.write(backend, some, sampling, seed=base + start) for base in (20_000, 30_000)), strict=True))


def teach(rows: list[dict], recipe: config.Recipe, folder: Path):
    """(AdapterRef, seconds, pairs trained) of one training; the permanent split keeps a fifth of the postings out."""
    from ftapp.backends.local import AdapterRef
    from ftapp.training import dpo, run

    learn = [r for r in rows if not letters.held_out(r["split_key"])]
    check = [r for r in rows if letters.held_out(r["split_key"])]
    shutil.rmtree(folder, ignore_errors=True)
    run.create(folder, recipe.model_dump(), dpo.describe_base(config.BUNDLED), learn, check)
    began = time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()):
        outcome = dpo.train(folder, letters=0)
    return AdapterRef(folder.name, folder / "adapter", outcome.report["adapter_sha256"], recipe.scope), time.monotonic() - began, len(learn)


def judge(taste: dict[str, float], base: Sequence[batch.Letter], tuned: Sequence[batch.Letter]) -> Judged:
    worth = [[tastes.utility(taste, x.prompt, x.text, x.ended) for x in side] for side in (base, tuned)]
    gaps = [b - a for a, b in zip(*worth, strict=True)]
    length = [sum(len(x.text.split()) for x in side) for side in (base, tuned)]
    return Judged(
        sum(g > TIE for g in gaps),
        sum(abs(g) > TIE for g in gaps),
        statistics.mean(worth[1]),
        statistics.mean(worth[0]),
        length[1] / length[0],
        [0.5 if abs(g) <= TIE else float(g > 0) for g in gaps],
    )


def pooled(results: Sequence[Judged]) -> str:
    """All people together; the interval is over people x prompts."""
    won, decided = sum(r.won for r in results), sum(r.decided for r in results)
    return str(Judged(won, decided, statistics.mean(r.worth for r in results), statistics.mean(r.base_worth for r in results),
                      math.prod(r.longer for r in results) ** (1 / len(results)), []))  # fmt: skip


def ahead(ours: Sequence[Judged], theirs: Sequence[Judged]) -> str:
    """How many points of 100 comparisons ours wins more than theirs, prompt by prompt, with 95 % intervals of the mean: for these people
    (over their prompts), and for others like them (over people; wide, with so few)."""
    apart = [[100 * (a - b) for a, b in zip(x.scores, y.scores, strict=True)] for x, y in zip(ours, theirs, strict=True)]

    def likely(values: Sequence[float]) -> str:
        middle, half = evaluation.interval(values)
        return f"{middle - half:+.1f} to {middle + half:+.1f}"

    people = [statistics.fmean(own) for own in apart]
    wider = f"; over people {likely(people)}" if len(people) > 1 else ""
    return f"{statistics.fmean(people):+.1f} points ({likely(list(itertools.chain.from_iterable(apart)))}{wider})"


def both(one: Judged, other: Judged) -> Judged:
    """The same letters against both letters of the base: the mean score of each prompt; the rest from the first."""
    return dataclasses.replace(one, scores=[(a + b) / 2 for a, b in zip(one.scores, other.scores, strict=True)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--wrong", type=int, nargs="*", default=[0, 20], help="per cent of labels that are wrong")
    parser.add_argument("--held-out", type=int, default=200)
    parser.add_argument("--peer-rates", type=float, nargs="*", default=[*PEER_RATES, FOOTNOTE_RATE], help="none: no peer")
    parser.add_argument("--work", type=Path, help="keep the run folders here")
    parser.add_argument("--out", type=Path, help="keep each result here, and go on from it; a file for each --labels and --held-out")
    arguments = parser.parse_args()
    os.environ.update({"HF_HUB_OFFLINE": "1", "TRL_EXPERIMENTAL_SILENCE": "1", "TQDM_DISABLE": "1"})
    from ftapp.backends.local import AdapterRef, LocalBackend
    from ftapp.backends.pair import Sampling
    from ftapp.training import run

    backend = LocalBackend.load(config.model_spec(config.BUNDLED))
    sampling = Sampling(temperature=backend.spec.temperature, top_p=backend.spec.top_p, max_new_tokens=backend.spec.max_new_tokens)

    work = arguments.work or Path(tempfile.mkdtemp(prefix="learning-"))
    recipe = config.recipe(config.app_config().recipe)
    held_out = asked(backend, 777, arguments.held_out, unseen=True)
    base = batch.write(backend, held_out, sampling, seed=10_000)
    again = batch.write(backend, held_out, sampling, seed=50_000)
    people = {seed: person(seed) for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds)}
    kept = Kept(arguments.out)
    for seed, taste in people.items():
        print(f"person {seed}:", ", ".join(f"{name} {weight:+.1f}" for name, weight in taste.items()))
    print("0 labels (base against base):", pooled([judge(t, base, again) for t in people.values()]), flush=True)
    if (config.STARTER / "adapter_model.safetensors").exists():
        starter = AdapterRef("starter", config.STARTER, run.sha256_file(config.STARTER / "adapter_model.safetensors"), "letter")
        letters_of = batch.write(backend, held_out, sampling, starter, seed=10_000)
        print("starter alone:", pooled([judge(t, base, letters_of) for t in people.values()]), flush=True)
    pairs_of = functools.cache(lambda seed: decided(backend, sampling, seed, people[seed], arguments.labels))
    ways = {"ours": recipe} | {f"peer {rate:g}": recipe.model_copy(update=PLAIN | {"learning_rate": rate}) for rate in arguments.peer_rates}

    def one(seed: int, wrong: int, name: str) -> dict[str, dict]:
        """What came of one training, against either letter of the base."""
        rows = label(people[seed], pairs_of(seed), arguments.labels, wrong / 100, seed)
        adapter, seconds, trained = teach(rows, ways[name], work / f"{name}-{wrong}-{seed}".replace(" ", "-"))
        written = batch.write(backend, held_out, sampling, adapter, seed=10_000)
        first, second = (judge(people[seed], side, written) for side in (base, again))
        print(f"  {wrong} % wrong, person {seed}, {name}: {trained} pairs in {seconds:.0f} s; {first}", file=sys.stderr, flush=True)
        return {"first": dataclasses.asdict(first), "second": dataclasses.asdict(second)}

    for wrong in arguments.wrong:
        results: dict[str, list[Judged]] = {}
        second: dict[str, list[Judged]] = {}
        for seed in people:
            for name in ways:
                found = kept.get(f"{wrong} % wrong, person {seed}, {name}", functools.partial(one, seed, wrong, name))
                result, other = (Judged(**found[side]) for side in ("first", "second"))
                results.setdefault(name, []).append(both(result, other))
                second.setdefault(name, []).append(other)
        print(f"{arguments.labels} labels, {wrong} % wrong")
        for name, judged in results.items():
            print(f"  {name}:", pooled(judged))
            print("    against the base's second letters:", pooled(second[name]))
            if name != "ours":
                print(f"    ours over {name}, both counted:", ahead(results["ours"], judged), flush=True)


if __name__ == "__main__":
    main()
