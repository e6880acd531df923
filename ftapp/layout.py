"""What pasted pages look like: lines, bullets, wrapped sentences, dates, contact data. Knows no field of any profile."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ftapp import documents
from ftapp.vocabulary import WORK_VERB

_MARKS = "•·▪▫◦●○■□◆❖➢➤►▶✓✔✅☑⮚∙"
BULLET = re.compile(
    rf"^\s*(?:[{_MARKS}*~|>#!\U0001F300-\U0001FAFF✨⭐〓-]+\"?|[–—](?=\s)|[?o](?=\s+[A-Z])|\(?\d{{1,2}}[.)](?=\s|[A-Za-z])|\(?[a-h][.)](?=\s))\s*"
)
_INLINE = re.compile(rf"(?<=\S)\s*[{_MARKS}]\s*(?=\S)")
_LONE = re.compile(rf"^\s*(?:[{_MARKS}*~o–—-]|\d{{1,2}}[.)])\s*$")
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
URL = re.compile(r"(?i)\b(?:https?://|www\.)\S+|\b(?:linkedin|github|twitter|facebook|gitlab)\.com/?\S*")
PHONE = re.compile(
    r"(?<![\w$£€.,])(?:\+\d{1,3}[\s.-]?)?(?:\(\d{2,5}\)[\s.-]?)?\d{2,5}(?:[\s.-]\d{2,8}){1,4}(?![\w%])|(?<!\d)\+?\d{10,13}(?!\d)"
)
_PLACEHOLDER = re.compile(r"\[(?:EMAIL|PHONE|PROFILE_URL|REDACTED|CONTACT|ADDRESS|NAME|ID|URL|DOB|PASSPORT|LOCATION)[A-Z_ ]*\]")
_CONTACT_LABEL = re.compile(
    r"(?i)^(?:(?:e-?\s?mail(?: id| address)?|phone(?: no| number)?|mobile(?: no| number)?|mob|tel(?:ephone)?|cell|contact(?: no| number|"
    r" details| info)?|fax|skype|"
    r"linked\s?in|github|website|web|address|date of birth|d\.?o\.?b|passport(?: no| number)?|marital status|nationality|gender|sex|"
    r"father'?s name|"
    r"religion|pin ?code)\s*(?:\([a-z]\))?\s*[:.–-]|email me on)"
)
# A piece behind one of these is contact data even when the piece itself cannot be recognised.
_CONTACT_PIECE = re.compile(
    r"(?i)\s*[-|,–]?\s*\b(?:e-?mail(?: id| me)?|phone|mobile|tel|linkedin|github|portfolio)\b\s*(?:on indeed)?\s*:.*$"
)

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|"
    r"dec(?:ember)?)"
)
DATE = (
    rf"(?:(?:\d{{1,2}}(?:st|nd|rd|th)?[\s.-]+)?{_MONTH}\b[\s.,'’/-]*(?:\d{{4}}|\d{{2}}\b)|"
    rf"\b(?:\d{{1,2}}[/.])?\d{{1,2}}[/.](?:19|20)\d{{2}}|\b(?:19|20)\d{{2}}\b)"
)
_NOW = r"(?:present|current(?:ly)?|now|today|till\s+(?:date|now|today)|to\s+date|date|ongoing)\b"
RANGE = re.compile(
    rf"(?i)[(\[]?(?:\bfrom\s+)?(?P<start>{DATE})\s*(?:-+|–|—|\bto\b|\buntil\b|\btill\b|\bthrough\b)\s*(?:\bto\b\s*)?(?P<end>{DATE}|"
    rf"{_NOW})[)\]]?"
)
SINCE = re.compile(rf"(?i)\b(?:since|from)\s+(?P<start>{DATE})(?P<end>)")
_DATE = re.compile(f"(?i){DATE}")
MOST_CHARACTERS = 1000  # of one line; longer ones are paragraphs or dumps
LEAST_BROKEN = 3  # lines that surely go on below, before a text is taken to be broken at a width
MOST_WORDS = 18  # of a line that a small model is given; a longer one is cut at a clause
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|eg|ie|etc|vs|Dr|Mr|Mrs|Ms|St|No|Inc|Ltd|Pvt|Co|Jr|Sr|Asst|approx|incl|[A-Z]|[A-Z]\.[A-Z])\.$")


@dataclass(frozen=True)
class Line:
    """One logical line: its text without bullet, whether it had one, whether a blank line stood before it."""

    text: str
    bullet: bool = False
    gap: bool = False

    @property
    def words(self) -> int:
        return len(self.text.split())


def lines(text: str) -> list[Line]:
    """The logical lines of a text: bullets recognised, wrapped sentences joined, contact data taken out."""
    found: list[Line] = []
    gap, waiting = False, False  # waiting: a bullet stood alone and marks the next line
    raws = documents.clean(text).split("\n")
    width, above = _width(raws), ""
    for raw in raws:
        for part in (piece for some in _bounded(raw) for piece in _pieces(some)):
            if not part.strip():
                gap = True
                continue
            if _LONE.match(part):
                waiting = True
                continue
            mark = BULLET.match(part)
            bullet = waiting or bool(mark)
            body = without_contact(part[mark.end() :] if mark else part)
            if not re.search(r"\w", body):
                continue
            full = len(above) + 1 + len(part.split()[0]) > width and not waiting
            if found and not bullet and (_continues(found[-1], part, body, gap) or full and not gap and _goes_on(found[-1], body)):
                glue = "" if re.search(r"[^\W\d_]-$", found[-1].text) else " "
                found[-1] = Line(found[-1].text + glue + body, found[-1].bullet, found[-1].gap)
            else:
                found.append(Line(body, bullet, gap))
            gap, waiting, above = False, False, part.rstrip()
    return found


def _width(raws: list[str]) -> float:
    """The length at which the lines of a text were broken, told by those that surely go on below; endless where few do."""
    pairs = zip(raws, raws[1:], strict=False)
    broken = [len(a.rstrip()) for a, b in pairs if len(a) >= 45 and a.rstrip()[-1] not in ".:;!?" and re.match(r"\s*[a-z]{2}", b)]
    return sorted(broken)[len(broken) // 2] if len(broken) >= LEAST_BROKEN else float("inf")


def _goes_on(before: Line, body: str) -> bool:
    """Whether a line under one that was broken at the page's width is its rest though it begins with a capital: a sentence with a
    name at its start, not a header in Title Case, a line with dates or the next thing done."""
    words = [word for word in body.split() if word[0].isalpha()]
    plain = 2 * sum(word[0].islower() for word in words) > len(words) >= 3
    open_end = before.text[-1] not in ".:;!?" and len(before.text) >= 45
    return open_end and plain and not WORK_VERB.match(body) and not date_range(body)


def _bounded(raw: str) -> list[str]:
    """A physical line in pieces of at most `MOST_CHARACTERS`: at sentences, else at spaces, else anywhere. Every pattern
    then meets short text only, whatever was pasted."""
    if len(raw) <= MOST_CHARACTERS:
        return [raw]
    found = []
    for sentence in clauses(raw):
        while len(sentence) > MOST_CHARACTERS:
            at = sentence.rfind(" ", 1, MOST_CHARACTERS)
            at = at if at > 0 else MOST_CHARACTERS
            found.append(sentence[:at])
            sentence = sentence[at:].lstrip()
        found.append(sentence)
    return found


def _pieces(raw: str) -> list[str]:
    """A physical line, cut where further bullets stand inside it. Middle dots between short pieces are kept:
    they are separators in "Employer · City"."""
    if len(raw) < 120 and (raw.count("·") + raw.count("•") <= 2) and not raw.lstrip().startswith("•"):
        return [raw]
    if not _INLINE.search(raw):
        return [raw]
    first, *rest = _INLINE.split(raw)
    return [first, *("• " + r for r in rest)]


_OPEN = re.compile(r"(?:,|&|/|\b(?:and|or|of|the|a|an|for|in|to|with|by|from|on|at|our|your|their|as|is|are|will|that))$")


def _continues(before: Line, raw: str, body: str, gap: bool) -> bool:
    """Whether a line is the rest of a wrapped sentence: the line before ends openly and this one starts so.
    Over a blank line only the rest of a long bullet is taken: some pages put one after every line."""
    if not gap and before.text.endswith(",") and body[0].islower():
        return True
    if gap and not (before.bullet and len(before.text) > 45 and body[0].islower()):
        return False
    if before.text[-1] in ".:;!?" or len(before.text) < (25 if before.bullet else 45):
        return False
    if re.match(r"[a-z(&]", body) or raw.startswith("    ") and before.bullet:
        return not re.match(r"(?i)(?:www|http)", body)
    return bool(_OPEN.search(before.text))


def without_contact(text: str) -> str:
    """A line without e-mail addresses, telephone numbers, links and their labels; empty if nothing else was in it."""
    text = _PLACEHOLDER.sub("", URL.sub("", EMAIL.sub("", text)))
    kept = PHONE.sub(_unless_phone, text)
    if _CONTACT_LABEL.match(kept.strip(" |,-–")):
        return ""
    kept = _CONTACT_PIECE.sub("", kept)
    return re.sub(r"\s{2,}", "  ", re.sub(r"(?:\s*\|\s*){2,}", " | ", kept)).strip().strip("|").strip()


def _unless_phone(m: re.Match[str]) -> str:
    """Fewer than nine digits are an amount or a date, and "2008 2012 2014" are years."""
    digits = sum(c.isdigit() for c in m.group(0))
    years = all(re.fullmatch(r"(?:19|20)\d\d", number) for number in re.findall(r"\d+", m.group(0)))
    return m.group(0) if digits < 9 or years or RANGE.search(m.group(0)) else ""


def clauses(text: str) -> list[str]:
    """Sentences of a paragraph; also cut where two sentences were glued ("skills.Experience")."""
    cut = re.sub(r"(?<=[a-z)]{2})([.!?])(?=[A-Z][a-z]+\s)", r"\1 ", text)
    found: list[str] = []
    for part in re.split(r"(?<=[a-z0-9)\]%][.!?])\s+(?=[A-Z“\"'(])", cut):
        if found and _ABBREVIATION.search(found[-1]):
            found[-1] += " " + part.strip()
        elif part.strip():
            found.append(part.strip())
    return found


def date_range(text: str) -> tuple[str, str, str] | None:
    """(start, end, text without them) of the first range of dates in a line; end is "present" for any word for now."""
    m = RANGE.search(text) or SINCE.search(text)
    if m is None:
        return None
    end = m.group("end") or "present"
    if not _DATE.match(end):
        end = "present"
    after = re.sub(r"^\s*[·|(]?\s*(?:\d+\s*(?:years?|yrs?|months?|mos?)\.?\s*)+\)?", "", text[m.end() :])  # "(2 years 3 months)"
    rest = f"{text[: m.start()]}  {after}".strip(" ,|-–—:·()\t")
    return _tidy(m.group("start")), _tidy(end), rest


def _tidy(date: str) -> str:
    """A date as a person writes it in a line: no double spaces, month capitalised."""
    date = re.sub(r"\s+", " ", date).strip(" .,")
    return date if date == "present" else date[0].upper() + date[1:].lower() if date.isupper() else date[0].upper() + date[1:]


def one_spaced(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


_OPEN_END = re.compile(
    r"(?i)[\s,]+(?:and|or|and/or|with|of|to|for|in|the|a|an|as|by|on|at|from|is|are|be|to be|both|any|highly|strongly|which|that|its?|"
    r"their|your|our|able|including|must|have|also|when|where|if|who|you|not|including but)$"
)
_STRONG_CUT = re.compile(
    r",?\s+(?=(?:including|such as|in order to|to ensure|so that|while|which|who|as well as|but|in accordance|e\.g|i\.e|ensuring|because|"
    r"where|demonstrat\w+|with a focus)\b)|[;:]\s+|\s+[–—(-]\s*|,\s+"
)
_FIGURE = re.compile(r"\d[\d.,]*")
_WEAK_CUT = re.compile(r"\s+(?=(?:and|or|with|for|by|within|across|through|from|when|using)\s)")


def cut(text: str) -> str:
    """At most `MOST_WORDS` words: cut before the last clause that does not fit, else before a smaller word. Figures are kept where
    they fit: "by 40 %" is worth more than a clean end."""
    text = text.strip(" .,;:")
    if len(text.split()) > MOST_WORDS:
        heads = [text[: m.start()] for pattern in (_STRONG_CUT, _WEAK_CUT) for m in pattern.finditer(text)]
        strong = [h for h in heads[: len(_STRONG_CUT.findall(text))] if 6 <= len(h.split()) <= MOST_WORDS]
        weak = [h for h in heads if 6 <= len(h.split()) <= MOST_WORDS]
        text = max(strong or weak or [text], key=len)
        text = max([text, *weak], key=lambda head: len(_FIGURE.findall(head)))
        listing = re.search(r",?\s+(?:including|such as)\s", text)  # a list of examples that lost its end says less than none
        if listing and len(text[: listing.start()].split()) >= 6:
            text = text[: listing.start()]
    for _ in range(3):
        text = _OPEN_END.sub("", text).strip(" .,;:(-–—/")
    return text if text.count("(") == text.count(")") else re.sub(r"\s*\([^()]*$", "", text)
