"""A job page's HTML -> the postings on it: its schema.org JSON-LD first, else the text a reader sees.

JSON-LD names title, company and place in fields of their own, so nothing has to be guessed; its description goes through
the same parser as a pasted posting. Without it trafilatura finds the page's main text. What the page hides is removed
first (`markup`). Source of the field names: https://schema.org/JobPosting. A stranger's page is
parsed where a stranger's file is: in the limited child process of `files`. Knows nothing of networks; see `fetching`.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree
from lxml.html import HtmlElement

from ftapp import documents, fetching, files, markup, profiles
from ftapp.errors import UserError
from ftapp.profiles import JobPosting
from ftapp.requirements import MOST_LINES

FEWEST_LETTERS = 120  # a page with less visible text holds no posting, or builds itself by scripts
LONGEST_FIELD = 200  # characters of a title, company or place; longer is a mistake or an attack
MOST_POSTINGS = 50
_LISTS = (("Responsibilities", ("responsibilities",)),
          ("Requirements", ("qualifications", "experienceRequirements", "educationRequirements")), ("Skills", ("skills",)))  # fmt: skip
_TAG = re.compile(r"<(?:/?[a-zA-Z][^<>]*|!--)")
_SEPARATORS = r"\s+[|·•–—-]\s+|:\s+"
PASTE = "open the page in a browser and paste the posting's text."


@dataclass(frozen=True)
class ReadPosting:
    """One posting of a page: its fields, and its text as a person could have pasted it."""

    fields: JobPosting
    text: str


def read_url(url: str, offline: bool = False) -> list[ReadPosting]:
    """The postings of the page at a URL, at least one; several when its JSON-LD names several, for the caller to ask which.

    Raises UserError for a URL that may not or cannot be fetched, and as `read_page`.
    """
    return read_page(fetching.fetch(url, offline))


def read_page(page: fetching.Page) -> list[ReadPosting]:
    """The postings of a page, parsed in a child process. Raises UserError when nothing readable is left of the page, and when
    reading it runs into a limit."""
    named = json.dumps({"url": page.url, "charset": page.charset}).encode()
    answer = files.in_child("page", named + b"\n" + page.html)
    return [ReadPosting(JobPosting.model_validate(one["fields"]), one["text"]) for one in answer["postings"]]


def read(page: bytes | str, url: str = "", charset: str = "") -> list[ReadPosting]:
    """What `read_page` has its child do. Raises UserError when nothing readable is left of the page."""
    root = markup.tree(page, charset)
    rules = markup.sheet(root)
    stated = _stated(root)
    title = documents.clean(_spaced(root.findtext(".//title") or ""))
    shared = [*root.xpath("//meta[@property='og:title']/@content"), title]
    markup.keep_visible(root, rules)
    found = [one for one in (_from_fields(fields, known, rules) for fields, known in stated) if one.fields.title or one.text]
    found = list({(one.fields.title, one.fields.company, one.fields.location, one.text): one for one in found}.values())
    if not found:
        return [_from_text(root, url, [documents.clean(_spaced(name)) for name in shared])]
    if len(found) == 1 and not (found[0].fields.requirements or found[0].fields.duties):
        found = [_completed(found[0], root, url)]
    return found[:MOST_POSTINGS]


# --- JSON-LD ---------------------------------------------------------------------------------------------------------------


def _stated(root: HtmlElement) -> list[tuple[dict[str, Any], dict[str, dict[str, Any]]]]:
    """(a JobPosting object, the objects of its script by @id) of all JSON-LD a page states outside of inert parts."""
    found = []
    for script in root.iter("script"):
        kind = (script.get("type") or "").partition(";")[0].strip().lower()
        if kind == "application/ld+json" and not any(True for _ in script.iterancestors("template", "noscript")):
            value = _json(script.text or "")
            nodes = list(_nodes(value))
            known = {node["@id"]: node for node in nodes if isinstance(node.get("@id"), str) and len(node) > 1}
            found += [(node, known) for node in nodes if _is_posting(node)]
    return found


def _json(text: str) -> Any:
    """The value of a script, or None. Repaired only where nothing is guessed: wrappers, raw line breaks in strings, a comma
    before a closing bracket, and a text whose every quotation mark is an entity."""
    text = re.sub(
        r"^\s*(?:<!--|//\s*<!\[CDATA\[|<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/)|(?:-->|//\s*\]\]>|\]\]>|/\*\s*\]\]>\s*\*/)\s*$", "", text
    )
    text = text.strip().removesuffix(";").lstrip("\ufeff")
    if '"' not in text and "&quot;" in text:
        text = html.unescape(text)
    for attempt in (text, re.sub(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', lambda m: m.group(1) or "", text, flags=re.S)):
        try:
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """The objects a page states: the value itself, those of arrays, of @graph and of lists. Not what a posting refers to."""
    waiting = [value]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, list):
            waiting = [*node, *waiting]
        elif isinstance(node, dict):
            yield node
            if not _is_posting(node):
                waiting = [
                    node[key] for key in ("@graph", "mainEntity", "itemListElement", "item", "hiringOrganization") if key in node
                ] + waiting


def _is_posting(node: dict[str, Any]) -> bool:
    kinds = node.get("@type")
    return any(isinstance(k, str) and re.split(r"[/#:]", k)[-1] == "JobPosting" for k in (kinds if isinstance(kinds, list) else [kinds]))


def _from_fields(given: dict[str, Any], known: dict[str, dict[str, Any]], rules: markup.Sheet) -> ReadPosting:
    """What JSON-LD states wins; what it leaves open is read from its description."""
    title = _field(_name(given.get("title") or given.get("name"), known, rules))
    company = _field(_name(given.get("hiringOrganization"), known, rules))
    place = _field(_place(given, known, rules))
    description = _plain(given.get("description"), rules)
    parts, listed = [description], {}
    for heading, keys in _LISTS:
        entries = [line for key in keys for line in _entries(given.get(key), known, rules) if line not in description]
        listed[heading] = entries[:MOST_LINES]
        parts += [f"{heading}:\n" + "\n".join(f"• {line}" for line in entries)] if entries else []
    body = "\n\n".join(part for part in parts if part)
    head = [title, f"Company: {company}" if company else "", f"Location: {place}" if place else ""]
    read = profiles.parse_job("\n".join([*head, "", body]).strip())
    stated: dict[str, Any] = {name: value for name, value in (("title", title), ("company", company), ("location", place)) if value}
    for name, lines in (("requirements", listed["Requirements"] or listed["Skills"]), ("duties", listed["Responsibilities"])):
        stated[name] = list(dict.fromkeys(lines + getattr(read, name)))[:MOST_LINES]
    text = "\n".join([line for line in head if line] + ["", body]).strip() if body or title else ""
    return ReadPosting(read.model_copy(update=stated), text)


def _completed(one: ReadPosting, root: HtmlElement, url: str) -> ReadPosting:
    """A posting that names no requirement, with those of the page's visible text if that has any."""
    try:
        body = _main_text(root, url)
    except UserError:
        return one
    read = profiles.parse_job(body)
    if not (read.requirements or read.duties):
        return one
    fields = one.fields.model_copy(update={"requirements": read.requirements, "duties": read.duties})
    return ReadPosting(fields, f"{one.text}\n\n{body}")


