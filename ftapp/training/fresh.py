"""Fresh letters of the model that is about to be taught: what choices and edits say of letters that nobody was asked about.

The two letters that were on a screen are a small sample of what the model writes. More of them are written for the same prompts, once
a run, from seeds of its recipe, and lie beside its checkpoints, with which they go. They cost no click and teach in two ways:

- an edited letter is preferred to each of them: who rewrites a letter shows how all letters should be. First round of DITTO (Shaikh et
  al. 2024, arXiv 2406.00888). Recipe: `fresh_letters` for every edited letter.
- of those for one prompt, the one that the person's `taste` values most is preferred to the one that it values least. As RSO (Liu et al.
  2024, arXiv 2309.06657): sampled from the model, judged by what the choices taught. Recipe: `judged_letters` for every prompt, a pair
  of every `FOR_A_PAIR`; and so that few choices teach as much of it as many do, made-up postings join until there are `judged_prompts`.
"""

from __future__ import annotations

import itertools
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftapp import config, letters, pace, rendered, taste
from ftapp.pace import Say
from ftapp.training import processes, run, tokens

if TYPE_CHECKING:
    from ftapp.backends.local import LocalBackend

FILE = "checkpoints/fresh.jsonl"
ROWS = 12  # letters that are written together
FOR_A_PAIR = 4  # letters: the best and the worst of four are further apart than two that happen to lie side by side
STREAM = 70707  # of the generator, for made-up postings
MOST = 100  # prompts whose letters are judged; with more choices than that, the choices themselves say enough
LEARNED = 500  # rows that a taste is learned from at most: more would not make it surer, and each takes 40 ms
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Fresh:
    """Rows {id, prompt, chosen, rejected, split_key}, and the taste that judged some of them. An id is that of the row whose prompt it
    has (or `made` and a number), a dot, and a name."""

    rows: list[dict[str, Any]]
    taste: taste.Taste | None = None
    judged: int = 0

    def report(self) -> dict[str, Any]:
        """What the run's report says of them."""
        told: dict[str, Any] = {"fresh_pairs": len(self.rows)}
        if self.taste is not None:
            told["taste"] = {"pairs": self.taste.pairs, "accuracy": self.taste.accuracy, "judged": self.judged, "sentence": self._said()}
        return told

    def _said(self) -> str:
        share = f"{self.taste.accuracy:.0%} of {self.taste.pairs} choices that it had not seen"
        if not self.taste.tells:
            return f"Your choices have little in common that can be counted (it tells {share}): no fresh letters were judged by it."
        looks_for, avoids = (", ".join(names) for names in self.taste.likes())
        common = "; ".join(filter(None, (f"more of {looks_for}" * bool(looks_for), f"less of {avoids}" * bool(avoids))))
        surest = " (more of those where it is surest)" if self.taste.accuracy <= 0.5 else ""
        return f"What your choices have in common: {common}. It tells {share}{surest}, and judged {self.judged} pairs of fresh letters."


def edited(rows: Sequence[Row]) -> list[Row]:
    """The first row of every edited letter: an edit gives a pair against either letter that was shown."""
    return _first([row for row in rows if row.get("edited")], "prompt", "chosen")


def prompts(rows: Sequence[Row]) -> list[Row]:
    """The first row of every prompt, of `MOST` prompts at most."""
    return _spread(_first(rows, "prompt"), MOST)


