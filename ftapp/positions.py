"""The lines of a résumé's experience section -> positions. Knows nothing of the other sections.

A position is found around its dates ("Mar 2019 - present"), at a label ("Company: X") or at a title line over an
employer line. Which piece is the title is told by words of occupations; the employer is what is left. A piece that
fits neither is dropped: a wrong employer in a letter is worse than a missing one.
"""

from __future__ import annotations

import re

from ftapp import layout
from ftapp.layout import Line, one_spaced
from ftapp.profiles import Experience
from ftapp.vocabulary import OCCUPATION, ORGANISATION, RESUME_HEADINGS, WORK_VERB

MOST_ACHIEVEMENTS = 8  # of each position; prompts.build chooses among them

LABELLED = re.compile(
    r"""(?xi)^(?:
    (?P<title>(?:current\ |last\ )?(?:designation|job\ title|position(?:\ held)?|title|post)|job\ profile|role)|
    (?P<employer>(?:current\ |last\ |present\ )?(?:company|employer|organi[sz]ation|client\ company)(?:\ name)?)|
    (?P<when>duration|period|tenure|from|dates?|worked\ from|time\ period)|
    (?P<skills>key\ skills|skills?|technical\ skills|skill\ set|technologies|tech\ stack|tools)|
    (?P<education>highest\ degree|ug|pg|doctorate|education|degree)|
    (?P<description>description))\s*\.?\s*(?::-?|[–-](?=\s|$)|:)\s*(?P<value>.*)$"""
)
# Labels inside a position that say nothing of what was done.
NOT_DONE = re.compile(
    r"""(?xi)^(?:
    (?:key\ |main\ |roles?\ (?:and|&|/)\ |job\ |my\ |brief\ |company\ )*(?:responsibilit\w+|duties|roles?|achievements?|profile|
        descriptions?|deliverables?|projects?(?:\ (?:name|title|details?|description|handled))?|
        key\ result\ areas?|client(?:\ name)?|environment|technolog(?:y|ies)(?:\ ?/\ ?tools)?|tools?(?:\ used)?|team\ size|duration|
        location|platform|period|type|operating\ system|database|domain|industry|
        reporting\ to|notice\ period|designation|organi[sz]ation|company|title|languages?|framework|software|hardware|skills?|url|website|
        ctc|front\ end|back\ end|server|os|
        technical\ environment|product|module|customer|details|employer|ide)\b
        (?:\ used|\ name|\ names|\ details|\ description)?\s*(?:\W*$|\s*[:–-]+.*)|
    company\ name\W*$|city\s?,?\ state.*|page\ \d+|\d+$|\^.*|project\ .*:.*|worked\ as\ an?\ .{0,40}$|skills?\ .{0,12}:.*)"""
)
_PLACE = r"[A-Z][\w.]+(?:\s[A-Z][\w.]+){0,2}(?:\s*/\s*[A-Z]\w+)*,\s*(?:[A-Z]{2,3}|[A-Z][a-z]+(?:\s[A-Z][a-z]+){0,2})"
PLACE_TAIL = re.compile(rf"\s*(?:[-–—|,(]\s*(?:{_PLACE}|(?i:remote|hybrid|on-?site))\)?)\s*[-–—,]*\s*$")
# "Name   City, Region" or "Name | City, Region": an employer's line even where no word of it says so.
_AT_A_PLACE = re.compile(rf"^[A-Z\d].*?(?:\s{{2,}}|\s+[|·•–—-]\s+)(?:{_PLACE}|(?i:remote|hybrid|on-?site))\W*$")
_NO_EMPLOYER = re.compile(
    r"""(?xi)^(?:company\ name|company|confidential|
    clients?(?:\ ?:.*)?|projects?|present|current|responsib\w+|description.*|location|duration|
    n/?a|none|various|self|months?|years?|environment.*|
    city|state|country|team\ size.*|role.*|full[-\ ]time|part[-\ ]time|contract|remote|internship|permanent|freelance|work|experience|
        skills?|tools?|academic.*|major.*|type.*|\#?\d+\b.*|yours?\ .*|inc|ltd|limited|pvt\.?\ ltd|.*\b(?:since|training)|project\b.*)$"""
)
_SENTENCE = re.compile(r"(?i)(?:worked|working|presently|currently|completed|joined|responsible)\b")
_ASIDE = re.compile(r"(?i)\s*\((?:[^()]*\b(?:yrs?|years?|months?|full|part|contract|remote|client|intern(?:ship)?)\b[^()]*)\)")


