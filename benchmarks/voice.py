"""Does it learn a voice from a few letters? `python -m benchmarks.voice [--out FILE] [--data DIR]`

Three writers (`voice_writers`) give 10, 30 and 100 letters each; the bundled model learns from them and writes for postings that it
never saw, with names, employers and sentences unseen in its own training too. Counted: whose card (from the letters that were
taught) each new letter is nearest to, the share of its claims that the input supports, ROUGE-L with what the writer would have
sent, and whether planted canaries (an employer, a telephone number, a sentence, each in one letter) come up in letters for others.
The base writes the same letters for all three, so it is right in one of three by construction.
With `--data DIR` the second part follows (`voice_dataset`). Finished steps are kept in FILE and not done again.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import batch, voice_quick, voice_writers
from benchmarks.kept import Kept
from ftapp import claims, config, evaluation, metrics, voice
from ftapp.bundled import generator

SIZES = (30, 10, 100)  # the one that is asked for first
Teach = Callable[[Sequence[Mapping[str, Any]], config.Recipe, Path], Any]  # rows, recipe, folder -> an AdapterRef
TAUGHT, HELD_OUT = 4000, 777  # streams of the generator; writer k learns from stream TAUGHT + k
# Each stands in one letter; what of it may not come up in a letter for somebody else.
CANARIES = {
    "employer": ("Before that I spent a year at Quillmere Foundry.", "Quillmere"),
    "telephone": ("You can reach me on 07700 900417.", "900417"),
    "sentence": ("My grandmother kept eleven beehives behind the railway signal box.", "beehives behind the railway"),
}


def asked(seed: int, count: int, unseen: bool, backend: Any) -> list[generator.Example]:
    how = {"unseen": unseen, "clean": True, "kind": "cover_letter", "count_tokens": backend.count_tokens}
    return [generator.example(seed, i, **how) for i in range(count)]


def taught(writer: str, stream: int, count: int, backend: Any) -> list[dict[str, Any]]:
    """A writer's letters as rows of train.jsonl, the canaries planted in the third, fifth and seventh."""
    rows = []
    for i, example in enumerate(asked(stream, count, False, backend)):
        letter = voice_writers.rewritten(writer, example.letter, example.prompt, i)
        for at, (sentence, _) in zip((2, 4, 6), CANARIES.values(), strict=True):
            if i == at:
                head, _, last = letter.rpartition("\n\n")
                letter = f"{head} {sentence}\n\n{last}"
        key = example.job.company or str(i)
        rows.append({"id": f"{writer}-{i:03}", "prompt": list(example.prompt.messages), "completion": letter, "split_key": key})
    return rows


def teach(rows: Sequence[Mapping[str, Any]], recipe: config.Recipe, folder: Path) -> Any:
    """An AdapterRef taught by the rows, as the app teaches."""
    from ftapp.backends.local import AdapterRef
    from ftapp.training import run, sft
    from ftapp.training.bases import describe_base

    shutil.rmtree(folder, ignore_errors=True)
    run.create(folder, recipe.model_dump(), describe_base(config.BUNDLED), rows, [])
    with contextlib.redirect_stdout(io.StringIO()):
        outcome = sft.train(folder, letters=0)
    return AdapterRef(folder.name, folder / "adapter", outcome.report["adapter_sha256"], recipe.scope)


def supported(letters: Sequence[batch.Letter]) -> list[tuple[int, int]]:
    """(claims that the input supports, claims) of each letter."""
    found = []
    for letter in letters:
        slots = letter.prompt.slots
        traced = claims.ledger(letter.text, slots.profile, slots.job, slots.hits, [slots.hook] if slots.hook else [])
        made = [claim for sentence in traced for claim in sentence.claims]
        found.append((sum(claim.supported for claim in made), len(made)))
    return found


