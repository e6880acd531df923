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

# A pattern that begins with a set of characters is found at the speed of a search for them; one that begins with a boundary is tried at
# every letter. So boundaries stand behind the first character, and a word that must be there is looked for first.
_DIGITS = re.compile(r"[+(0-9][\d\s().\-/–]{5,23}\d(?![\w%])")
_DOMAIN, _LOCAL = re.compile(r"@[\w-]+(?:\.[\w-]+)+"), re.compile(r"[\w.+-]+\Z")
_NUMERALS = "0123456789"
_BEFORE_NUMBER = frozenset("$£€#.,/-_")
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
_TOWN = (
    r"(?:,?[ \t]+(?:[A-Z][\w'’-]+,?[ \t]+){0,2}"
    r"(?:[A-Z]{1,2}\d[A-Z\d]?[ \t]?\d[A-Z]{2}|[A-Z]{2}[ \t]+\d{5}(?:-\d{4})?|\d{5})\b)?"
)
_ROMANCE = r"(?:rue|avenue|boulevard|via|calle|rua|plaza|piazza)"
_ROMANCE_NAME = r"(?:(?:de|du|des|della|del|la|le|di|do|da)[ ]+)*[A-Z][\w'’-]+(?:[ ]+[A-Z][\w'’-]+){0,2}"
_STREET = re.compile(
    rf"[0-9](?<!\w[0-9])(?!(?<=[12])(?:9|0)\d\d\b)\d{{0,4}}[a-z]?,?[ ]+"
    rf"(?:(?:[A-Z][\w'’.-]*[ ]+){{1,4}}(?i:{_WAY})\b\.?|{_ROMANCE}[ ]+{_ROMANCE_NAME}){_TOWN}"
)
_FLAT = re.compile(r"\b(?i:flat|apt\.?|apartment|unit|suite)[ ]?\w{1,4},?[ ]+\[ADDRESS\]")
_STRASSE = re.compile(
    rf"[A-ZÄÖÜ](?<!\w[A-ZÄÖÜ])[\w.-]*(?:straße|strasse|str\.|weg|gasse|platz|allee|laan|straat)[ ]+\d{{1,4}}\s?[a-z]?\b{_TOWN}"
)
_BOX = re.compile(rf"P(?<!\wP)\.?[ ]?O\.?[ ]+(?i:box)[ ]+\d+{_TOWN}")
_VIA = re.compile(  # the number behind: written small ("via Oslo 2021") it is no street
    r"[RABVCP](?<!\w[RABVCP])(?:(?<=R)u[ae]|(?<=A)venue|(?<=B)oulevard|(?<=V)ia|(?<=C)alle|(?<=P)(?:laza|iazza))[ ]+"
    rf"{_ROMANCE_NAME},?[ ]+\d{{1,4}}\b{_TOWN}"
)
_POSTCODE = re.compile(
    r"[A-Z](?<!\w[A-Z])(?:[A-Z]?\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}\b|[a-z]+(?: [A-Z][a-z]+)?,\s[A-Z]{2}\s+\d{5}(?:-\d{4})?\b)"
)
_ADDRESSES = (_STREET, _STRASSE, _VIA, _BOX, _POSTCODE)
_WAYS = {  # what stands in every address of a pattern, in small letters: to look for it is ten times as fast
    _STRASSE: ("straße", "strasse", "str.", "weg", "gasse", "platz", "allee", "laan", "straat"),
    _VIA: ("rue", "rua", "avenue", "boulevard", "via", "calle", "plaza", "piazza"),
}
_LABELLED = re.compile(r"(?im)^((?:home |postal |mailing )?address\s*:[ \t]*)(?!\[)(\S.*)$")
_HOME = re.compile(r"(?:/(?:home|Users)/|[A-Za-z]:\\Users\\)[^\s/\\]+(?:[/\\][^\s\"']*)?")