_DESCRIBES = re.compile(
    r"(?i)(?:the|this|it|an?|project|client|company|customers?|to|in|my|we|our|there|they|which|team|i (?:am|have)|as an?)\b|"
    r".{0,60}\bis an?\b"
)
_I_DID = re.compile(
    r"(?i)^(?:(?:i|who) (?:was|am|have been|have|had) |i )?(?:currently |also )?(?:been )?(?:(?:mainly |solely |"
    r"primarily )?responsible for (?=\w+ing\b)|involved in (?=\w+ing\b)|(?<=[a-z] )(?=\w+(?:ed|ing)\b))"
)
_PAST = re.compile(r"(?!Experienced|Skilled|Dedicated|Motivated|Detailed|Related|Limited|United)[A-Z][a-z]{2,}ed\s")  # "Filed reports"


def positions(block: list[Line], strict: bool = False) -> list[Experience]:
    """Positions in the order of the text. `strict` (for lines under no experience heading): title and employer both."""
    block = [line for line in block if not re.match(r"(?i)company name\W*$", line.text)]  # a template left unfilled
    heads = _heads(block)
    found: list[Experience] = []
    for n, (_, after, position) in enumerate(heads):
        stop = heads[n + 1][0] if n + 1 < len(heads) else len(block)
        position.achievements = achievements(block[after:stop])
        if position.title and position.employer or not strict and (position.title or position.employer):
            found.append(position)
    return _merged(found)


def _merged(found: list[Experience]) -> list[Experience]:
    """One position for a header that stands twice ("company - X" again and again, or with and without its dates)."""
    kept: list[Experience] = []
    for position in found:
        same = next((k for k in kept if k.employer and k.employer.lower() == position.employer.lower()
                     and (not position.title or not k.title or k.title.lower() == position.title.lower())
                     and (not position.start or not k.start or k.start == position.start)), None)  # fmt: skip
        if same is None:
            kept.append(position)
            continue
        same.title, same.start, same.end = same.title or position.title, same.start or position.start, same.end or position.end
        same.achievements = list(dict.fromkeys(same.achievements + position.achievements))[:MOST_ACHIEVEMENTS]
    return kept


def _heads(block: list[Line]) -> list[tuple[int, int, Experience]]:
    """(first line, line after the last, position) of each header; lines between headers belong to the one above."""
    heads: list[tuple[int, int, Experience]] = []
    used = 0
    for i, line in enumerate(block):
        if i < used:
            continue
        head = _labelled_head(block, i)
        if not head:
            dated = layout.date_range(line.text) if line.words <= 22 else None
            named = dated and len(dated[2].split()) <= 12 and (OCCUPATION.search(dated[2]) or ORGANISATION.search(dated[2]))
            if dated and heads and i == heads[-1][1] and not named and dated[0][-4:] == heads[-1][2].start[-4:]:
                heads[-1] = (heads[-1][0], i + 1, heads[-1][2])  # the same dates once more, in other words
                used = i + 1
                continue
            if dated and (named or not line.bullet or not dated[2]) and not NOT_DONE.match(line.text):
                head = _dated_head(block, i, used, dated)
            elif not dated:
                head = _undated_head(block, i, used)
        if head:
            heads.append(head)
            used = head[1]
    return heads


def _labelled_head(block: list[Line], i: int) -> tuple[int, int, Experience] | None:
    """"company - X" / "Company: X" with its designation and period on the lines below."""
    m = LABELLED.match(block[i].text)
    if not m or not m.group("employer"):
        return None
    position = Experience(employer=employer(m.group("value")))
    after = i + 1
    for j in range(i + 1, min(i + 8, len(block))):
        label = LABELLED.match(block[j].text)
        if label and label.group("employer"):
            break
        if label and label.group("description"):
            label = LABELLED.match(label.group("value"))
        if label and label.group("title") and not position.title and len(label.group("value").split()) <= 8:
            position.title = role(label.group("value"))
            after = j + 1
        elif label and label.group("when") and (dated := layout.date_range(label.group("value"))):
            position.start, position.end = dated[:2]
            after = j + 1
    return (i, after, position) if position.employer else None


def _fits(line: Line) -> bool:
    """Whether a line may belong to a position's header: short, no bullet, no sentence, no label."""
    plain = not line.bullet and line.words <= 12 and line.text[-1] not in ".;:!?"
    return plain and not NOT_DONE.match(line.text) and not is_heading(line.text)


def _names(line: Line) -> bool:
    """Whether a bullet line is a header all the same: some pages put a bullet before each position."""
    return line.words <= 12 and len(parts(line.text)) >= 2 and bool(OCCUPATION.search(line.text)) and not NOT_DONE.match(line.text)


