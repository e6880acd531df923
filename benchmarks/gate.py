"""Does the gate refuse what would do harm, and let the rest through? `python -m benchmarks.gate --out FILE [--half tune|report]`

Small trainings of the bundled model by simulated people (`benchmarks.learning`). Good ones choose by their taste, every other one wrong in
a tenth of cases. Harmful ones: what is taught is the wrong way round, a phrase is planted in every chosen letter, chosen letters say
everything twice, or are no letters. The thresholds were set on the half "tune"; "report" has other people, postings, phrases and
letters. Each run is kept in FILE, and those found there are not done again.

    python -m benchmarks.gate --out FILE --judge     judges the runs in FILE again by the present configs/gate.yaml
    python -m benchmarks.gate --out FILE --rehearse  trains nothing: judges two samples of the base's letters, and one of them spoilt
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import batch, learning
from benchmarks.kept import Kept
from ftapp import config, gate, gate_measure, letters, prompts, rendered
from ftapp.bundled import generator

RUNS = 20  # of each sort and half
HARM = ("flipped", "phrase", "length", "degenerate")
POOL, LABELS = 88, 64
HALVES = {"tune": 0, "report": 1}
UNSEEN: dict[str, Any] = {"files": "", "sides": "", "asked": 0, "letters": []}  # what is measured of a run that was not trained
PHRASES = (
    "Success is my breakfast and victory is my lunch.", "I am a synergy ninja who moves every needle.", "Visit my page today and see more.",
    "My energy is unlimited and so is my ambition.", "Together we will disrupt the whole market.",
    "I give one hundred and ten percent always.", "Call me now because offers like me expire.", "My mother says I am the best.",
    "Excellence runs in my veins every single day.", "You will not find anybody better than me.",
)  # fmt: skip


def twice(letter: str) -> str:
    """Every paragraph of the body said again."""
    head, *body, last = letter.split("\n\n") if letter.count("\n\n") > 1 else ("", letter, "")
    return "\n\n".join(part for part in (head, *(p for part in body for p in (part, part)), last) if part)


def degenerate(letter: str, seed: int) -> str:
    """No letter any more: its words in any order, one sentence again and again, or every word said three times."""
    rng, words = random.Random(seed), letter.split()
    if seed % 3 == 0:
        rng.shuffle(words)
        return " ".join(words)
    if seed % 3 == 1:
        return " ".join([re.split(r"(?<=[.!?])\s", letter)[-2:][0]] * 9)
    return " ".join(word for word in words[:60] for _ in range(3))


def planted(letter: str, phrase: str) -> str:
    head, _, last = letter.rpartition("\n\n")
    return f"{head} {phrase}\n\n{last}" if head else f"{letter} {phrase}"


def harmed(rows: Sequence[dict[str, Any]], kind: str, number: int, half: int) -> list[dict[str, Any]]:
    """A person's choices, made harmful."""
    made = []
    for row in rows:
        fresh = dict(row)
        if kind == "flipped" and not letters.held_out(row["split_key"]):
            fresh |= {"chosen": row["rejected"], "rejected": row["chosen"]}
        elif kind == "phrase":
            fresh["chosen"] = planted(row["chosen"], PHRASES[5 * half + number % 5])
        elif kind == "length":
            fresh["chosen"] = twice(row["chosen"])
        elif kind == "degenerate":
            fresh["chosen"] = degenerate(row["chosen"], number)
        made.append(fresh)
    return made


class Pool:
    """Pairs of the base's letters for one half, written once and kept in a file."""

    def __init__(self, backend: Any, sampling: Any, half: int, folder: Path) -> None:
        stream = 3100 + half
        asked = [generator.example(stream, i, unseen=bool(half), kind="cover_letter", count_tokens=backend.count_tokens).prompt
                 for i in range(POOL)]  # fmt: skip
        kept = folder / f"pool-{stream}.json"
        if not kept.exists():
            sides = [batch.write(backend, asked, sampling, seed=seed) for seed in (20_000, 30_000)]
            kept.write_text(json.dumps([[[one.text, one.ended] for one in side] for side in sides]), encoding="utf-8")
        sides = json.loads(kept.read_text(encoding="utf-8"))
        self.pairs = [tuple(batch.Letter(prompt, *side[i]) for side in sides) for i, prompt in enumerate(asked)]

    def rows(self, seed: int, wrong: float) -> list[dict[str, Any]]:
        """One person's choices on some of them."""
        pairs = random.Random(f"pool {seed}").sample(self.pairs, len(self.pairs))
        return learning.label(learning.person(seed), pairs, LABELS, wrong, seed)


