"""Which markup and which style declarations hide text from a reader. Knows nothing of pages, files or postings.

Sources: HTML Living Standard (hidden, dialog, presentational colours), CSS 2.2 and CSS Color 4. Values that cannot be judged
(variables, images behind text) count as showing the text: only what is surely unseen is taken for hidden.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tinycss2 import color4

PROPERTIES = frozenset("""
    display visibility opacity color background background-color font font-size width height max-width max-height overflow overflow-x
    overflow-y position left right top bottom text-indent clip clip-path transform margin-left margin-top margin content-visibility
    scale filter -webkit-text-fill-color""".split())  # fmt: skip
SMALLEST_FONT = 2.0  # pixels; nobody reads below
FAR_AWAY = 500.0  # pixels to the left of or above the page
FAR_BEYOND = 3000.0  # pixels to the right of or below a usual screen
SAME_COLOUR = 0.06  # largest difference of a channel, of 1, that an eye takes for the same colour
FAINTEST = 0.06  # opacity
_PIXELS = {
    "px": 1,
    "": 1,
    "em": 16,
    "rem": 16,
    "ch": 8,
    "ex": 8,
    "vw": 12.8,
    "vh": 8,
    "%": 10,
    "pt": 4 / 3,
    "pc": 16,
    "in": 96,
    "cm": 37.8,
    "mm": 3.78,
}
_LENGTH = re.compile(r"(-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(px|r?em|ch|ex|vw|vh|%|pt|pc|in|cm|mm|)(?![\w.%])")
_SIZES = {"xx-small": 9, "x-small": 10, "small": 13, "medium": 16, "large": 18, "x-large": 24, "xx-large": 32}
SRGB = ("srgb", "hsl", "hwb")  # the colour spaces that tinycss2 turns into sRGB
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Look:
    """What an element hands to those inside it. A background of None is an image or unknown."""

    colour: Colour | None = (0.0, 0.0, 0.0)
    background: Colour | None = (1.0, 1.0, 1.0)
    font: float = 16.0  # pixels
    shown: bool = True
    inked: bool = True  # the text's colour is not transparent

    def inside(self, own: dict[str, str], tag: str) -> Look:
        """The look inside an element with these declarations."""
        background = _background(own, self.background)
        colour, inked = self.colour, self.inked
        said = own.get("-webkit-text-fill-color") or own.get("color")
        if said and said not in ("inherit", "currentcolor"):
            alpha, colour = _colour(said)
            inked = alpha > FAINTEST
        elif tag == "a" and not said:
            colour = None  # links have a colour of their own
        visibility = own.get("visibility", "inherit")
        shown = self.shown if visibility == "inherit" else visibility not in ("hidden", "collapse")
        return Look(colour, background, _font(own, self.font), shown, inked)

    @property
    def readable(self) -> bool:
        """Whether text that stands directly in this element can be read."""
        same = self.colour and self.background and all(
            abs(a - b) <= SAME_COLOUR for a, b in zip(self.colour, self.background, strict=True))  # fmt: skip
        return self.shown and self.inked and self.font >= SMALLEST_FONT and not same


def by_attribute(element: Any) -> bool:
    """Hidden, with all it holds, by an attribute."""
    return (element.get("hidden") is not None or (element.get("aria-hidden") or "").strip().lower() == "true"
            or element.tag == "dialog" and element.get("open") is None
            or element.tag == "input")  # fmt: skip


def attributes(element: Any) -> dict[str, tuple[str, bool]]:
    """Declarations that old attributes stand for: <font color>, <body text>, bgcolor."""
    said = {"color": element.get("color") if element.tag == "font" else element.get("text") if element.tag == "body" else None,
            "background-color": element.get("bgcolor")}  # fmt: skip
    return {name: (value.strip().lower(), False) for name, value in said.items() if value}


def by_style(own: dict[str, str], around: Look) -> bool:
    """Hidden, with all it holds, by its declarations."""
    return bool(own) and (
        own.get("display") == "none"
        or own.get("content-visibility") == "hidden"
        or _number(own.get("opacity")) <= FAINTEST
        or bool(m := re.search(r"opacity\(\s*([^)]*)\)", own.get("filter", "")))
        and _number(m.group(1)) <= FAINTEST
        or _no_room(own)
        or _outside(own)
        or _clipped(own)
    )


def _number(value: str | None) -> float:
    """A number or percentage; 1 when there is none or it is not plain."""
    try:
        return 1.0 if not value else float(value[:-1]) / 100 if value.endswith("%") else float(value)
    except ValueError:
        return 1.0


def _lengths(value: str | None) -> list[float]:
    """Every length of a value in pixels of a common screen."""
    return [float(number) * _PIXELS[unit] for number, unit in _LENGTH.findall(value or "")]


def _no_room(own: dict[str, str]) -> bool:
    overflow = " ".join(own.get(name, "") for name in ("overflow", "overflow-x", "overflow-y"))
    sizes = [length for name in ("width", "height", "max-width", "max-height") for length in _lengths(own.get(name))[:1]]
    return bool(re.search("hidden|clip", overflow)) and any(abs(size) <= 1 for size in sizes)


def _outside(own: dict[str, str]) -> bool:
    """Moved off the screen, by position, margin, indent or transform, or scaled to nothing."""
    moved = [x for name in ("margin-left", "margin-top", "margin") for x in _lengths(own.get(name))]
    if own.get("position", "static") in ("absolute", "fixed", "relative"):
        moved += [x for name in ("left", "top") for x in _lengths(own.get(name))]
        if own["position"] != "relative":  # from the other side, a large distance leads off the near side
            moved += [-abs(x) if abs(x) > FAR_BEYOND else x for name in ("right", "bottom") for x in _lengths(own.get(name))]
    transform = own.get("transform", "")
    for name, inner in re.findall(r"(translate\w*|scale\w*)\(([^)]*)\)", transform):
        if name.startswith("translate"):
            moved += _lengths(inner)
        elif 0 in [_number(part.strip()) for part in inner.split(",")]:
            return True
    indented = any(x <= -200 for x in _lengths(own.get("text-indent")))
    return indented or own.get("scale") in ("0", "0%") or any(x <= -FAR_AWAY or x >= FAR_BEYOND for x in moved)


def _clipped(own: dict[str, str]) -> bool:
    """Cut away: clip: rect() without area, or a clip-path that leaves nothing."""
    rect = re.search(r"rect\(([^)]*)\)", own.get("clip", ""))
    if rect and len(edges := _lengths(rect.group(1).replace(",", " "))) == 4:
        top, right, bottom, left = edges
        if bottom - top <= 1 or right - left <= 1:
            return True
    path = re.search(r"(inset|circle|ellipse|polygon)\(([^)]*)\)", own.get("clip-path", ""))
    if not path:
        return False
    shape, inner = path.group(1), path.group(2)
    if shape == "inset":
        return any(float(n) >= 50 for n in re.findall(r"([\d.]+)%", inner))
    if shape == "polygon":
        corners = [tuple(_lengths(corner)) for corner in inner.split(",")]
        return any(len({corner[axis:axis + 1] for corner in corners}) == 1 for axis in (0, 1))  # fmt: skip
    return 0 in _lengths(inner.split("at")[0])


def _font(own: dict[str, str], around: float) -> float:
    """The font size inside, in pixels; of the shorthand, the first length."""
    said = own.get("font-size") or own.get("font", "")
    if said in _SIZES:
        return _SIZES[said]
    m = _LENGTH.search(said)
    if not m:
        return around
    number, unit = float(m.group(1)), m.group(2)
    return number * around / (100 if unit == "%" else 1) if unit in ("em", "%") else number * _PIXELS[unit]


def _background(own: dict[str, str], around: Colour | None) -> Colour | None:
    found = around
    for name in ("background", "background-color"):
        value = own.get(name, "")
        if re.search(r"url\(|gradient|var\(", value):
            return None
        for part in re.findall(r"[\w-]+\([^)]*\)|[^\s,]+", value):
            alpha, colour = _colour(part)
            if colour is not None and alpha > 0.9:
                found = colour
            elif colour is not None and alpha > FAINTEST:
                return None  # lets something through: what, is not known
    return found


def _colour(value: str) -> tuple[float, Colour | None]:
    """(alpha, sRGB channels of 0 to 1); channels are None for what is no plain colour."""
    try:
        parsed = color4.parse_color(value)
        if parsed is None or isinstance(parsed, str) or parsed.space not in SRGB:
            return 1.0, None  # a colour of another space is taken for visible
        red, green, blue = (c or 0.0 for c in parsed.to("srgb").coordinates)
        return parsed.alpha, (red, green, blue)
    except (ValueError, TypeError):
        return 1.0, None