_SALUTES = ("Mr", "Ms", "Miss", "Mx", "Monsieur", "Madame", "Dr", "Prof", "Herr", "Frau")
_PERSON = r"(?:[A-ZÀ-ÞŁŚŻŠŽČ][\w'’.-]*)"
_SALUTED = re.compile(
    r"([MDPHF](?<!\w[MDPHF])(?:(?<=M)(?:rs?|s|iss|x|onsieur|adame)|(?<=D)r|(?<=P)rof|(?<=H)err|(?<=F)rau)\b\.?[ \t]+)"
    rf"{_PERSON}(?:[ \t]+{_PERSON}){{0,2}}(?<![.])"
)
_NAME_LINE = re.compile(rf"\n\s*({_PERSON}(?:[ \t]+{_PERSON}){{0,3}})[ \t]*(?=\n|$)")
_CLOSINGS = ("regards", "sincerely", "faithfully", "truly", "best", "wishes", "thank you", "thanks", "cheers", "yours", "warmly",
             "cordially", "grüßen", "grüße", "cordialement")  # fmt: skip
_OWN_LINE = re.compile(r"(?m)^(name:[ \t]*\n?)(?!\[)(\S.*)$")  # as prompts.build writes it
_AGAIN = re.compile(r"\[NAME\](?:[ \t'-]\[NAME\])+")


class Mask:
    """Masks texts of one owner. `names` are whole names, `texts` are résumés whose contact data is looked for by its letters too.
    Without `people` names stay, and only contact data is masked."""

    def __init__(self, names: Iterable[str] = (), texts: Iterable[str] = (), people: bool = True) -> None:
        self._people = people
        parts = list(dict.fromkeys(part for name in names for part in _parts(name)))[:MOST_NAMES]
        self._parts, self._names = {part.lower() for part in parts}, _any_of(parts)
        self._literal = _literally(dict.fromkeys(found for text in texts for found in contacts(text)))

    def __call__(self, text: str) -> str:
        """The text with masks in the place of personal data."""
        low = text.lower()
        if "@" in text:
            text = _without_mail(text)
        if "://" in text or "www." in low or ".com" in low:
            text = URL.sub(_link, text)
        if self._literal:
            text = self._literal.sub(_kind_of, text)
        if "/home/" in text or "Users" in text:
            text = _HOME.sub(FOLDER, text)
        if _any_in(_NUMERALS, text):
            text = _places(_DIGITS.sub(_unless_number, text), low)
        if "address" in low:
            text = _LABELLED.sub(rf"\1{ADDRESS}", text)
        if not self._people:
            return text
        if "name:" in text:
            text = _OWN_LINE.sub(rf"\1{NAME}", text)
        if _any_in(_SALUTES, text):
            text = _SALUTED.sub(rf"\1{NAME}", text)
        text = _NAME_LINE.sub(_if_signed, text)
        if self._names and _any_in(self._parts, low):
            text = self._names.sub(NAME, text)
        return _AGAIN.sub(NAME, text)

    def everything(self, value: Any) -> Any:
        """The same for every string inside lists and dictionaries; their keys stay."""
        return through(value, self)


def filled(letter: str, resume: str) -> str:
    """The letter with the first contact data of each sort that stands in the résumé in the place of its masks, and a reader who is not
    known greeted by what they do. A mask for which the résumé has nothing stays: it is flagged as a placeholder."""
    if "[" not in letter:
        return letter
    for mask, find in _FIRST.items():
        if mask in letter and (found := find(resume)):
            letter = letter.replace(mask, found)
    return _UNKNOWN.sub(r"\1Hiring Manager", letter, count=1)


def _first_phone(text: str) -> str:
    return next((m.group().strip() for m in _DIGITS.finditer(text) if _unless_number(m) == PHONE), "")


def _first_place(text: str) -> str:
    labelled = _LABELLED.search(text)
    return labelled.group(2).strip() if labelled else next((m.group().strip() for one in _ADDRESSES for m in one.finditer(text)), "")


_FIRST: dict[str, Callable[[str], str]] = {
    MAIL: lambda text: m.group() if (m := EMAIL.search(text)) else "",
    LINK: lambda text: m.group().rstrip(".,;)") if (m := URL.search(text)) else "",
    PHONE: _first_phone,
    ADDRESS: _first_place,
}
_UNKNOWN = re.compile(r"(?m)^(Dear )\[NAME\](?=[,:!]|[ \t]*$)")
_OPENING = re.compile(r"(?m)^((?:Dear|Hello|Hi|Hey|Good \w+)[ ,]+)((?:(?:Mr|Mrs|Ms|Mx|Dr|Prof)\.|[^\n,!:;.]){1,60})(?=[,!:;.]|[ \t]*$)")
_NO_NAME = re.compile(
    r"(?i)\b(?:hiring|team|managers?|sir|madam|all|every(?:one|body)|there|recruit\w*|committee|selection|human|talent|whom|department|office|"
    r"folks|colleagues?|people|friends?|network|connections?|search|admissions?|board|company|again|editor|professor|staff)\b"
)