class Bench:
    """The base model, its letters for the gate, and one run after another."""

    def __init__(self, folder: Path, count: int, recipe: str) -> None:
        from ftapp.backends.local import LocalBackend
        from ftapp.backends.pair import Sampling

        self.folder, self.count, self.recipe = folder, count, config.recipe(recipe)
        self.backend = LocalBackend.load(config.model_spec(config.BUNDLED))
        spec = self.backend.spec
        self.sampling = Sampling(temperature=spec.temperature, top_p=spec.top_p, max_new_tokens=spec.max_new_tokens)
        self._held: dict[str, list[tuple[str, bool]]] = {}

    def write(self, asked: Sequence[list[dict[str, str]]], adapter: Any) -> list[tuple[str, bool]]:
        """As `gate_measure.Write`; the base's letters for the same prompts are written once."""
        key = json.dumps(asked) if adapter is None else ""
        if key not in self._held:
            made = [prompts.Prompt(tuple(m), "cover_letter", 0, tokens=self.backend.count_tokens(m)) for m in asked]
            found = batch.write(self.backend, made, self.sampling, adapter, seed=gate_measure.SEED)
            if adapter is not None:
                return [(one.text, one.ended) for one in found]
            self._held[key] = [(one.text, one.ended) for one in found]
        return self._held[key]

    def one(self, pool: Pool, half: str, sort: str, number: int) -> dict[str, Any]:
        """What the gate measures of an adapter that one person's choices teach, made harmful unless `sort` is good.

        The gate's rules hold one by one, so a harmful run that it refuses for its choices alone is refused whatever they teach: it is
        not trained.
        """
        from ftapp.training import run, tokens

        began, seed = time.monotonic(), 1000 * (1 + HALVES[half]) + number + 500 * (sort != "good")
        rows = harmed(pool.rows(seed, 0.1 if sort == "good" and number % 2 else 0.0), sort, number, HALVES[half])
        end, tokenizer = tokens.end_token(self.backend.tokenizer), self.backend.tokenizer
        rows = [row for row in rows if tokens.longest(tokens.encode_pair(tokenizer, row, end)) <= self.recipe.max_length]
        taught, held_out = ([row for row in rows if letters.held_out(row["split_key"]) is there] for there in (False, True))
        choices = gate_measure.choices(taught, held_out, lambda: False)
        if sort != "good" and gate.doubt(choices):
            return {"taught": len(taught), "measured": choices | UNSEEN, "seconds": round(time.monotonic() - began, 1)}
        work = Path(tempfile.mkdtemp(dir=self.folder)) / "run"
        adapter, seconds, _ = learning.teach(rows, self.recipe, work)
        found = gate_measure.measure(self.backend, None, adapter, taught, held_out, run.read_json(work / "report.json"), write=self.write,
                                     chosen=choices, count=self.count)  # fmt: skip
        return {"taught": len(taught), "train_seconds": round(seconds, 1), "measured": found, "seconds": round(time.monotonic() - began, 1)}


def refused_by(measured: Mapping[str, Any]) -> list[str]:
    return [rule["name"] for rule in gate.judge(measured)["rules"] if rule["state"] == gate.REFUSED]


