"""Small plots as SVG: shares with their intervals, one a row. They follow the page's colours and need no script.

Pure functions from numbers to markup; everything named in them is escaped here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ftapp.ui.paper import safe

ROW, LEFT, WIDE, TOP = 32, 190, 320, 20


def percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def likely(row: dict[str, Any]) -> str:
    """`68 %, likely between 56 and 79 %`; an empty text for nothing at all."""
    if row["share"] is None:
        return ""
    return f"{percent(row['share'])}, likely between {100 * row['low']:.0f} and {percent(row['high'])}"


def intervals(title: str, rows: Sequence[tuple[str, float, float, float]], half: str = "50 %: no difference") -> str:
    """A dot and its interval for each (name, share, low, high), on a scale from 0 to 100 % with a line at the half."""
    if not rows:
        return ""
    height = TOP + ROW * len(rows) + 24
    parts = [f'<line class="half" x1="{_x(0.5)}" x2="{_x(0.5)}" y1="{TOP - 4}" y2="{height - 22}"/>']
    for n, (name, share, low, high) in enumerate(rows):
        y = TOP + ROW * n + ROW / 2
        short = name if len(name) < 25 else name[:23] + "…"
        parts.append(
            f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{safe(short)}</text><line class="span" x1="{_x(low)}" x2="{_x(high)}" '
            f'y1="{y}" y2="{y}"/><circle cx="{_x(share)}" cy="{y}" r="5"/><text x="{LEFT + WIDE + 12}" y="{y + 4}">{percent(share)}</text>'
        )
    scale = "".join(f'<text class="scale" x="{_x(at)}" y="{height - 6}" text-anchor="middle">{percent(at)}</text>' for at in (0, 0.5, 1))
    told = "; ".join(f"{name}: {percent(share)}, likely {100 * low:.0f} to {percent(high)}" for name, share, low, high in rows)
    drawn = f'<svg viewBox="0 0 {LEFT + WIDE + 60} {height}" role="img" aria-label="{safe(told)}">{"".join(parts)}{scale}</svg>'
    return f'<figure class="plot"><figcaption>{safe(title)} <span class="near">{safe(half)}</span></figcaption>{drawn}</figure>'


def _x(share: float) -> float:
    return round(LEFT + WIDE * share, 1)
