"""Three made-up writers: the bundled generator's letters, each rewritten in one person's habits. Pure; fixed before any figure was seen.

Brisk shortens, splits sentences and says hi; Grave joins sentences with semicolons and is respectful; Lively asks, exclaims and puts
things in brackets. The facts of a letter stay as they are: only how it is said changes.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from ftapp import prompts, structure

# "I am" -> "I'm" and the like, for whoever shortens.
SHORTER = (
    ("I am", "I'm"), ("I have", "I've"), ("I will", "I'll"), ("I would", "I'd"), ("It is", "It's"), ("it is", "it's"),
    ("You are", "You're"), ("you are", "you're"), ("You have", "You've"), ("you have", "you've"), ("That is", "That's"),
    ("that is", "that's"), ("do not", "don't"), ("does not", "doesn't"),
    ("did not", "didn't"), ("is not", "isn't"), ("Let us", "Let's"), ("cannot", "can't"),
)  # fmt: skip
# "I have a degree" is not shortened by anybody.
_OWNS = re.compile(r"\b([Yy]ou|I) have (?=(?:a|an|the|my|no|had|\d+)\b)")
_SPLIT = re.compile(r"(?:, and |; |, which is why |, so )(?=(?:I|my|it|the|that|you|we)\b)")
_HELD = "\x00"
COMMON = frozenset(
    "My The This That It At In As With For What When You Your There Of On Among To Please Thank While One From A An If Should Both Each "
    "Much Most All".split()
)


def brisk(sentences: list[list[str]], rng: random.Random) -> list[list[str]]:
    """Short sentences, every contraction, dashes with spaces, and two lines that always come."""

    def said(sentence: str) -> list[str]:
        text = _OWNS.sub(rf"\1{_HELD}have ", sentence)
        for long, short in SHORTER:
            text = re.sub(rf"\b{long}\b(?![.?!])", short, text)
        text = text.replace(f"{_HELD}have", " have")
        parts = _SPLIT.split(text, maxsplit=1)
        if len(parts) == 2 and min(len(p.split()) for p in parts) >= 4:
            return [parts[0].rstrip(",;") + ".", parts[1][0].upper() + parts[1][1:]]
        return [re.sub(r", (?=(?:with|where|and|as|which)\b)", " - ", text, count=1)]

    found = [[s for sentence in paragraph for s in said(sentence)] for paragraph in sentences]
    if found:
        found[0].append("Here's the short version.")
        found[-1].append("Happy to talk any day.")
    return found


def grave(sentences: list[list[str]], rng: random.Random) -> list[list[str]]:
    """Sentences joined by semicolons, nothing shortened, "In this respect" and "It may be noted that"."""
    found = []
    for at, paragraph in enumerate(sentences):
        longer = [_expanded(sentence) for sentence in paragraph]
        if at and longer:
            start = "In this respect, " if at % 2 else "It may be noted that "
            longer[0] = start + _lowered(longer[0])
        joined, left = [], longer
        while left:
            if len(left) > 1 and left[0].endswith(".") and left[1].endswith("."):
                joined.append(f"{left[0][:-1]}; {_lowered(left[1])}")
                left = left[2:]
            else:
                joined.append(left[0])
                left = left[1:]
        found.append(joined)
    if found:
        found[-1].append("I should be most grateful for your consideration.")
    return found


def lively(sentences: list[list[str]], rng: random.Random) -> list[list[str]]:
    """A question before a paragraph, exclamation marks, asides in brackets."""
    asked = ["So why me?", "What else would I bring?", "And what do I like best?", "Shall I go on?"]
    asides = ["(and gladly)", "(every single day)", "(ask anyone)"]
    found = []
    for at, paragraph in enumerate(sentences):
        bright = list(paragraph)
        for n, sentence in enumerate(bright):
            if sentence.endswith(".") and n % 2 == 0:
                bright[n] = f"{sentence[:-1]} {asides[at % 3]}." if n and len(sentence.split()) > 6 else sentence[:-1] + "!"
        found.append([*([asked[(at - 1) % 4]] if at else []), *bright])
    if found:
        found[-1].append("I can't wait to meet you all!")
    return found


# A name -> how the body changes, the greeting with and without an employer, the sign-off.
WRITERS: dict[str, tuple[Callable[[list[list[str]], random.Random], list[list[str]]], str, str, str]] = {
    "brisk": (brisk, "Hi {company} team,", "Hi there,", "Cheers,"),
    "grave": (grave, "To the hiring committee of {company}:", "To the hiring committee:", "Respectfully yours,"),
    "lively": (lively, "Hello everyone at {company}!", "Hello everyone!", "Many thanks,"),
}


def rewritten(writer: str, letter: str, prompt: prompts.Prompt, seed: int) -> str:
    """A letter of the generator as this writer would have sent it."""
    change, named, unnamed, sign_off = WRITERS[writer]
    company, name = prompt.slots.job.company, prompt.slots.profile.name
    pieces = structure.parse(letter, name)
    body = _body(letter, pieces)
    greeting = named.format(company=company) if company else unnamed
    paragraphs = [" ".join(paragraph) for paragraph in change(body, random.Random(seed)) if paragraph]
    return "\n\n".join([greeting, *paragraphs, sign_off + (f"\n{name}" if name else "")])


def _body(letter: str, pieces: structure.Letter) -> list[list[str]]:
    """The sentences of each paragraph, without greeting and sign-off."""
    blocks = [structure.sentences(block) for block in re.split(r"\n\s*\n", letter)]
    own = set(pieces.sentences)
    return [kept for block in blocks if (kept := [sentence for sentence in block if sentence in own])]


def _expanded(sentence: str) -> str:
    for long, short in SHORTER:
        sentence = sentence.replace(short, long)
    return sentence


def _lowered(sentence: str) -> str:
    """A sentence that may stand inside another: its first word loses its capital unless it is "I" or may be a name."""
    first = sentence.split()[0] if sentence else ""
    return sentence[0].lower() + sentence[1:] if first in COMMON else sentence