def _name(value: Any, known: dict[str, dict[str, Any]], rules: markup.Sheet) -> str:
    """The name of an object, a reference, a list's first, or a text."""
    for _ in range(4):
        if isinstance(value, list):
            value = next(iter(value), "")
        elif isinstance(value, dict):
            value = value.get("name") or value.get("legalName") or value.get("@value") or known.get(str(value.get("@id")), "")
    return _spaced(_plain(value, rules)) if isinstance(value, str | int | float) else ""


def _place(given: dict[str, Any], known: dict[str, dict[str, Any]], rules: markup.Sheet) -> str:
    places = given.get("jobLocation")
    named: list[str] = []
    for place in (places if isinstance(places, list) else [places])[:3]:
        if isinstance(place, dict):
            place = known.get(str(place.get("@id")), place)
            address = place.get("address") or place
            if isinstance(address, dict):
                parts = [_name(address.get(key), known, rules) for key in ("addressLocality", "addressRegion", "addressCountry")]
                place = ", ".join(dict.fromkeys(part for part in parts if part)) or _name(place, known, rules)
            else:
                place = address
        named.append(_name(place, known, rules))
    remote = ["Remote"] if str(given.get("jobLocationType")).upper() == "TELECOMMUTE" else []
    return "; ".join(dict.fromkeys(part for part in named + remote if part))