def _dated_head(block: list[Line], i: int, used: int, dated: tuple[str, str, str]) -> tuple[int, int, Experience] | None:
    """A header around a line with dates: what stands beside them, up to two lines above, or the line below."""
    start, end, rest = dated
    position = Experience(start=start, end=end)
    first, after = i, i + 1
    _assign(position, parts(rest) if len(rest.split()) <= 14 else [])
    if not (position.title and position.employer) and i - 1 >= used and (_fits(block[i - 1]) or not rest and _names(block[i - 1])):
        near = [i - 1]
        if i - 2 >= used and _fits(block[i - 2]) and _header_above(block, i, used):
            near.insert(0, i - 2)
        _assign(position, [part for j in near for part in parts(block[j].text)])
        far = block[near[0]].text
        if len(near) == 2 and not position.title and not ORGANISATION.search(far) and not _SENTENCE.match(far):
            position.title = role(far)  # title, employer and dates on three lines
            position.employer = next((name for p in parts(block[i - 1].text) if (name := employer(p))), "")
        if position.title or position.employer:
            first = near[0]
    next_dates = any(layout.date_range(line.text) for line in block[i + 2 : i + 4])  # then the line below belongs to the next position
    below = block[i + 1] if i + 1 < len(block) and not next_dates else None
    if below and not (position.title and position.employer) and _fits(below) and below.words <= 9 and not layout.date_range(below.text):
        wanted = OCCUPATION if not position.title else ORGANISATION
        placed = position.title and _AT_A_PLACE.match(below.text) and not WORK_VERB.match(below.text)
        if placed or any(wanted.search(part) for part in parts(below.text)):
            _assign(position, parts(below.text))
            after = i + 2
    return (first, after, position) if position.title or position.employer else None


def _header_above(block: list[Line], i: int, used: int) -> bool:
    """Whether the line two above the dates is a header line too, not the end of the position before it."""
    far, near = block[i - 2], block[i - 1]
    if OCCUPATION.search(far.text) and not OCCUPATION.search(near.text):
        return far.words <= 9
    named = OCCUPATION.search(far.text) or ORGANISATION.search(far.text)
    return bool(far.gap or i - 2 == used or named) and len(parts(near.text)) < 2 and far.words <= 9


def _undated_head(block: list[Line], i: int, used: int) -> tuple[int, int, Experience] | None:
    """A header without dates: a title line over an employer line, or both in one line; only after a blank line."""
    line = block[i]
    if not _fits(line) or not (line.gap or i == 0) or line.words > 9:
        return None
    if any(layout.date_range(block[j].text) for j in range(i + 1, min(i + 3, len(block))) if _fits(block[j])):
        return None  # the header of those dates
    position = Experience()
    if len(parts(line.text)) >= 2 and OCCUPATION.search(line.text) and re.search(r"\s[-–—|]\s|\bat\b|\bas\b", line.text):
        _assign(position, parts(line.text))
        return (i, i + 1, position) if position.title and position.employer else None
    below = block[i + 1] if i + 1 < len(block) else None
    if (below and OCCUPATION.search(line.text) and below.gap and _fits(below) and below.words <= 7
            and not OCCUPATION.search(below.text) and below.text[0].isupper()):  # fmt: skip
        _assign(position, parts(line.text) + parts(below.text))
        return (i, i + 2, position) if position.title and position.employer else None
    return None


def without_place(text: str) -> str:
    """A line without the place at its end; "LA, Lead Accountant" looks like one and is none."""
    tail = PLACE_TAIL.search(text)
    return text[: tail.start()] if tail and not OCCUPATION.search(tail[0]) else text


def parts(text: str) -> list[str]:
    """The pieces of a header line: title, employer, place, in whatever order and with whatever between them."""
    text = re.sub(r"[\"“”]", "", without_place(text.strip(" -–—|,")))
    pieces = re.split(r"\s+[|•·@]\s*|\s+[-–—]+\s+|\s{2,}|\t|(?<=\w)[–—](?=\s)", _ASIDE.sub("", text))
    found: list[str] = []
    for piece in pieces:
        legal = re.match(rf"^(.*?\b(?:Ltd|Limited|Inc|LLC|LLP|GmbH|PLC)\b\.?),?\s+(?=\w)(.*{OCCUPATION.pattern[4:]}.*)$", piece)
        if legal:
            found.extend(legal.groups()[:2])
            continue
        for wide in re.split(r",?\s+(?:as an?|as|at|with)\s+(?=[A-Z])", piece):
            halves = re.split(r",\s+(?!(?:Inc|LLC|Ltd|LLP)\b)", wide)
            named = [bool(OCCUPATION.search(h)) for h in halves]
            found.extend(halves if len(halves) > 1 and any(named) and not all(named) else [wide])
    return [p.strip(" ,-–—|") for p in found if re.search(r"[^\W\d_]{2}", p)]