def nobody(letter: str, company: str = "") -> str:
    """The letter with a mask for whoever it greets by name, and for everybody with a title before their name; an employer that is
    greeted stays. A letter that is learned from must not teach to greet one reader for ever."""

    def greeted(m: re.Match[str]) -> str:
        named = m[2].strip()
        known = _NO_NAME.search(named) or not named[:1].isupper() or set(_parts(named)) & set(_parts(company))
        return m.group() if known else f"{m[1]}{NAME}"

    return _SALUTED.sub(rf"\1{NAME}", _OPENING.sub(greeted, letter, count=1))


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
    places = [m.group().strip() for pattern in _ADDRESSES for m in pattern.finditer(text)]
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
    every = _either({form for part in parts for form in (part, part.lower(), part.upper())})
    alone = _either({one for one in spelled if len(one) >= _MEANS_MORE})
    together = rf"{every}(?:[ \t]+(?:\w\.?[ \t]+)?{every})+(?!\w)"
    return re.compile(together + (rf"|{alone}(?![\w\]])" if alone else ""))


def _either(words: Iterable[str]) -> str:
    """One of the words, longest first, none of which may go on to the left."""
    longest = map(re.escape, sorted(words, key=lambda word: (-len(word), word)))
    each = "|".join(rf"{word}(?<![\w\[]{word})" for word in longest)
    return f"(?:{each})" if each else ""


def _literally(found: Iterable[str]) -> re.Pattern[str] | None:
    one = _either(found)
    return re.compile(rf"{one}(?!\w)") if one else None


def _any_in(words: Iterable[str], text: str) -> bool:
    for word in words:  # a loop: `any` with a generator takes twice as long, and this runs ten times a text
        if word in text:
            return True
    return False


def _places(text: str, low: str) -> str:
    """Addresses, with what stands before them (a flat) and after them (a town and its code). `low`: the text in small letters."""
    for pattern in _ADDRESSES:
        if pattern not in _WAYS or _any_in(_WAYS[pattern], low):
            text = pattern.sub(ADDRESS, text)
    return _FLAT.sub(ADDRESS, text) if ADDRESS in text else text


def _if_signed(m: re.Match[str]) -> str:
    """A line of names below a closing is a signature."""
    before = m.string[max(0, m.start() - 40) : m.start()].rstrip(" \t,!.").lower()
    return m.group().replace(m.group(1), NAME) if before.endswith(_CLOSINGS) else m.group()


def _without_mail(text: str) -> str:
    """As EMAIL.sub(MAIL, text) does it, but sought from the sign @ on."""
    made, done = [], 0
    for m in _DOMAIN.finditer(text):
        if local := _LOCAL.search(text, max(done, m.start() - 64), m.start()):
            made += [text[done : local.start()], MAIL]
            done = m.end()
    return "".join([*made, text[done:]])


def _link(m: re.Match[str]) -> str:
    """The sign that ends the sentence is no part of a link."""
    whole = m.group()
    return LINK + whole[len(whole.rstrip(".,;:!?)\"'")) :]


def _kind_of(m: re.Match[str]) -> str:
    found = m.group()
    return MAIL if "@" in found else LINK if URL.match(found) else PHONE if _DIGITS.fullmatch(found) else ADDRESS


def _unless_number(m: re.Match[str]) -> str:
    """A telephone number is masked; years, dates, thousands, money and short numbers stay."""
    found, ahead = m.group().strip(), m.string[m.start() - 1 : m.start()]
    digits = sum(c.isdigit() for c in found)
    if ahead.isalnum() or ahead in _BEFORE_NUMBER:
        return m.group()
    marked = found.startswith(("+", "00", "(", "0"))
    if not 7 <= digits <= 15 or (digits < 9 and not marked and not re.search(r"\d[\s-]\d", found)):
        return m.group()
    if _THOUSANDS.fullmatch(found) or _DATED.search(found):
        return m.group()
    if "\n" in found or _MONEY_AHEAD.search(m.string[max(0, m.start() - 8) : m.start()]):
        return m.group()
    return PHONE