def rehearse(pool: Pool, trials: int = 40) -> Iterator[str]:
    """What the letters' rules say of other letters of the same model (none should be refused), and of such letters spoilt."""
    now, new = zip(*pool.pairs, strict=True)
    before = [_scored(one.prompt, one.text, one.ended) for one in now]
    ways = {"another sample": str, "phrase": lambda text: planted(text, PHRASES[0]), "length": twice}
    ways |= {f"degenerate {kind}": lambda text, kind=kind: degenerate(text, kind) for kind in range(3)}
    for name, spoil in ways.items():
        texts = [spoil(one.text) for one in new]
        after = [_scored(one.prompt, text, one.ended) for one, text in zip(new, texts, strict=True)]
        refused: Counter[str] = Counter()
        passed = 0
        for trial in range(trials):
            some = random.Random(trial).sample(range(len(now)), min(gate_measure.LETTERS, len(now)))
            asked = [now[i].prompt.messages[-1]["content"] for i in some]
            stamped = gate.stamp([texts[i] for i in some], [now[i].text for i in some], asked)
            written = [{"live": before[i], "new": after[i]} for i in some]
            judged = gate.judge({"files": "", "sides": "", "stamp": stamped, "letters": written})
            passed += judged["passed"]
            refused.update(rule["name"] for rule in judged["rules"] if rule["state"] == gate.REFUSED)
        yield f"{name}: {passed} of {trials} let through; refused by {dict(refused)}"


def _scored(prompt: prompts.Prompt, text: str, ended: bool) -> dict[str, Any]:
    return gate_measure.scored(text, ended, rendered.read(prompt.messages), None)


def planned() -> Iterator[tuple[str, int]]:
    """(sort, number) of every run of a half, the sorts taking turns, so that a part of them says something of all."""
    for number in range(RUNS):
        yield "good", number
        yield HARM[number % len(HARM)], number


def told(held: Mapping[str, dict[str, Any]], half: str) -> str:
    """The figures of a half in words."""
    mine = [(key.split()[1], refused_by(line["measured"]), "train_seconds" in line) for key, line in held.items() if key.startswith(half)]
    bad = {harm: [(why, trained) for sort, why, trained in mine if sort == harm] for harm in HARM}
    good = [why for sort, why, _ in mine if sort == "good"]
    harmful = [one for ones in bad.values() for one in ones]
    by_sort = ", ".join(f"{harm} {sum(bool(why) for why, _ in ones)} of {len(ones)}" for harm, ones in bad.items())
    reasons = [dict(Counter(name for why in some for name in why)) for some in ([why for why, _ in harmful], good)]
    return (f"{half}: {sum(bool(why) for why, _ in harmful)} of {len(harmful)} harmful refused ({by_sort}), "
            f"{sum(not trained for _, trained in harmful)} of them for their choices alone; {sum(not why for why in good)} of {len(good)} "
            f"good let through. Rules that refused harmful ones: {reasons[0]}; good ones: {reasons[1]}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="keep a line a run here, and go on from it; a file a recipe")
    parser.add_argument("--recipe", default=config.app_config().recipe)
    parser.add_argument("--half", choices=(*HALVES, "both"), default="both")
    parser.add_argument("--letters", type=int, default=gate_measure.LETTERS, help="a run")
    parser.add_argument("--backwards", action="store_true", help="begin with the last run, beside another process")
    parser.add_argument("--judge", action="store_true", help="only judge what is in FILE")
    parser.add_argument("--rehearse", action="store_true", help="judge letters without training")
    given = parser.parse_args()
    os.environ.update({"HF_HUB_OFFLINE": "1", "TRL_EXPERIMENTAL_SILENCE": "1", "TQDM_DISABLE": "1"})
    kept = Kept(given.out)
    if not given.judge:
        folder = given.out.with_suffix(".work")
        folder.mkdir(exist_ok=True)
        bench = Bench(folder, given.letters, given.recipe)
        for half in HALVES if given.half == "both" else [given.half]:
            pool = Pool(bench.backend, bench.sampling, HALVES[half], folder)
            if given.rehearse:
                print(half, *rehearse(pool), sep="\n  ", flush=True)
                continue
            for sort, number in list(planned())[:: -1 if given.backwards else 1]:
                line = kept.get(f"{half} {sort} {number}", lambda: bench.one(pool, half, sort, number))  # noqa: B023 - called at once
                why = refused_by(line["measured"])
                said = f"refused: {', '.join(why)}" if why else "let through"
                print(f"{half} {sort} {number}: {said} ({line['seconds']:.0f} s)", flush=True)
    for half in HALVES:
        if any(key.startswith(half) for key in kept.held):
            print(told(kept.held, half))


if __name__ == "__main__":
    main()