def _spread(rows: Sequence[Row], most: int) -> list[Row]:
    """So many rows, spread over all."""
    return list(rows) if len(rows) <= most else [rows[i * len(rows) // most] for i in range(most)]


def _first(rows: Sequence[Row], *fields: str) -> list[Row]:
    first = {json.dumps([row[field] for field in fields]): row for row in reversed(rows)}
    return list(reversed(first.values()))


@dataclass(frozen=True)
class Count:
    """The most that `pairs` would write and give; `made_up` postings join those of the rows."""

    edited: int
    made_up: int
    prompts: int
    letters: int
    pairs: int


def count(rows: Sequence[Row], recipe: config.Recipe) -> Count:
    shown = len(edited(rows)) if recipe.fresh_letters else 0
    own = len(prompts(rows)) if recipe.judged_letters else 0
    more = max(0, recipe.judged_prompts - own) if recipe.judged_letters else 0
    demonstrated, asked = recipe.fresh_letters * shown, own + more
    return Count(shown, more, shown + asked, demonstrated + recipe.judged_letters * asked, demonstrated + _pairs_each(recipe) * asked)


def _pairs_each(recipe: config.Recipe) -> int:
    """Pairs of the judged letters of one prompt."""
    return max(1, recipe.judged_letters // FOR_A_PAIR)


def made_up(rows: Sequence[Row], number: int, count_tokens: Callable[[Sequence[dict[str, str]]], int]) -> list[Row]:
    """So many rows {id, prompt, split_key} of made-up postings and résumés, of the kinds that the rows ask for and as often. None of
    an employer that is held out, and none for prompts of another form than `prompts.build`'s."""
    from ftapp.bundled import generator

    kinds = [kind for row in rows if (kind := rendered.read(row["prompt"]).kind)]
    made: list[Row] = []
    for at in itertools.count() if kinds else ():
        if len(made) >= number:
            break
        one = generator.example(STREAM, at, clean=True, kind=kinds[at % len(kinds)], count_tokens=count_tokens)
        key = letters.split_key(one.job.company)
        if not letters.held_out(key):
            made.append({"id": f"made{at}", "prompt": [dict(m) for m in one.prompt.messages], "split_key": key})
    return made


def learn_taste(rows: Sequence[Row], stop: Callable[[], bool] = lambda: False) -> taste.Taste | None:
    """The taste behind the rows, or behind `LEARNED` of them; None when stopped."""
    some = _spread(rows, LEARNED)
    counted = _counted(some, stop)
    return taste.learned(counted, [row["split_key"] for row in some]) if counted is not None else None


def _counted(rows: Sequence[Row], stop: Callable[[], bool]) -> list[tuple[Mapping[str, float], Mapping[str, float]]] | None:
    """The numbers of each row's two letters; None when stopped."""
    counted = []
    for row in rows:
        if stop():
            return None
        asked = rendered.read(row["prompt"])
        counted.append((taste.numbers(row["chosen"], asked), taste.numbers(row["rejected"], asked)))
    return counted


def agreement(taught: Sequence[Row], held_out: Sequence[Row], stop: Callable[[], bool] = lambda: False) -> dict[str, Any] | None:
    """Whether held-out choices are like those that taught: {log_odds, postings}. `log_odds` is how much likelier the taste behind the
    taught choices finds the held-out ones than the same the wrong way round, each posting counted once; below 0 it speaks against
    them. None when stopped, or where no taste is `sure`, or nothing is held out."""
    some = _spread(held_out, MOST)
    liked = learn_taste(taught, stop) if some else None
    counted = _counted(some, stop) if liked and liked.sure else None
    if counted is None:
        return None
    by_posting: dict[str, list[float]] = {}
    for row, (chosen, rejected) in zip(some, counted, strict=True):
        by_posting.setdefault(row["split_key"], []).append(liked.worth(chosen) - liked.worth(rejected))
    return {"log_odds": sum(statistics.fmean(gaps) for gaps in by_posting.values()), "postings": len(by_posting)}


def pairs(
    folder: Path, rows: Sequence[Row], recipe: config.Recipe, base: Mapping[str, Any], open_writer: Callable[[], LocalBackend],
    stop: Callable[[], bool], say: Say = lambda line: None,
) -> Fresh:  # fmt: skip
    """What the run's parent (or base) writes for the prompts of `rows`, as pairs. Left out: a letter that reached no end, one that is the
    edited letter, a prompt whose letters are worth the same, and what would be too long.

    Nothing is loaded where there is nothing to write, and nothing is judged by a taste that tells nothing; of several processes the
    first writes for all, and tells how many of how many letters there are. Raises ModelError when the parent cannot be loaded.
    """
    shown = edited(rows) if recipe.fresh_letters else []
    liked = learn_taste(rows, stop) if recipe.judged_letters else None
    asked = prompts(rows) if liked and liked.tells else []
    if not shown and not asked:
        return Fresh([], liked)
    file = folder / FILE
    while processes.rank() and not file.is_file() and not stop():  # the first one writes
        time.sleep(0.2)
    if not file.is_file() and not stop():
        backend = open_writer()
        if asked:
            asked = [*asked, *made_up(asked, recipe.judged_prompts - len(asked), backend.count_tokens)]
        wanted = [row for row in shown for _ in range(recipe.fresh_letters)]
        wanted += [row for row in asked for _ in range(recipe.judged_letters)]
        texts = _written([row["prompt"] for row in wanted], recipe, base, backend, stop, say)
        if stop():
            return Fresh([], liked)
        demonstrated = len(shown) * recipe.fresh_letters
        made = _demonstrated(shown, texts[:demonstrated], recipe) + _judged(asked, texts[demonstrated:], recipe, liked)
        end = tokens.end_token(backend.tokenizer)
        fitting = [row for row in made if tokens.longest(tokens.encode_pair(backend.tokenizer, row, end)) <= recipe.max_length]
        file.parent.mkdir(exist_ok=True)
        run.write_text(file, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in fitting))
    rows = run.read_rows(file)
    return Fresh(rows, liked, sum(".judged" in row["id"] for row in rows))


def _written(
    messages: Sequence[Any], recipe: config.Recipe, base: Mapping[str, Any], backend: LocalBackend, stop: Callable[[], bool], say: Say,
) -> list[str]:  # fmt: skip
    """A letter for each prompt, as it would be shown; empty where it reached no end."""
    from ftapp.backends import many
    from ftapp.backends.local import AdapterRef

    parent = base.get("parent")
    writer = AdapterRef(parent["id"], Path(parent["path"]), parent["sha256"], parent["scope"]) if parent else None
    sampling, told = letters.sampling(backend.spec), pace.of_letters(say)
    written = many.by_any(backend, messages, sampling, writer, recipe.seed, stop=stop, rows=ROWS, told=told)
    return [
        letters.tidied([letter[0]], rendered.read(asked))[0][0] if letter and letter[1] else ""
        for asked, letter in zip(messages, written, strict=True)
    ]


def _pair(row: Row, name: str, chosen: str, rejected: str) -> dict[str, Any]:
    return {"id": f"{row['id']}.{name}", "prompt": row["prompt"], "chosen": chosen, "rejected": rejected, "split_key": row["split_key"]}


def _demonstrated(shown: Sequence[Row], texts: Sequence[str], recipe: config.Recipe) -> list[dict[str, Any]]:
    asked = [(row, number) for row in shown for number in range(recipe.fresh_letters)]
    beside = zip(asked, texts, strict=True)
    return [_pair(row, f"fresh{number}", row["chosen"], text) for (row, number), text in beside if text and text != row["chosen"]]


def _judged(asked: Sequence[Row], texts: Sequence[str], recipe: config.Recipe, liked: taste.Taste | None) -> list[dict[str, Any]]:
    """The best of each prompt's letters against the worst, the second best against the second worst, and so on. However somebody
    chose, no letter is preferred to one that claims less without support: a few choices by chance must not teach to invent."""
    made, each = [], recipe.judged_letters
    for at, row in enumerate(asked):
        fields = rendered.read(row["prompt"])
        counted = {text: taste.numbers(text, fields) for text in texts[at * each : (at + 1) * each] if text}
        worth = {text: liked.worth(numbers) for text, numbers in counted.items()}
        left = sorted(worth, key=worth.get)
        for number in range(_pairs_each(recipe)):
            if not left:
                break
            least = left.pop(0)
            sound = [text for text in left if counted[text]["unsupported"] <= counted[least]["unsupported"] and worth[text] > worth[least]]
            if sound:
                left.remove(sound[-1])
                made.append(_pair(row, f"judged{number}", sound[-1], least))
    return made
