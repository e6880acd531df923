"""The fields that stand in a prompt's user message, read back: the inverse of `prompts.build`. Pure.

The trainer has the exact messages and nothing else; what a letter may claim, and which posting it answers, stands in them. A message
of another form (a chat, an imported row) has no fields: then its whole text is the source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ftapp.profiles import Experience, JobPosting, ResumeProfile
from ftapp.prompts import KIND_NAMES, SLOTS, Hit

_KINDS = {name: kind for kind, name in KIND_NAMES.items()}
_SLOT = re.compile(rf"({'|'.join(SLOTS)}):(?: (.*))?")
_POSITION = re.compile(r"(?P<title>.*?)(?:(?:^| )at (?P<employer>.+?))?(?: \((?P<start>[^()]*?)(?: to (?P<end>[^()]*))?\))?")


@dataclass(frozen=True)
class Rendered:
    """What a prompt asks for and says. `kind` is "" and everything else empty when the message is none of `prompts.build`'s."""

    kind: str
    words: int | None
    job: JobPosting
    profile: ResumeProfile
    hits: tuple[Hit, ...]
    hook: str
    text: str  # the last message of the person, whole

    @property
    def title(self) -> str:
        """The job in a line, or the question that is answered; "" where neither is known."""
        return " at ".join(filter(None, (self.job.title, self.job.company))) or self.job.question

    @property
    def sources(self) -> list[str]:
        """What a claim may rest on beside profile, posting and portfolio: the hook, or the whole text of a message without fields."""
        return [self.text] if not self.kind else [self.hook] if self.hook else []


def read(messages: Sequence[Mapping[str, str]]) -> Rendered:
    """The fields of the last user message."""
    text = next((m["content"] for m in reversed(messages) if m["role"] == "user"), "")
    slots: dict[str, list[str]] = {}
    slot = ""
    for line in text.splitlines():
        if match := _SLOT.fullmatch(line):
            slot = match[1]
            slots[slot] = [match[2]] if match[2] else []
        elif slot:
            slots[slot].append(line)
    one = {name: values[0] if values else "" for name, values in slots.items()}
    kind = _KINDS.get(one.get("kind", ""), "")
    if not kind:
        return Rendered("", None, JobPosting(), ResumeProfile(), (), "", text)
    listed = {name: [line.removeprefix("- ") for line in values] for name, values in slots.items()}
    job = JobPosting(title=one.get("title", ""), company=one.get("company", ""), location=one.get("location", ""),
                     requirements=listed.get("requirements", []), duties=listed.get("duties", []), question=one.get("question", ""),
                     language=one.get("language", "English"))  # fmt: skip
    skills = [skill for skill in one.get("skills", "").split(", ") if skill]
    profile = ResumeProfile(name=one.get("name", ""), headline=one.get("headline", ""), experience=_experience(slots.get("experience", [])),
                            skills=skills, education=listed.get("education", []), certificates=listed.get("certificates", []))  # fmt: skip
    words = int(one["words"]) if one.get("words", "").isdecimal() else None
    return Rendered(kind, words, job, profile, tuple(map(_hit, listed.get("portfolio", []))), one.get("hook", ""), text)


def _experience(lines: Sequence[str]) -> list[Experience]:
    found: list[Experience] = []
    for line in lines:
        if line.startswith("* ") and found:
            found[-1].achievements.append(line[2:])
        elif match := _POSITION.fullmatch(line.removeprefix("- ")):
            found.append(Experience(**{name: value or "" for name, value in match.groupdict().items()}))
    return found


def _hit(line: str) -> Hit:
    title, _, text = line.partition(": ")
    link = re.search(r" \((https?://\S+)\)$", text)
    return Hit(title, text[: link.start()] if link else text, link[1] if link else "")
