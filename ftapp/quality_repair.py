"""What happened to a text on its way here is undone where it can be without guessing words: garbled characters, lists that became one
line, commas that became blanks, hyphens that vanished. Pure; shows before and after, decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import ftfy

from ftapp import quality_lists
from ftapp.quality_items import Finding, Item

_ASK = ftfy.TextFixerConfig(  # characters that went wrong; quotes, dashes and ligatures that are meant stay
    unescape_html="auto", uncurl_quotes=False, fix_latin_ligatures=False, fix_character_width=False, fix_line_breaks=True,
    remove_terminal_escapes=True, remove_control_chars=True, normalization="NFC", explain=False,
)  # fmt: skip
_GAP = re.compile(r"(?<=[\w)%+#]) {2,}(?=[\w(\"“'])")
_CLOSING = re.compile(r"(?im)^((?:yours |best |kind |warm )?(?:sincerely|regards|truly|faithfully|respectfully)(?: yours)?)[ ]*(?=\n)")
# Compounds of English that letters are full of, by their first part.
_COMPOUNDS = {
    "well": "suited equipped versed rounded known established organi[sz]ed positioned prepared defined documented",
    "problem": "solving solver solvers", "decision": "making makers? maker", "data": "driven", "detail": "oriented", "hands": "on",
    "self": "motivated starter driven directed taught", "cross": "functional(?:ly)? cultural", "fast": "paced growing moving",
    "real": "time world", "long": "term standing", "short": "term", "full": "time stack", "part": "time",
    "high": "quality level performing performance pressure growth impact", "user": "friendly cent(?:er|re)d",
    "customer": "facing focused cent(?:er|re)d oriented", "client": "facing", "results": "driven oriented", "team": "oriented",
    "cutting": "edge", "forward": "thinking", "cost": "effective saving", "object": "oriented", "large": "scale", "end": "to-end toend",
    "top": "notch performing", "non": "technical", "cloud": "based", "web": "based", "evidence": "based", "industry": "leading standard",
    "award": "winning",
}  # fmt: skip
_GLUED = re.compile(
    r"(?<![\w-])(?:" + "|".join(rf"(?P<{first}>{first})(?:{'|'.join(ends.split())})" for first, ends in _COMPOUNDS.items()) + r")(?![\w-])",
    re.IGNORECASE,
)


def repair(item: Item) -> tuple[Item, list[Finding]]:
    """The item with every text mended, and a finding with before and after for each text changed. A mended item stays as it is."""
    found: list[Finding] = []

    def mended(text: str, steps: Steps, where: str) -> str:
        for code, step in steps.items():
            before, text = text, step(text)
            if text != before:
                found.append(_finding(item, where, code, before, text))
        return text

    letter, posting = mended(item.letter, _LETTER, ""), mended(item.posting, _GIVEN, "posting")
    steps = {name: _GIVEN if name in _LISTS else _SHORT for name in item.fields}
    fields = {name: mended(text or "", steps[name], name) for name, text in item.fields.items()}
    turns = tuple((role, mended(text, _SHORT, "turns")) for role, text in item.turns)
    return replace(item, letter=letter, posting=posting, fields=fields, turns=turns), found


def _finding(item: Item, where: str, code: str, before: str, after: str) -> Finding:
    place = {"": "the letter", "posting": "the posting", "turns": "the conversation"}.get(where, f"the field {where!r}")
    return Finding(item.id, code, _SAID[code].format(place=place), _first_change(before, after), False, after, field=where)


def _first_change(before: str, after: str) -> str:
    """The first place that differs, with a little around it."""
    at = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after)))
    start = before.rfind(" ", 0, max(0, at - 20)) + 1
    return before[start : at + 60].strip()


def ungarbled(text: str) -> str:
    """UTF-8 that was read as another encoding, and the like, as it was meant (ftfy)."""
    return text if text.isascii() and "&" not in text else ftfy.fix_text(text, _ASK)


def with_commas(text: str) -> str:
    """Commas where two blanks stand inside sentences of a text that has lost every one of its commas; else the text itself."""
    if "," in text or not gaps(text):
        return text
    return _CLOSING.sub(r"\1,", "\n".join(_GAP.sub(", ", line) for line in text.split("\n")))


def gaps(text: str) -> list[re.Match[str]]:
    """Two and more blanks between words of a sentence. A typist's two blanks after a full stop are none."""
    return list(_GAP.finditer(text)) if re.search(r"[.!?]", text) else []


def with_hyphens(text: str) -> str:
    """Well-known compounds that were glued together ("wellknown") with their hyphen."""
    return _GLUED.sub(_hyphened, text)


def _hyphened(m: re.Match[str]) -> str:
    first = len(m.lastgroup or "")
    return f"{m.group()[:first]}-{m.group()[first:]}".replace("toend", "to-end")


Steps = dict[str, Callable[[str], str]]
_LISTS = ("preferred", "qualifications", "skills")  # fields that hold lists
_SHORT: Steps = {"mojibake": ungarbled, "lost_hyphens": with_hyphens}
_GIVEN: Steps = {"mojibake": ungarbled, "collapsed_list": quality_lists.restore, "lost_hyphens": with_hyphens}
_LETTER: Steps = {"mojibake": ungarbled, "lost_marks": with_commas, "collapsed_list": quality_lists.restore, "lost_hyphens": with_hyphens}
_SAID = {
    "mojibake": "Garbled characters in {place} were put right.",
    "collapsed_list": "A list in {place} had become one line; its entries stand on lines of their own again.",
    "lost_marks": "The commas of {place} had been lost, with two blanks in their place; commas were put there. Read it once.",
    "lost_hyphens": "Words in {place} had lost their hyphen and got it back.",
}
