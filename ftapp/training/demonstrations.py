"""What an edited letter shows beyond its two pairs: it is also preferred to fresh letters of the model that is about to be taught.

A person who rewrites a letter shows how all letters should be. The two letters that were on the screen are a small sample of what the
model writes; fresh ones tell it more of what to leave behind, and cost no click. First round of DITTO (Shaikh et al. 2024, arXiv
2406.00888). The fresh letters are written once a run, from seeds of its recipe, and lie beside its checkpoints, with which they go.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftapp import cleaning, config
from ftapp.training import processes, run, tokens

if TYPE_CHECKING:
    from ftapp.backends.local import LocalBackend

FILE = "checkpoints/fresh.jsonl"
ROWS = 12  # letters that are written together


def of(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The first row of every edited letter: an edit gives a pair against either letter that was shown."""
    first = {json.dumps([row["prompt"], row["chosen"]]): row for row in reversed(rows) if row.get("edited")}
    return list(reversed(first.values()))


def count(rows: Sequence[Mapping[str, Any]], recipe: config.Recipe) -> int:
    """The most pairs that `pairs` would give."""
    return recipe.fresh_letters * len(of(rows)) if recipe.fresh_letters else 0


def pairs(
    folder: Path, rows: Sequence[Mapping[str, Any]], recipe: config.Recipe, base: Mapping[str, Any],
    open_writer: Callable[[], LocalBackend], stop: Callable[[], bool],
) -> list[dict[str, Any]]:  # fmt: skip
    """Rows {id, prompt, chosen, rejected, split_key}: each edited letter against `recipe.fresh_letters` letters of the run's parent (or
    base). A letter that reached no end, that is the edited one, or with which the pair would be too long is left out.

    Nothing is loaded where there is nothing to write; of several processes each writes the same, and one keeps it. An id is the row's, a
    dot, and a number, so that what is deleted with the row is deleted here. Raises ModelError when the parent cannot be loaded.
    """
    shown = of(rows)
    if not recipe.fresh_letters or not shown:
        return []
    file = folder / FILE
    if file.is_file():
        return run.read_rows(file)
    made = _written(shown, recipe, base, open_writer(), stop)
    if not stop() and not processes.rank():
        file.parent.mkdir(exist_ok=True)
        run.write_text(file, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made))
    return made


def _written(
    shown: Sequence[Mapping[str, Any]], recipe: config.Recipe, base: Mapping[str, Any], backend: LocalBackend, stop: Callable[[], bool]
) -> list[dict[str, Any]]:
    from ftapp.backends import many
    from ftapp.backends.local import AdapterRef
    from ftapp.letters import sampling

    parent = base.get("parent")
    writer = AdapterRef(parent["id"], Path(parent["path"]), parent["sha256"], parent["scope"]) if parent else None
    asked = [(row, number) for row in shown for number in range(recipe.fresh_letters)]
    how, prompts = sampling(backend.spec), [row["prompt"] for row, _ in asked]
    letters = many.by_any(backend, prompts, how, writer, recipe.seed, stop=stop, rows=ROWS)
    made, end = [], tokens.end_token(backend.tokenizer)
    for (row, number), letter in zip(asked, letters, strict=True):
        text = cleaning.strip(letter[0])[0] if letter and letter[1] else ""
        pair = {"id": f"{row['id']}.fresh{number}", "prompt": row["prompt"], "chosen": row["chosen"], "rejected": text,
                "split_key": row["split_key"]}  # fmt: skip
        if text and text != row["chosen"] and tokens.longest(tokens.encode_pair(backend.tokenizer, pair, end)) <= recipe.max_length:
            made.append(pair)
    return made
