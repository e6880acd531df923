"""HTML -> what a reader of the page would see, as a tree or as lines.

Text that is there for machines only (hidden by markup, by style attributes or by the page's own style sheet) is taken
out, because a posting that hides an instruction would otherwise speak to the model behind the person's back. External
style sheets are not fetched, and scripts are not run. Which declarations hide something is asked of `hiding`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import cssselect
import lxml.html
import tinycss2
from lxml import etree
from lxml.html import HtmlElement

from ftapp import hiding
from ftapp.errors import UserError

MOST_STYLE = 500_000  # characters of a page's own style sheet; this and the two below bound the time a page can cost
MOST_RULES = 3_000  # of them that could hide something the page has
MOST_WORK = 20_000_000  # rules times elements
SCREEN_PIXELS = 1280  # a width rules of @media are judged by
_UNSEEN = frozenset("script style template noscript head title iframe object embed svg math canvas audio video select textarea".split())
_BLOCKS = frozenset("""
    address article aside blockquote body dd details div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr
    li main nav ol p pre section summary table tbody tfoot thead tr ul br""".split())  # fmt: skip
_META_CHARSET = re.compile(rb"""(?i)<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{2,40})""")


@dataclass(frozen=True)
class Sheet:
    """A page's own style rules that can matter to visibility: (XPath, specificity, name -> (value, important))."""

    rules: list[tuple[etree.XPath, tuple[int, int, int], dict[str, tuple[str, bool]]]] = field(default_factory=list)


