"""What is missing from one text or does not belong in it: beginning, end, commas; placeholders, leftovers, talk, a second language.

Looks at one example alone, at its text as it was given. Does not know whether what the text says is true or worth learning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ftapp import cleaning, masking, quality_repair, scripts, structure
from ftapp.quality_items import Finding, Item
from ftapp.quality_sources import Sources, value

LEAST_WORDS = {"cover_letter": 40, "cold_email": 25, "linkedin_message": 8, "answer": 5}  # fewer are no example of the kind
MOST_CHARACTERS = 20_000  # of one example
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_OPENING_AND = re.compile(r"^\W*(?:[,;:)\].]|(?:and|but|which|including|having|with|whose|where|as well as)\b)")
_SUBJECT = re.compile(r"(?i)\b(?:i|i['’]\w+|my|mine|me|we|our|you|your|it|its|this|that|these|there|they|their|he|she|what|who|how|why)\b")
_VERB = re.compile(r"(?i)\b(?:is|are|was|were|am|be|been|has|have|had|do|does|did|will|would|can|could|may|must|should)\b")
_THIS_POST = re.compile(r"(?i)\bthis (?:role|position|post|job|vacancy)\b")
_ENDED = re.compile(r"[.!?…:。！？؟।\"”’'»)\]]$|[\U0001F300-\U0001FAFF☺-⛿✀-➿️]$")
_LOOSE_END = re.compile(
    r"(?i)(?:[,;&(/+–—-]|\b(?:and|or|but|the|an?|to|of|for|with|in|on|at|by|from|as|my|your|our|their|is|are|was|were|have|has|will|that|"
    r"which|who|because|while|i))$"
)
_TAG_END = re.compile(r"(?:[#@][\w-]+|https?://\S+|\[[A-Z_ ]+\])\W*$")
_NAME_LINE = re.compile(r"(?:[^\W\d_a-z][\w.'’-]*[ ]?){1,5}$|\[NAME\]$")
_LINE_SIGN = re.compile(
    r"(?i:\b(?:sincerely|regards|faithfully|truly yours|yours truly|respectfully|best wishes|cheers|thank you|thanks))"
    r"(?:\W+(?:[A-ZÀ-Þ][\w.'’-]*\W*){0,5})?$"
)
_MARKER = re.compile(
    r"""(?xim)
    ^[ \t]*\#{2,}[ \t]*(?:sample|example|instruction|response|input|output|human|assistant|user|system|question|answer|
        cover\ letter|letter|end)\b.*$|
    ^[ \t]*(?:sample|example|cover\ letter|letter|item|row|record)\s*(?:\#|no\.?\s*)?\d+\s*[:.)-].*$|
    ^[ \t]*(?:human|assistant|user|system|instruction|response|prompt|completion|input|output|(?:your\ )?answer)\s*:.*$|
    \[/?INST\]|<</?SYS>>|</?s>|<\|[\w/]+\|>|<(?:start|end)_of_turn>|<end>|<eos>|<pad>|<unk>|\[/?(?:PAD|CLS|SEP|EOS)\]|
    \b(?:user|applicant|candidate)\ details\s*:|\bend\ of\ (?:letter|sample|document|file)\b|\blorem\ ipsum\b|
    </?(?:p|br|div|span|b|i|strong|em|ul|ol|li|h\d|table|tr|td|a|html|body)\b[^<>]*>|&(?:amp|nbsp|lt|gt|quot|\#\d+);|
    (?<!\\)\\[nrt](?=[\sA-Z\\]|$)|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|
    \{\s*['"](?:role|content|prompt|completion|text|messages|instruction)['"]\s*:|\|\|\||^[ \t]*`{3}.*$|^[ \t]*[-=*_\#]{5,}\s*$
    """
)
# A label that belongs before another field than the one it stands in.
_LABELS = {
    "past": r"past\ (?:working|work)\ experience|previous\ experience", "current": r"current\ (?:working|work)\ experience",
    "skills": r"skill\ ?sets?", "company": r"hiring\ company", "applicant": r"applicant(?:'s)?\ name", "title": r"job\ title",
    "preferred": r"(?:job\ )?preferred\ qualifications", "letter": r"cover\ letter", "details": r"(?:user|applicant|candidate)\ details",
}  # fmt: skip
_LABEL = re.compile("(?xi)(?:" + "|".join(rf"(?P<{name}>{words})" for name, words in _LABELS.items()) + r")\s*:")


def look(item: Item, sources: Sources, mended: Item) -> Iterator[Finding]:
    """Findings about the text as it stands. `mended` is the item after `quality_repair.repair`."""
    letter = item.letter.strip()
    count = len(_WORD.findall(letter))
    if count < 3 or letter.casefold() in ("none", "nan", "null", "n/a"):
        yield Finding(item.id, "empty", "There is no text to learn from.", letter[:60], True)
        return
    if len(letter) > MOST_CHARACTERS:
        say = f"{len(letter):,} characters are no single example; several texts, or a whole file, stand in one. It was not read further."
        yield Finding(item.id, "too_long", say, _around(letter, 0, 80), True)
        return
    least = LEAST_WORDS.get(item.kind, 5)
    if len(letter.split()) < least and not scripts.language(letter):
        say = f"{len(letter.split())} words; fewer than {least} are no example of how this person writes a {item.kind.replace('_', ' ')}."
        yield Finding(item.id, "too_short", say, _around(letter, 0, 80), True)
    yield from _start(item, mended.letter.strip(), sources)
    yield from _end(item, mended.letter.strip())
    yield from _marks(item)
    yield from _left_open(item, sources)
    yield from _leftovers(mended)
    yield from _talk(item)
    yield from _languages(item)


# --- beginning and end ---------------------------------------------------------------------------------------------------


def _start(item: Item, letter: str, sources: Sources) -> Iterator[Finding]:
    reason = _cut_start(letter, item.kind, sources)
    if reason:
        yield Finding(item.id, "cut_start", f"{reason} A model would learn to begin in the middle.", _around(letter, 0, 80), True)


def _cut_start(letter: str, kind: str, sources: Sources) -> str:
    capitals = any(c.isupper() for c in letter)
    if capitals and re.match(r"[^\w#@]*[a-zà-ÿ](?![A-Z])", letter) and not re.match(r"(?i)\W*(?:https?|www|www\.)", letter):
        first = letter.split()[0]
        if not re.search(r"[A-Z]|\d", first):
            return "The text begins with a small letter, inside a sentence."
    if _OPENING_AND.match(letter[:1]):
        return "The text begins with a sign that stands inside sentences."
    if kind not in ("cover_letter", "cold_email") or structure.opens(letter.splitlines()[0]):
        return ""
    first = (structure.sentences(letter) or [""])[0]
    if _only_names(first, sources):
        return "The text begins with the rest of a list; the words before it are missing."
    if _THIS_POST.search(first) and not _says_which(first, sources):
        return "The first sentence speaks of “this” job before any was named: what stood before it is missing."
    return ""


def _only_names(first: str, sources: Sources) -> bool:
    """Whether a first sentence is the tail of a list: nobody acts in it, and what it lists are skills or names."""
    before_verb = _VERB.split(first)[0]
    if _SUBJECT.search(before_verb if _VERB.search(first) else first) or re.search(r"[?!]$", first):
        return False
    listed = re.split(r",|\s(?:and|or|&)\s", before_verb.rstrip(" ."))
    listed = [part.strip() for part in listed if part.strip() and part.strip() != "and"]
    own = " ".join([*sources.profile.skills, *sources.told, *sources.asked]).casefold()
    known = sum(part.casefold() in own or bool(re.fullmatch(r"(?:[A-Z][\w+#.]*\s?)+", part)) for part in listed)
    short = all(len(part.split()) <= 4 for part in listed)
    tail = bool(_VERB.search(first)) and bool(re.search(r"\band\s*$", before_verb))  # "... and have experience in ..."
    return bool(listed) and short and known == len(listed) and (tail or (not _VERB.search(first) and len(listed) > 1))


def _says_which(first: str, sources: Sources) -> bool:
    named = [name for name in (sources.job.title, sources.job.company) if name]
    return any(re.search(rf"(?i)(?<!\w){re.escape(name)}(?!\w)", first) for name in named)


def _end(item: Item, letter: str) -> Iterator[Finding]:
    last_line = letter.splitlines()[-1].strip()
    pieces = structure.parse(letter, value(item, "applicant"))
    body = pieces.sentences[-1] if pieces.sentences and not pieces.sign_off else ""
    if not body or _TAG_END.search(last_line) or _LINE_SIGN.search(last_line) or scripts.language(letter):
        return
    paragraphs = [line for line in letter.splitlines() if line.strip()]
    if len(paragraphs) > 1 and _NAME_LINE.fullmatch(last_line):
        return  # a name under the text
    if len(paragraphs) > 1 and last_line.endswith(",") and len(last_line.split()) <= 3:
        return  # a closing that nobody signed
    loose, ended = _LOOSE_END.search(last_line), _ENDED.search(last_line)
    listed = bool(re.match(r"\s*(?:[-*•]|\d+[.)])\s", last_line))
    if loose and not ended or not ended and not listed and len(body.split()) > 3:
        reason = "The last sentence has no end. A model would learn to stop in the middle."
        yield Finding(item.id, "cut_end", reason, _around(letter, max(0, len(letter) - 80), len(letter)), True)


# --- marks, placeholders, leftovers --------------------------------------------------------------------------------------


def _marks(item: Item) -> Iterator[Finding]:
    """Commas that became blanks. Hyphens that vanished are only mended."""
    gaps = quality_repair.gaps(item.letter)
    commas = item.letter.count(",")
    if gaps and (not commas or len(gaps) >= 3 and len(gaps) > 2 * commas):
        after = quality_repair.with_commas(item.letter)
        say = f"{len(gaps)} commas are lost: two blanks stand in their place. " + (
            "Take the repaired text." if after != item.letter else "Correct it where you keep it, and bring it again."
        )
        at = gaps[0].start()
        yield Finding(item.id, "lost_marks", say, _around(item.letter, at - 30, at + 40), True, after if after != item.letter else None)


def _left_open(item: Item, sources: Sources) -> Iterator[Finding]:
    cleaned = cleaning.clean(item.letter, sources.job, sources.profile)
    own = (masking.NAME, masking.MAIL, masking.PHONE, masking.ADDRESS, masking.LINK, masking.FOLDER, "[PROFILE_URL]", "[REDACTED]")
    marked = [cleaned.text[f.start : f.end] for f in cleaned.flags if f.kind == "placeholder"]
    found = [text for text in marked if text.upper() not in own]
    if found:
        reason = f"{_times(len(found), 'placeholder')} left open. A model would learn to write it."
        yield Finding(item.id, "placeholder", reason, found[0], True)


def _leftovers(item: Item) -> Iterator[Finding]:
    if m := _MARKER.search(item.letter):
        reason = "The text holds something of the file or prompt that it came from. A model would learn to write it."
        yield Finding(item.id, "marker", reason, _around(item.letter, m.start(), m.end() + 20), True)
    for name in item.fields:
        text = value(item, name)
        wrong = next((m for m in _LABEL.finditer(text) if m.lastgroup != name), None) or _MARKER.search(text)
        if wrong:
            reason = f"The field {name!r} holds a label of another field: its columns slipped, and the brief would be wrong."
            yield Finding(item.id, "marker", reason, _around(text, wrong.start() - 10, wrong.end() + 30), True, field=name)


def _talk(item: Item) -> Iterator[Finding]:
    text, stripped = cleaning.strip(item.letter)
    pieces = [s for s in stripped if s.text]
    if pieces and item.kind != "answer":
        reason = "Words to the person stand around the text, as an assistant writes them; they are no part of it. Take the repaired text."
        yield Finding(item.id, "talk", reason, _around(pieces[0].text, 0, 80), True, text)


_TAKEN = {
    "talk": "Words to the person stood around the text, as an assistant writes them; they were taken away.",
    "lost_marks": "Commas were put where two blanks stood in their place. Read it once.",
}


def take(item: Item) -> tuple[str, list[Finding]]:
    """The letter with every repair that a finding offers the person, and what was done."""
    done: list[Finding] = []
    for rule in (_talk, _marks):
        for offer in rule(item):
            if offer.repaired is not None:
                item = replace(item, letter=offer.repaired)
                done.append(replace(offer, reason=_TAKEN[offer.code], quarantine=False))
    return item.letter, done


def _languages(item: Item) -> Iterator[Finding]:
    told = [(scripts.of_sentence(s), s) for s in structure.sentences(item.letter)]
    told = [(name, s) for name, s in told if name]
    counts: dict[str, int] = {}
    for name, s in told:
        counts[name] = counts.get(name, 0) + len(s.split())
    main = max(counts, key=lambda name: counts[name], default="")
    other = [(name, s) for name, s in told if name != main]
    if other and (len(other) > 1 or counts[other[0][0]] >= 8):
        reason = f"Most of it is {main}, {_times(len(other), 'sentence')} {other[0][0]}. A model would learn to change language."
        yield Finding(item.id, "mixed_language", reason, other[0][1][:120], True)


def _around(text: str, start: int, end: int) -> str:
    """text[start:end] at word borders, on one line."""
    start, end = max(0, start), min(len(text), end)
    start = text.rfind(" ", 0, start) + 1
    if end < len(text):
        end = max(text.rfind(" ", start, end), start + 1) if " " in text[start:end] else end
    return re.sub(r"\s*\n\s*", " / ", text[start:end].strip())


def _times(count: int, noun: str) -> str:
    return f"{count} {noun}{'s are' if count != 1 else ' is'}" if noun == "placeholder" else f"{count} {noun}{'s' if count != 1 else ''}"
