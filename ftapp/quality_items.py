"""What a quality report is made of: an example, a finding about it, and whether there are enough of them. Knows no rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FIELDS = ("title", "company", "applicant", "preferred", "past", "current", "skills", "qualifications")

# Each finding's code -> its name for people. The order is the order of a report: what spoils a training most stands first.
CODES = {
    "duplicate": "The same text again",
    "near_duplicate": "Almost the same text again",
    "contradiction": "Two different answers to one question",
    "reworded": "The same question in other words",
    "empty": "Nothing to learn from",
    "too_short": "Too short",
    "too_long": "Too long to be one example",
    "cut_start": "The beginning is cut off",
    "cut_end": "The end is cut off",
    "lost_marks": "Commas are lost",
    "placeholder": "A placeholder is left open",
    "marker": "Leftovers of a file or a prompt",
    "talk": "Talk around the letter",
    "other_target": "Speaks to another employer or of another job",
    "no_target": "Names neither the job nor the employer",
    "ignores_resume": "Says nothing of what the person has done",
    "template": "Template phrases",
    "unsupported": "Claims that its own fields do not support",
    "repetitive": "Says the same thing again and again",
    "mixed_language": "Two languages in one text",
    "other_voice": "Sounds unlike the others",
    "contact": "Contact data",
    "other_person": "Another person's name",
    "collapsed_list": "A list that had become one line",
    "lost_hyphens": "Words that lost their hyphen",
    "mojibake": "Garbled characters",
}


@dataclass(frozen=True)
class Item:
    """One own example. Nothing but `letter` has to be known.

    `kind` is one of prompts.KINDS; `letter` is the text that is to be learned; `posting` the whole posting it answered. `fields`
    holds texts by the names of `FIELDS`. `turns` are the (role, text) pairs of a chat row before its answer, in their order.
    """

    id: str
    kind: str
    letter: str
    posting: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    turns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Finding:
    """Something a person should know of one example before it teaches.

    `code` is a key of `CODES`. `reason` is a sentence for people, `example` the place in the text that it is about (it may hold a
    person's words: to be escaped, never logged). `quarantine`: set aside until the person says Keep; otherwise a note, and the example
    is used. `repaired` is the whole letter after the repair, or the whole field when `field` names one; None when nothing was repaired.
    `twin` is the id of the other example that a finding about two compares with, or ""; `by_meaning` when words alone had not found it.
    """

    item_id: str
    code: str
    reason: str
    example: str
    quarantine: bool
    repaired: str | None = None
    field: str = ""
    twin: str = ""
    by_meaning: bool = False


@dataclass(frozen=True)
class Enough:
    """Whether the good examples are enough, and of what there are too few.

    `good` counts the examples without a finding that sets them aside, `kinds` the good ones by kind. `level` is "none", "few" (below 30),
    "some" (below 100) or "many"; `expect` says in a sentence what to expect of so many. `missing` names kinds of text or of question that
    no good example has; each is a short noun phrase.
    """

    total: int
    good: int
    kinds: Mapping[str, int]
    level: str
    expect: str
    missing: tuple[str, ...] = ()
