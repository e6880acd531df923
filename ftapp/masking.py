"""Personal data out of a text: what a résumé says of its owner, and what looks like contact data. Pure; knows no row and no file.

A mask is a word in brackets ([NAME], [EMAIL], [PHONE], [ADDRESS], [LINK]). Masking a masked text changes nothing, so that what was
exported, imported and exported again stays the same. What no pattern can know stays: read a file before you publish it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ftapp.layout import EMAIL, URL

NAME, MAIL, PHONE, ADDRESS, LINK, FOLDER = "[NAME]", "[EMAIL]", "[PHONE]", "[ADDRESS]", "[LINK]", "[FOLDER]"
MOST_NAMES = 200  # words that are looked for in each text
_TITLES = frozenset("dr mr mrs ms miss mx prof sir jr sr phd mba msc bsc md cpa rn von van der den de la le du di da bin ibn al el".split())
_MEANS_MORE = 3  # letters: a shorter part of a name is masked only beside another part

# At least two groups, or one long one; dates, years and thousands are sorted out afterwards.
_DIGITS = re.compile(r"(?<![\w$£€#.,/-])(?:\+|00)?\(?\d[\d\s().\-/–]{5,22}\d(?![\w%])")
_DATED = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d\s*[-–/.\s]\s*(?:19|20)\d\d|(?:19|20)\d\d[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.](?:19|20)\d\d|"
    r"\d\d?[/.](?:19|20)\d\d|\d{4} [-–] \d{4})(?!\d)|^\d\d?[/.]\d\d?[/.]\d\d$"
)
_THOUSANDS = re.compile(r"\d{1,3}(?:[ .,]\d{3})+")
_MONEY_AHEAD = re.compile(r"(?i)(?:\b(?:usd|eur|gbp|chf|isbn|id|no\.?|nr\.?)\s*)$")

_WAY = (
    r"(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|boulevard|blvd|court|ct|close|crescent|square|sq|place|pl|terrace|way|parkway|"
    r"pkwy|highway|hwy|gardens|row|mews)"
)
_ROMANCE = r"(?:rue|avenue|boulevard|via|calle|rua|plaza|piazza)"
_ROMANCE_NAME = r"(?:(?:de|du|des|della|del|la|le|di|do|da)[ ]+)*[A-Z][\w'’-]+(?:[ ]+[A-Z][\w'’-]+){0,2}"
_ADDRESSES = re.compile(
    rf"(?:\b(?:(?i:flat|apt\.?|apartment|unit|suite)[ ]?\w{{1,4}},?[ ]+)?(?!(?:19|20)\d\d\b)\d{{1,5}}[a-z]?,?[ ]+"
    rf"(?:[A-Z][\w'’.-]*[ ]+){{1,4}}(?i:{_WAY})\b\.?"
    r"|\b[A-ZÄÖÜ][\w.-]*(?:straße|strasse|str\.|weg|gasse|platz|allee|laan|straat)[ ]+\d{1,4}\s?[a-z]?\b"
    rf"|\b\d{{1,4}},?[ ]+{_ROMANCE}[ ]+{_ROMANCE_NAME}|\b(?i:{_ROMANCE})[ ]+{_ROMANCE_NAME},?[ ]+\d{{1,4}}\b"
    r"|\bP\.?[ ]?O\.?[ ]+Box[ ]+\d+)"
    r"(?:,?[ \t]+(?:[A-Z][\w'’-]+,?[ \t]+){0,2}(?:[A-Z]{1,2}\d[A-Z\d]?[ \t]?\d[A-Z]{2}|[A-Z]{2}[ \t]+\d{5}(?:-\d{4})?|\d{5})\b)?",
    re.MULTILINE,
)
_POSTCODE = re.compile(
    r"\b[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}\b|\b[A-Z][a-z]+(?: [A-Z][a-z]+)?,\s[A-Z]{2}\s+\d{5}(?:-\d{4})?\b"
)
_LABELLED = re.compile(r"(?im)^((?:home |postal |mailing )?address\s*:[ \t]*)(?!\[)(\S.*)$")
_HOME = re.compile(r"(?:/(?:home|Users)/|[A-Za-z]:\\Users\\)[^\s/\\]+(?:[/\\][^\s\"']*)?")

_PERSON = r"(?:[A-ZÀ-ÞŁŚŻŠŽČ][\w'’.-]*)"
_SALUTED = re.compile(rf"\b((?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herr|Frau|Monsieur|Madame)\b\.?[ \t]+){_PERSON}(?:[ \t]+{_PERSON}){{0,2}}(?<![.])")
_SIGNED = re.compile(
    rf"((?:\b[Rr]egards|\b[Ss]incerely|\b[Ff]aithfully|\b[Tt]ruly|[Bb]est(?: wishes)?|\b[Tt]hank you|\b[Tt]hanks|\b[Cc]heers|\b[Yy]ours|"
    rf"\b[Ww]armly|\b[Cc]ordially|\bGrüßen|\bGrüße|\bcordialement),?[ \t]*\n\s*){_PERSON}(?:[ \t]+{_PERSON}){{0,3}}[ \t]*(?=\n|$)"
)
_OWN_LINE = re.compile(r"(?m)^(name:[ \t]*\n?)(?!\[)(\S.*)$")  # as prompts.build writes it
_AGAIN = re.compile(r"\[NAME\](?:[ \t'-]\[NAME\])+")


class Mask:
    """Masks texts of one owner. `names` are whole names, `texts` are résumés whose contact data is looked for by its letters too."""

    def __init__(self, names: Iterable[str] = (), texts: Iterable[str] = ()) -> None:
        parts = dict.fromkeys(part for name in names for part in _parts(name))
        self._names = _any_of(list(parts)[:MOST_NAMES])
        self._literal = _literally(dict.fromkeys(found for text in texts for found in contacts(text)))

    def __call__(self, text: str) -> str:
        """The text with masks in the place of personal data."""
        if "@" in text:
            text = EMAIL.sub(MAIL, text)
        if "." in text:
            text = URL.sub(_link, text)
        if self._literal:
            text = self._literal.sub(_kind_of, text)
        text = _HOME.sub(FOLDER, text)
        text = _DIGITS.sub(_unless_number, text)
        text = _POSTCODE.sub(ADDRESS, _ADDRESSES.sub(ADDRESS, text))
        text = _LABELLED.sub(rf"\1{ADDRESS}", text)
        text = _OWN_LINE.sub(rf"\1{NAME}", text)
        text = _SALUTED.sub(rf"\1{NAME}", text)
        text = _SIGNED.sub(rf"\1{NAME}", text)
        if self._names:
            text = self._names.sub(_name, text)
        return _AGAIN.sub(NAME, text)

    def everything(self, value: Any) -> Any:
        """The same for every string inside lists and dictionaries; their keys stay."""
        return through(value, self)


def through(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with every string in it changed, at any depth."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: through(inner, change) for key, inner in value.items()}
    return [through(inner, change) for inner in value] if isinstance(value, list | tuple) else value


def contacts(text: str) -> list[str]:
    """E-mail addresses, links, telephone numbers and addresses that stand in a résumé, longest first."""
    phones = [m.group().strip() for m in _DIGITS.finditer(text) if _unless_number(m) == PHONE]
    places = [m.group().strip() for pattern in (_ADDRESSES, _POSTCODE) for m in pattern.finditer(text)]
    places += [m.group(2).strip() for m in _LABELLED.finditer(text)]
    found = [*EMAIL.findall(text), *(link.rstrip(".,;)") for link in URL.findall(text)), *phones, *places]
    return sorted({one for one in found if len(one) >= 6}, key=len, reverse=True)


def _parts(name: str) -> list[str]:
    """A whole name and its parts: `Dr. Ana-Lia de Oz` -> Ana-Lia, Ana, Lia, Oz; titles, particles and initials do not count."""
    words = [w.strip(".,'’\"()") for w in name.split()]
    own = [w for w in words if len(w) > 1 and w.casefold() not in _TITLES and not w.startswith("[") and any(map(str.isalpha, w))]
    return [*own, *(piece for word in own if "-" in word for piece in word.split("-") if len(piece) > 1)]


def _any_of(parts: list[str]) -> re.Pattern[str] | None:
    """Parts as they are written and in capitals; small, or shorter than three letters, only beside another part of a name."""
    if not parts:
        return None
    spelled = {form for part in parts for form in (part, part.upper(), part.capitalize())}
    alone = "|".join(map(re.escape, sorted((s for s in spelled if len(s) >= _MEANS_MORE), key=len, reverse=True)))
    every = "|".join(map(re.escape, sorted({f for part in parts for f in (part, part.lower(), part.upper())}, key=len, reverse=True)))
    together = rf"(?<![\w\[])(?:{every})(?:[ \t]+(?:\w\.?[ \t]+)?(?:{every}))+(?!\w)"
    return re.compile(together + (rf"|(?<![\w\[])(?:{alone})(?![\w\]])" if alone else ""))


def _literally(found: Iterable[str]) -> re.Pattern[str] | None:
    one = "|".join(map(re.escape, found))
    return re.compile(rf"(?<!\w)(?:{one})(?!\w)") if one else None


def _name(m: re.Match[str]) -> str:
    return NAME


def _link(m: re.Match[str]) -> str:
    """The sign that ends the sentence is no part of a link."""
    whole = m.group()
    return LINK + whole[len(whole.rstrip(".,;:!?)\"'")) :]


def _kind_of(m: re.Match[str]) -> str:
    found = m.group()
    return MAIL if "@" in found else LINK if URL.match(found) else PHONE if _DIGITS.fullmatch(found) else ADDRESS


def _unless_number(m: re.Match[str]) -> str:
    """A telephone number is masked; years, dates, thousands, money and short numbers stay."""
    found = m.group().strip()
    digits = sum(c.isdigit() for c in found)
    marked = found.startswith(("+", "00", "(", "0"))
    if not 7 <= digits <= 15 or (digits < 9 and not marked and not re.search(r"\d[\s-]\d", found)):
        return m.group()
    if _THOUSANDS.fullmatch(found) or _DATED.search(found):
        return m.group()
    if "\n" in found or _MONEY_AHEAD.search(m.string[max(0, m.start() - 8) : m.start()]):
        return m.group()
    return PHONE