def _assign(position: Experience, pieces: list[str]) -> None:
    """Give each piece to the empty field it fits: words of occupations to the title, the rest to the employer."""
    free = [p for p in pieces if not _NO_EMPLOYER.match(p) and not _SENTENCE.match(p)]
    free = [p for p in free if ORGANISATION.search(p) or not re.match(rf"^{_PLACE}$", p)]
    if not position.title:
        named = sorted((p for p in free if OCCUPATION.search(p) and len(p.split()) <= 9), key=lambda p: bool(ORGANISATION.search(p)))
        if named:
            position.title = role(named[0])
            inside = re.search(r"\s(?:in|at|of|for|@)\s+([A-Z].*)$", named[0])
            if inside and not position.employer and ORGANISATION.search(inside.group(1)):
                position.employer = employer(inside.group(1))
            free.remove(named[0])
    if not position.employer:
        position.employer = next((name for p in free if (name := employer(p)) and (ORGANISATION.search(p) or not OCCUPATION.search(p))), "")


def role(text: str) -> str:
    """A role without the employer behind it, quotes and a bracket left open. All capitals become title case."""
    text = one_spaced(re.sub(r"(?<=\()\s+|^\w+:\s+|^(?:as|an?)\s+(?=\S)", "", text.strip(" \"“”'"), flags=re.IGNORECASE))
    before = re.split(r"\s+[-–—|@]\s+|\s+(?:at|in|with|for)\s+(?=[A-Z])", text)[0]
    text = (before if OCCUPATION.search(before) else text).strip(" .,;:-–—|\"“”")
    text = text if text.count("(") == text.count(")") else re.sub(r"\s*\([^()]*$", "", text)
    return " ".join(w if len(w) <= 3 else w.capitalize() for w in text.split()) if text.isupper() and len(text) > 6 else text


def employer(text: str) -> str:
    """An employer's name without place and sentence; "" when the piece is surely none."""
    text = one_spaced(without_place(text.strip(" -–—|,.:;\"“”")))
    text = re.sub(r"\s*\((?![A-Z]{2,6}\))[^)]*\)?$|^\d+[.)]\s+", "", text)
    before, _, place = text.rpartition(", ")  # "Employer, City"
    if before and ORGANISATION.search(before) and not ORGANISATION.search(place) and re.match(r"[A-Z][\w. ]+$", place):
        text = before
    text = re.sub(r"^(?:at|in|with|for|the company|worked (?:at|in|with|for|as))\s+", "", text, flags=re.IGNORECASE).strip(" ,.:;-–—")
    lower = text[:1].islower() and not ORGANISATION.search(text) and not re.match(r"[a-z]+[A-Z\d]", text)
    if not re.search(r"[^\W\d_]{2}", text) or len(text.split()) > 8 or lower or _NO_EMPLOYER.match(text):
        return ""
    return text


def achievements(block: list[Line]) -> list[str]:
    """What a person did in a position: bullets and short sentences, without labels and page furniture.

    Lines that begin with what was done come alone when there are two of them: the others describe employers and projects.
    """
    done: list[str] = []
    said: list[str] = []
    for line in block:
        text = re.sub(r"(?i)^description\s*[-:]\s*", "", line.text)
        if NOT_DONE.match(text) or is_heading(text):
            continue
        for sentence in layout.clauses(layout.BULLET.sub("", text)):
            item = one_spaced(sentence).rstrip(" .,;:•*-–—►").lstrip(" ,;:•*-–—►")
            item = re.sub(r"\.\s\d+$", "", _I_DID.sub("", item))  # the number of the next point
            if 3 <= len(item.split()) <= 45 and re.search(r"[a-z]{2}", item) and not layout.date_range(item):
                item = layout.cut(item)
                deed = WORK_VERB.match(item) or line.bullet and _PAST.match(item)
                (done if deed else said).append(item[:1].upper() + item[1:] if item[:1].islower() else item)
    said = [s for s in said if not _DESCRIBES.match(s)]
    return list(dict.fromkeys(done if len(done) >= 2 else done + said))[:MOST_ACHIEVEMENTS]


def is_heading(text: str) -> str | None:
    """The kind of section that a résumé's heading opens; None for other lines."""
    bare = re.sub(r"^[\d.)#*\s=_-]+|[:*\s=_.–-]+$", "", text)
    if not bare or len(bare.split()) > 7:
        return None
    return next((kind for kind, pattern in RESUME_HEADINGS if pattern.match(bare)), None)
