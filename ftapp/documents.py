"""Pasted text -> clean text and warnings. Knows nothing of what a posting or a résumé says.

Text arrives with what copying and pasting did to it: UTF-8 that was read as Windows-1252 ("â€¢"), HTML entities,
ligatures, invisible and control characters, four kinds of line break. `read_text` mends what can be mended without
guessing and says in words what it changed. It never removes a visible word.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass

from ftapp import scripts
from ftapp.errors import UserError

MOST_CHARACTERS = 200_000  # about 60 pages; a longer paste is a whole website or a mistake
MOST_FLAGGED = 5
_PARSED = ("posting", "résumé")  # texts that become fields; nothing is read out of others

# UTF-8 bytes of common punctuation, accented letters and emoji as they look when read as Windows-1252 or Latin-1:
# a lead byte (Â Ã â ð, and ï of ligatures) and then only characters that those code pages give to continuation bytes.
_TAIL = "[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹Œ\u017d‘’“”•–—˜™š›œ\u017eŸ]"
_MOJIBAKE = re.compile(f"[ÂÃ]{_TAIL}|[âï]{_TAIL}{{2}}|ð{_TAIL}{{3}}")
_BROKEN_BULLET = re.compile(r"(?<![^\W\d_])(?:â¢|â€¢)(?![^\W\d_])")  # the middle byte is lost in many collections
_ENTITY = re.compile(
    r"&(?:amp|lt|gt|quot|apos|nbsp|bull|middot|ndash|mdash|[lr]squo|[lr]dquo|hellip|pound|euro|#\d{2,6}|#x[0-9a-fA-F]{2,6});"
)
_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_LIGATURES = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}
_SYMBOL_BULLETS = {code: "•" for code in (0xF0A7, 0xF0B7, 0xF0D8, 0xF0FC, 0xF076, 0xF06C, 0xF06E, 0xF0A8)}  # word processors' symbol fonts
_KEPT_FORMAT = "\u200c\u200d"  # joiners: several scripts cannot be written without them
_INSTRUCTION = re.compile(
    r"(?i)\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:previous|above|prior|earlier|all|your)\b.{0,30}\b(?:instruction|prompt|"
    r"rule|direction)"
    r"|\byou are now\b.{0,40}\b(?:assistant|model|ai|bot|system)\b|\bsystem prompt\b|\b(?:as|to) an? (?:ai|language) model\b"
    r"|<\|?(?:system|assistant|user|im_start|im_end|end)\|?>|^\s*(?:system|assistant)\s*:\s"
)
_PRYING = re.compile(r"(?i)\b(?:reveal|print|repeat|output|show|leak|tell|obey)\b.{0,30}\bsystem prompt\b")


@dataclass(frozen=True)
class PlainText:
    """Text ready for parsing, with one sentence for each thing a person should know about it."""

    text: str
    warnings: tuple[str, ...] = ()


def read_text(pasted: str, what: str = "text") -> PlainText:
    """Clean a pasted text. `what` names it in sentences ("posting", "résumé").

    Raises UserError when it is longer than `MOST_CHARACTERS`. An empty text stays empty.
    """
    if len(pasted) > MOST_CHARACTERS:
        raise UserError(
            f"The {what} has {len(pasted):,} characters; ftapp reads up to {MOST_CHARACTERS:,}. Something more than one "
            f"{what} was pasted. Paste only the part that matters."
        )
    mended, repairs = mend(pasted)
    text, hidden = _visible(mended)
    warnings = []
    if repairs:
        warnings.append(f"{_times(repairs, 'character')} of the {what} had been garbled on the way here and could be restored.")
    if hidden:
        warnings.append(f"{_times(hidden, 'invisible character')} of the {what} could carry hidden instructions and were taken out.")
    lines = [number for number, line in enumerate(text.split("\n"), 1) if _INSTRUCTION.search(line)]
    if lines:
        listed = ", ".join(map(str, lines[:MOST_FLAGGED])) + (" and more" if len(lines) > MOST_FLAGGED else "")
        warnings.append(
            f"Line {listed} of the {what} speaks to a machine rather than to a reader. Read the letter with care or delete the line."
        )
    if what in _PARSED and (language := scripts.language(text)):
        warnings.append(
            f"The {what} seems to be written in {language}. The rules that read it know English headings and words, so what it says may "
            "be missing below or in the wrong place. Look through what was understood and fill in the rest, or paste it in English."
        )
    return PlainText(text, tuple(warnings))


def clean(pasted: str) -> str:
    """`read_text` for callers that need the text only; doing it twice changes nothing."""
    return _visible(mend(pasted)[0])[0]


def mend(text: str) -> tuple[str, int]:
    """Undo UTF-8 read as Windows-1252, once or twice over, and HTML entities. Returns the number of repairs.

    Each garbled run is decoded by itself, so correct text around it is never touched and nothing can fail as a whole.
    """
    repairs = 0
    for _ in range(2):
        text, found = _MOJIBAKE.subn(lambda m: _decoded(m.group(0)), text)
        text, entities = _ENTITY.subn(lambda m: html.unescape(m.group(0)), text)
        repairs += found + entities
        if not found + entities:
            break
    text, bullets = _BROKEN_BULLET.subn("•", text)
    return text, repairs + bullets


def _decoded(run: str) -> str:
    """The character that a garbled run stands for, or the run itself when it stands for none."""
    try:
        raw = b"".join(c.encode("latin-1") if ord(c) < 256 else c.encode("cp1252") for c in run)
        return raw.decode("utf-8")
    except UnicodeError:
        return run


def for_readers(line: str) -> str:
    """A line up to the sentence that speaks to a machine; what follows it belongs to the order and goes too. "" when it begins so.

    The name of the thing alone ("wrote the system prompt") is work that a posting may ask for, and stays.
    """
    order = next((m for m in _INSTRUCTION.finditer(line) if m[0].lower() != "system prompt"), None) or _PRYING.search(line)
    return line if order is None else line[: max(line.rfind(end, 0, order.start()) + 1 for end in ".!?;")].strip()


def _visible(text: str) -> tuple[str, int]:
    """Only characters a reader can see, in composed form. Returns how many hidden ones could have carried a message:
    tag characters, zero-width and direction marks, variation selectors beyond the emoji one."""
    text = unicodedata.normalize("NFC", _BREAKS.sub("\n", text)).translate(_LIGATURES | _SYMBOL_BULLETS)
    kept, hidden = [], 0
    for c in text:
        kind = unicodedata.category(c)
        if c in "\n\t" or c in _KEPT_FORMAT:
            kept.append(c)
        elif kind == "Zs":
            kept.append(" ")
        elif kind[0] == "C" or 0xFE00 <= ord(c) <= 0xFE0F or 0xE0100 <= ord(c) <= 0xE01EF:
            hidden += kind == "Cf" and c not in "\u00ad\ufeff" or ord(c) >= 0xE0000
        else:
            kept.append(c)
    lines = (re.sub(r"[ \t]{4,}", "   ", line.rstrip(" \t")) for line in "".join(kept).split("\n"))
    return re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines)).strip("\n"), hidden


def _times(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' if count != 1 else ''}"
