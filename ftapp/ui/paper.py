"""HTML for what people read: letters, notes, tables. Everything that comes from outside is escaped here, once.

Pure functions from text to markup; knows no component and no handler.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ftapp.scripts import word_count

SIDES = {"left": "A", "right": "B"}
STATES = {"candidate": "waiting", "trial": "on trial", "live": "writes now", "retired": "retired", "outdated": "for earlier weights"}


def safe(value: object) -> str:
    """Text that cannot become markup."""
    return html.escape(str(value), quote=True)


def letter(text: str, *, words: int = 120, writing: bool = False, note: str = "", marked: str = "", foot: str = "", below: str = "") -> str:
    """One letter on its paper. `words` is the length asked for: the card has the height of that letter from the start.

    `marked` and `below` are markup made elsewhere (the letter with its evidence, and the list under it), `foot` a line of text.
    """
    state = "writing" if writing else "done" if text else "empty"
    body = f'<div class="letter">{marked or safe(text)}</div>' if text else f'<div class="letter hint">{safe(note)}</div>'
    foot = foot or (count(word_count(text), "word") if text else "")
    if text and note:
        foot += f" · {note}"
    return f'<article class="paper {state}" style="--words:{int(words)}">{body}<footer>{safe(foot)}</footer>{below}</article>'


def tag(side: str, model: str = "", chosen: bool = False) -> str:
    """The line above a letter: its side, and after the vote who wrote it."""
    by = f'<span class="by">{safe(model)}</span>' if model else ""
    mark = '<span class="chosen">your choice</span>' if chosen else ""
    return f'<h2 class="side{" picked" if chosen else ""}"><b>{SIDES[side]}</b>{by}{mark}</h2>'


def note(text: str, kind: str = "calm") -> str:
    """One sentence; `warning` is amber and says so in words too."""
    if not text:
        return ""
    label = '<b class="sign">Note</b> ' if kind == "warning" else ""
    return f'<p class="note {safe(kind)}">{label}{safe(text)}</p>'


def facts(pairs: Mapping[str, object]) -> str:
    """A short list of names and values."""
    rows = "".join(f"<dt>{safe(name)}</dt><dd>{safe(value)}</dd>" for name, value in pairs.items())
    return f'<dl class="facts">{rows}</dl>'


def bullets(lines: Iterable[str]) -> str:
    return '<ul class="lines">' + "".join(f"<li>{safe(line)}</li>" for line in lines) + "</ul>"


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], current: int | None = None) -> str:
    """A plain table; `current` is the row set apart."""
    top = "".join(f'<th scope="col">{safe(cell)}</th>' for cell in head)
    body = ""
    for i, row in enumerate(rows):
        cells = "".join(f'<td data-name="{safe(name)}">{safe(cell)}</td>' for name, cell in zip(head, row, strict=True))
        body += f"<tr{' class=current' if i == current else ''}>{cells}</tr>"
    return f'<table class="rows"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


def progress(done: float, caption: str) -> str:
    """A bar from 0 to 1 with its meaning in words."""
    percent = round(100 * min(max(done, 0.0), 1.0))
    return (f'<div class="progress" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}" '
            f'aria-label="{safe(caption)}"><i style="width:{percent}%"></i></div><p class="caption">{safe(caption)}</p>')  # fmt: skip


def size(number_of_bytes: float | None) -> str:
    if number_of_bytes is None:
        return "an unknown amount of memory"
    if number_of_bytes < 1e6:
        return "less than 1 MB"
    return f"{number_of_bytes / 1e9:.1f} GB" if number_of_bytes >= 1e9 else f"{number_of_bytes / 1e6:.0f} MB"


def count(number: int, one: str, many: str = "") -> str:
    """`1 pair`, `2 pairs`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def model_name(name: str | None) -> str:
    """How a person reads a model's id."""
    if name in (None, "none", "base"):
        return "the base model"
    if name.startswith("server:"):
        return f"{name.removeprefix('server:')}, on a server"
    return "the starter that ships with ftapp" if name == "starter" else name


def brought(row: Mapping[str, Any]) -> bool:
    """Whether an adapter of a list came as an archive, so that nobody here knows what it was taught from."""
    return not row.get("run_id") and not row.get("parent_id") and row["id"] != "starter"


def adapter_state(row: Mapping[str, Any]) -> str:
    """What has become of an adapter {state, refused}."""
    return "refused by the gate" if row["refused"] else STATES.get(row["state"], row["state"])


def adapter_name(row: Mapping[str, Any]) -> str:
    """An adapter {id, state, refused} in a list to choose from."""
    return f"{model_name(row['id'])} ({adapter_state(row)})"
