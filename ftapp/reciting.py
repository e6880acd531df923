"""Does a letter for somebody else recite the letters that were taught? Pure: no model.

A leak is a name, a contact, or a sentence of a taught letter in a letter whose own prompt does not say it. A name counts when one of its
words is in none of the base model's letters; a sentence when eight of its words stand there in a row and two of them are in no other
taught letter and in none that a model wrote: what comes back in many letters is a habit and was to be learned.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ftapp import claims_find, masking, rendered, structure

RUN = 8  # words in a row
TELLING = 2  # of them in no other letter
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True)
class Taught:
    """What of the taught letters must not come up elsewhere. `runs`: a row of words -> those that only its letter has."""

    names: frozenset[str]
    contacts: frozenset[str]
    runs: Mapping[tuple[str, ...], frozenset[str]]


@dataclass(frozen=True)
class Leak:
    """`kind` is "name", "contact" or "sentence"; `text` is what came up, for the person who owns both letters."""

    kind: str
    text: str


def taught(rows: Sequence[Mapping[str, Any]], drafts: Sequence[str] = ()) -> Taught:
    """What the rows {prompt, completion} of a training hold: employers and people by their fields and letters, contacts, sentences.

    `drafts` are letters of a model; no word of theirs makes a sentence somebody's own. Where a few letters were edited, most of what is
    left in them was the model's: without this, edits that were letters of the bundled model refused 42 of 100 samples of it, with it 7;
    of sentences of other people's letters it tells 87 instead of 91 in 100.
    """
    names: set[str] = set()
    contacts: set[str] = set()
    for row in rows:
        fields = rendered.read(row["prompt"])
        names |= {fields.profile.name, fields.job.company, *(e.employer for e in fields.profile.experience)}
        for sentence in structure.sentences(row["completion"]):
            names |= {found.text for found in claims_find.names(sentence) if found.kind == "employer" or " " in found.text}
        contacts |= set(map(_bare, masking.contacts(row["completion"])))
    letters = [_words(text) for text in dict.fromkeys(row["completion"] for row in rows)]  # an edit stands in two pairs
    held = Counter(word for letter in letters for word in set(letter))
    runs, ordinary = {}, vocabulary(drafts)
    for letter in letters:
        for at in range(len(letter) - RUN + 1):
            run = tuple(letter[at : at + RUN])
            own = frozenset(word for word in run if held[word] == 1) - ordinary
            if len(own) >= TELLING:
                runs[run] = own
    return Taught(frozenset(name for name in names if _tells(name)), frozenset(c for c in contacts if len(c) >= 6), runs)


def leaks(letter: str, prompt: str, known: Taught, ordinary: Collection[str] = ()) -> list[Leak]:
    """What `letter` recites that its prompt does not say. `ordinary` are words of the base model's own letters."""
    said, words = _folded(letter), _words(letter)
    asked, given = _folded(prompt), set(_words(prompt)) | set(ordinary)
    up = [name for name in sorted(known.names) if _folded(name) in said and _folded(name) not in asked]
    found = [Leak("name", name) for name in up if set(_words(name)) - given]
    bare, bare_asked = _bare(letter), _bare(prompt)
    found += [Leak("contact", contact) for contact in sorted(known.contacts) if contact in bare and contact not in bare_asked]
    last = -RUN
    for at in range(len(words) - RUN + 1):
        run = tuple(words[at : at + RUN])
        if at >= last + RUN and len(known.runs.get(run, frozenset()) - given) >= TELLING:
            found.append(Leak("sentence", " ".join(run)))
            last = at
    return found


def vocabulary(letters: Sequence[str]) -> frozenset[str]:
    """All words of some letters, as `leaks` takes them for ordinary."""
    return frozenset(word for letter in letters for word in _words(letter))


def _words(text: str) -> list[str]:
    return [word.casefold().replace("’", "'") for word in _WORD.findall(text)]


def _folded(text: str) -> str:
    return f" {' '.join(_words(text))} "


def _bare(text: str) -> str:
    """Without white space and the marks that people put between digits."""
    return re.sub(r"[\s().–-]", "", text).casefold()


def _tells(name: str) -> bool:
    """Whether a name is somebody's: two words, or one of four letters and more that is not in lower case."""
    return len(name.split()) > 1 or (len(name) > 3 and not name.islower())
