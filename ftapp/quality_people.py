"""Personal data in an example: the writer's contacts, other people's names. What a pattern cannot know is not found.

Contacts are masked in training and filled in at writing, so they are noted. A letter that is signed by somebody else is set aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ftapp import masking, structure
from ftapp.quality_items import Finding, Item
from ftapp.quality_sources import value

_PERSON = r"[A-ZÀ-Þ][\w'’.-]+"
_SALUTED = re.compile(rf"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof)\b\.?[ ]+{_PERSON}(?:[ ]+{_PERSON}){{0,2}}")
_SIGNED = re.compile(
    r"(?i:\b(?:sincerely|regards|faithfully|yours truly|respectfully|best wishes|best))[ ]*,?\s+"
    rf"(?P<name>{_PERSON}(?:[ ]+{_PERSON}){{0,3}})\W*$"
)


def look(item: Item) -> Iterator[Finding]:
    """Findings about people in the letter."""
    found = [c for c in masking.contacts(item.letter) if not c.startswith("[")]
    if found:
        reason = f"Contact data ({len(found)}): masked in training, filled in again at writing."
        yield Finding(item.id, "contact", reason, found[0], False)
    own = value(item, "applicant")
    known = {w.casefold() for w in re.findall(r"[^\W\d_]+", own)}
    signed = _signature(item.letter)
    names = {w.casefold() for w in re.findall(r"[^\W\d_]+", signed)}
    if known and names and not known & names:
        yield Finding(
            item.id, "other_person", "It is signed with another name than the applicant's: another person's letter.", signed, True
        )
        return
    others = [m.group() for m in _SALUTED.finditer(item.letter) if not known & {w.casefold() for w in re.findall(r"[^\W\d_]+", m.group())}]
    if others:
        reason = f"Names {len(set(others))} other {'person' if len(set(others)) == 1 else 'people'}: masked in training."
        yield Finding(item.id, "other_person", reason, others[0], False)


def _signature(letter: str) -> str:
    """The name under a sign-off, "" when there is none."""
    lines = [line.strip() for line in structure.parse(letter).sign_off.splitlines() if line.strip()]
    if len(lines) >= 2 and re.fullmatch(rf"{_PERSON}(?:[ ]+{_PERSON}){{0,3}}", lines[1]):
        return lines[1]
    m = _SIGNED.search(letter.strip())
    return m["name"] if m and not masking.NAME[1:-1] == m["name"] else ""