def decoded(page: bytes | str, charset: str = "") -> str:
    """A page's characters: by byte order mark, the server's word, the page's own, UTF-8, else Windows-1252."""
    if isinstance(page, str):
        return page
    meta = _META_CHARSET.search(page[:2048])
    marked = "utf-8-sig" if page.startswith(codecs.BOM_UTF8) else "utf-16" if page[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else ""
    for name in (marked, charset, meta.group(1).decode("ascii") if meta else "", "utf-8"):
        try:
            if name:
                return page.decode(name)
        except (LookupError, ValueError):  # an unknown charset, or not this one
            continue
    return page.decode("cp1252", errors="replace")


def tree(page: bytes | str, charset: str = "") -> HtmlElement:
    """The parsed page without comments. Raises UserError when nothing is there to parse."""
    text = decoded(page, charset).replace("\x00", "")
    parser = lxml.html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        found = lxml.html.document_fromstring(text.encode("utf-8", errors="replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, AssertionError):
        found = None
    if found is None:
        raise UserError("The page is empty - there is no posting to read - paste the posting's text.")
    return found


# --- the page's own style sheet --------------------------------------------------------------------------------------------


def sheet(root: HtmlElement) -> Sheet:
    """The rules of a page's <style> elements, those left out that name a class or id the page does not have."""
    names = {f".{name}" for value in root.xpath("//@class") for name in value.split()} | {f"#{name}" for name in root.xpath("//@id")}
    found = Sheet()
    if sum(len(style.text or "") for style in root.iter("style")) > MOST_STYLE:
        raise _too_much_style()
    for style in root.iter("style"):
        parsed = tinycss2.parse_stylesheet(style.text or "", skip_comments=True, skip_whitespace=True)
        for rule in _rules_on_screen(parsed):
            wanted = _declared(rule.content)
            if wanted:
                _add(found, tinycss2.serialize(rule.prelude), wanted, names)
    return found


def _too_much_style() -> UserError:
    return UserError("The page has too many style rules to tell what it shows - it was not read - paste the posting's text.")


def _rules_on_screen(rules: list, depth: int = 0) -> Iterator[tinycss2.ast.QualifiedRule]:
    for rule in rules:
        if rule.type == "qualified-rule":
            yield rule
        elif rule.type == "at-rule" and rule.content and depth < 4 and rule.lower_at_keyword in ("media", "supports", "layer", "container"):
            if rule.lower_at_keyword != "media" or _on_screen(tinycss2.serialize(rule.prelude)):
                inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
                yield from _rules_on_screen(inner, depth + 1)


def _on_screen(query: str) -> bool:
    """Whether a media query holds on a common screen: not for print, and by its width."""
    query = query.lower()
    narrow = any(float(n) < SCREEN_PIXELS for n in re.findall(r"max-width\s*:\s*([\d.]+)px", query))
    wide = any(float(n) > SCREEN_PIXELS for n in re.findall(r"min-width\s*:\s*([\d.]+)px", query))
    return not (narrow or wide or re.search(r"\bprint\b|\bspeech\b|prefers-|forced-colors|portrait", query))


def _declared(content: list | str) -> dict[str, tuple[str, bool]]:
    """Name -> (value, important) of the declarations that can hide something."""
    said: dict[str, tuple[str, bool]] = {}
    for d in tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True):
        if d.type == "declaration" and d.lower_name in hiding.PROPERTIES and (d.important or not said.get(d.lower_name, ("", False))[1]):
            said[d.lower_name] = (tinycss2.serialize(d.value).strip().lower(), d.important)
    return said


def _add(found: Sheet, selectors: str, wanted: dict[str, tuple[str, bool]], names: set[str]) -> None:
    try:
        parsed = cssselect.parse(selectors)
    except cssselect.SelectorError:
        return
    translator = cssselect.HTMLTranslator()
    for selector in parsed:
        if len(found.rules) >= MOST_RULES:
            raise _too_much_style()
        asked = set(re.findall(r"[.#][\w-]+", re.sub(r"\[[^\]]*\]|:not\([^)]*\)", "", selector.canonical())))
        if selector.pseudo_element or not asked <= names:
            continue
        try:
            path = etree.XPath(translator.selector_to_xpath(selector))
        except (cssselect.SelectorError, etree.XPathError):
            continue
        found.rules.append((path, selector.specificity(), wanted))


def _styles(root: HtmlElement, rules: Sheet) -> dict[HtmlElement, dict[str, str]]:
    """Each element's declarations after the cascade: important first, then style attribute, specificity, order."""
    if len(rules.rules) * sum(1 for _ in root.iter()) > MOST_WORK:
        raise _too_much_style()
    weighed: dict[HtmlElement, dict[str, tuple[tuple, str]]] = {}

    def declare(element: HtmlElement, wanted: dict[str, tuple[str, bool]], *weight: object) -> None:
        own = weighed.setdefault(element, {})
        for name, (value, important) in wanted.items():
            if name not in own or own[name][0] <= (important, *weight):
                own[name] = ((important, *weight), value)

    for order, (path, specificity, wanted) in enumerate(rules.rules):
        for element in path(root):
            declare(element, wanted, False, specificity, order)
    for element in root.iter(etree.Element):
        declare(element, hiding.attributes(element), False, (-1, 0, 0), 0)  # what color= and bgcolor= say yields to any rule
        if style := element.get("style"):
            declare(element, _declared(style), True, (0, 0, 0), 0)
    return {element: {name: value for name, (_, value) in own.items()} for element, own in weighed.items() if own}


# --- taking out what is hidden ---------------------------------------------------------------------------------------------


def keep_visible(root: HtmlElement, rules: Sheet | None = None) -> HtmlElement:
    """Remove, in place, all that a reader of the page would not see. `rules` are the page's, for a fragment of it."""
    styles = _styles(root, sheet(root) if rules is None else rules)
    gone: list[HtmlElement] = []
    stack = [(root, hiding.Look())]
    while stack:
        element, around = stack.pop()
        own = styles.get(element, {})
        if element.tag in _UNSEEN or hiding.by_attribute(element) or hiding.by_style(own, around):
            gone.append(element)
            continue
        look = around.inside(own, element.tag)
        if not look.readable:
            element.text = None
            for child in element:
                child.tail = None
        stack.extend((child, look) for child in element)
    for element in gone:
        if element is root:
            element.clear()
        else:
            element.drop_tree()
    return root


def text(root: HtmlElement) -> str:
    """A tree's text, one line a block; list items begin with a bullet, cells of a row stand apart."""
    parts: list[str] = []
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            if element.tag in _BLOCKS:
                parts.append("\n\n" if element.tag in ("p", "h1", "h2", "h3", "h4") else "\n")
            if element.tag == "li":
                parts.append("• ")
            parts.append(_folded(element.text, element.tag))
        else:
            parts.append("\n" if element.tag in _BLOCKS and element.tag != "br" else "   " if element.tag in ("td", "th") else "")
            if element is not root:
                parts.append(_folded(element.tail, ""))
    lines = (re.sub(r"[ \xa0]{2,3}", " ", line).strip() for line in "".join(parts).split("\n"))
    kept = re.sub(r"\n{3,}", "\n\n", "\n".join("" if line == "•" else line for line in lines))
    return kept.strip()


def _folded(piece: str | None, tag: str) -> str:
    return (piece or "") if tag == "pre" else re.sub(r"[ \t\r\n\f]+", " ", piece or "")