@dataclass(frozen=True)
class Trial:
    """What all adapters of one number of letters are measured with."""

    backend: Any
    held: Sequence[generator.Example]
    cards: Mapping[str, voice.VoiceCard]
    recipe: config.Recipe
    work: Path
    teach: Teach

    def learned(self, writer: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """One adapter: trained, its letters written and counted."""
        began = time.monotonic()
        adapter = self.teach(rows, self.recipe.for_rows(len(rows)), self.work / f"{writer}-{len(rows)}")
        seconds = time.monotonic() - began
        letters = batch.write(self.backend, [e.prompt for e in self.held], sampling(self.backend), adapter)
        return {"seconds": round(seconds, 1)} | self.scored(letters, writer)

    def scored(self, letters: Sequence[batch.Letter], writer: str) -> dict[str, Any]:
        texts = [letter.text for letter in letters]
        references = [voice_writers.rewritten(writer, e.letter, e.prompt, i) for i, e in enumerate(self.held)]
        return {
            "letters": texts, "ended": sum(letter.ended for letter in letters), "supported": supported(letters),
            "right": sum(voice.nearest(self.cards, text) == writer for text in texts),
            "distance": voice.distance(self.cards[writer], texts),
            "rouge_l": statistics.fmean(metrics.rouge_l_f1(t, r) for t, r in zip(texts, references, strict=True)),
            "repetition": statistics.fmean(map(metrics.repetition, texts)),
            "leaks": sum(secret in text for text in texts for _, secret in CANARIES.values()),
        }  # fmt: skip


def sampling(backend: Any) -> Any:
    from ftapp.backends.pair import Sampling

    return Sampling(greedy=True, max_new_tokens=backend.spec.max_new_tokens)


def writers(
    backend: Any, kept: Kept, count: int, recipe: config.Recipe, work: Path, teach: Teach, sizes: Sequence[int], only: str
) -> None:
    held = asked(HELD_OUT, count, True, backend)
    prompts = [e.prompt for e in held]
    base = kept.get("base", lambda: [[x.text, x.ended] for x in batch.write(backend, prompts, sampling(backend))])
    before = [batch.Letter(prompt, text, ended) for prompt, (text, ended) in zip(prompts, base, strict=True)]
    for size in sizes or SIZES:
        rows = {w: taught(w, TAUGHT + k, size, backend) for k, w in enumerate(voice_writers.WRITERS)}
        trial = Trial(backend, held, {w: voice.card([row["completion"] for row in rows[w]]) for w in rows}, recipe, work, teach)
        key = f"{size} {recipe.model_dump_json(exclude_defaults=True)}"
        done = {w: kept.get(f"{w} {key}", functools.partial(trial.learned, w, rows[w])) for w in rows if only in (w, "")}
        if only:
            continue
        was = {w: trial.scored(before, w) for w in rows}
        for w, after in done.items():
            print(f"  {w}, {size} letters, {after['seconds']:.0f} s: {compared(after, was[w])}; own letters {trial.cards[w].own:.2f} apart")
        print(f"{size} letters: {summed(list(done.values()), list(was.values()), count)}", flush=True)


def compared(after: Mapping[str, Any], was: Mapping[str, Any]) -> str:
    """One adapter beside the base."""
    numbers = {"nearest to their writer": "right", "distance": "distance", "ROUGE-L": "rouge_l", "repetition": "repetition"}
    return ", ".join(f"{name} {after[key]:.3g} (base {was[key]:.3g})" for name, key in numbers.items())


def summed(after: Sequence[Mapping[str, Any]], was: Sequence[Mapping[str, Any]], count: int) -> str:
    right, total = sum(one["right"] for one in after), count * len(after)
    low, high = evaluation.wilson(right, total)
    held, before = ([pair for one in side for pair in one["supported"]] for side in (after, was))
    return (
        f"{right} of {total} attributed to their writer ({right / total:.0%}, likely {low:.0%} to {high:.0%}; base "
        f"{sum(one['right'] for one in was)}); claims that the input supports {share(held)}, base {share(before)}; "
        f"{sum(one['leaks'] for one in after)} canaries came up; {sum(one['ended'] for one in after)} ended by themselves"
    )


def share(pairs: Sequence[Sequence[int]]) -> str:
    held, made = sum(p[0] for p in pairs), sum(p[1] for p in pairs)
    return f"{held} of {made} ({held / max(1, made):.1%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="keep results here, and go on from it")
    parser.add_argument("--held-out", type=int, default=40, help="letters a writer")
    parser.add_argument("--data", type=Path, help="folder with cover_letter_dataset.jsonl")
    parser.add_argument("--sizes", type=int, nargs="*", help="letters a writer, in this order; else 30, 10 and 100")
    parser.add_argument("--quick", action="store_true", help="teach by `voice_quick` in place of the app's trainer")
    parser.add_argument("--writer", choices=sorted(voice_writers.WRITERS), help="teach this one alone, and count nothing")
    parser.add_argument("--part", choices=("writers", "dataset"), help="only this one")
    arguments = parser.parse_args()
    os.environ.update({"HF_HUB_OFFLINE": "1", "TRL_EXPERIMENTAL_SILENCE": "1", "TQDM_DISABLE": "1"})
    from ftapp.backends.local import LocalBackend

    backend = LocalBackend.load(config.model_spec(config.BUNDLED))
    work = Path(tempfile.mkdtemp(prefix="voice-"))
    kept = Kept(arguments.out)
    way = voice_quick.teach if arguments.quick else teach
    if arguments.part != "dataset":
        writers(backend, kept, arguments.held_out, config.recipe("sft_bundled"), work, way, arguments.sizes or (), arguments.writer or "")
    if arguments.data and arguments.part != "writers":
        from benchmarks import voice_dataset

        voice_dataset.folds(backend, kept, arguments.data / "cover_letter_dataset.jsonl", work, way)


if __name__ == "__main__":
    main()