def _entries(value: Any, known: dict[str, dict[str, Any]], rules: markup.Sheet) -> list[str]:
    """Lines of a field that may be a text, HTML, an object or a list of those."""
    lines: list[str] = []
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, dict):
            entry = entry.get("description") or _name(entry, known, rules) or entry.get("credentialCategory")
        lines += [line.lstrip("•*-– ").strip() for line in _plain(entry, rules).split("\n")]
    return [line for line in dict.fromkeys(map(documents.for_readers, lines)) if line]


def _plain(value: Any, rules: markup.Sheet) -> str:
    """A JSON string's text: entities resolved (pages escape HTML up to twice), markup turned to lines, hidden parts gone."""
    if isinstance(value, list):
        return "\n".join(_plain(entry, rules) for entry in value if isinstance(entry, str))
    if isinstance(value, dict):
        value = value.get("@value")
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    for _ in range(3):
        if not _TAG.search(text) and "&" in text:
            text = html.unescape(text)
    if _TAG.search(text):
        text = markup.text(markup.keep_visible(markup.tree(f"<body>{text}"), rules))
    return documents.clean(text).strip()


def _field(text: str) -> str:
    return documents.for_readers(text) if len(text) <= LONGEST_FIELD else ""


def _spaced(text: str) -> str:
    return " ".join(text.split())


# --- the visible text ------------------------------------------------------------------------------------------------------


def _from_text(root: HtmlElement, url: str, shared: list[str]) -> ReadPosting:
    """A posting from a page's visible text; `shared` are the names the page gives itself ("Role | Company")."""
    headings = [_spaced(documents.clean(markup.text(h))) for h in root.iter("h1", "h2")]
    body = _main_text(root, url)
    names = [name for name in shared if name]
    title = next((h for h in headings if 2 < len(h) <= LONGEST_FIELD and any(h in name for name in names)), "")
    if title and title not in body.split("\n")[:5]:
        body = f"{title}\n{body}"
    fields = profiles.parse_job(body)
    stated = {"title": title} if title else {}
    if title and not fields.company:
        others = [part.strip() for name in names for part in re.split(_SEPARATORS, name) if part.strip() and part.strip() != title]
        beside = next(
            (part for part in others if title not in part and len(part) <= 60 and re.search(rf"(?i)\b{re.escape(part)}\b", body)), ""
        )
        stated |= {"company": beside} if beside else {}
    return ReadPosting(fields.model_copy(update=stated), body)


def _main_text(root: HtmlElement, url: str) -> str:
    """The page's main text without menus and footers; all visible text where that finds too little."""
    import trafilatura  # half a second to import

    whole = documents.clean(markup.text(root))
    if _letters(whole) < FEWEST_LETTERS:
        raise UserError(f"Hardly any text is on the page (it may be built by scripts, or hide it) - there is no posting to read - {PASTE}")
    try:
        visible = etree.tostring(root, encoding="unicode", method="html")
        main = trafilatura.extract(
            visible, url=url or None, favor_recall=True, include_comments=False, include_tables=True, with_metadata=False
        )
    except Exception:  # whatever a strange page does to it: the whole visible text is there
        main = None
    main = documents.clean(re.sub(r"(?m)^- ", "• ", main or ""))
    text = main if _letters(main) >= max(FEWEST_LETTERS, 0.2 * _letters(whole)) else whole
    return documents.read_text(text, "page").text


def _letters(text: str) -> int:
    return sum(c.isalpha() for c in text)
