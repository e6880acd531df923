"""A letter with its evidence: marks in the text, one line that sums up, and a list that says why. Pure functions to markup.

A supported claim has a thin dotted line and shows its source; an open one has a wavy amber line and a number that the list
below the letter explains. Never colour alone. Everything that comes from a letter or a source is escaped here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ftapp import cleaning
from ftapp.claims import Claim
from ftapp.metrics import Score
from ftapp.review import Review
from ftapp.scripts import word_count
from ftapp.ui.paper import count, safe

LEGEND = ('<p class="legend"><span class="claim held">supported by your texts</span> <span class="claim open">not found there</span> '
          '<span class="near"><kbd>←</kbd> <kbd>→</kbd> from claim to claim</span></p>')
NO_HOOK = "Your own sentence is not in this letter. Press Edit to put it in."
NAMES = {
    "Response Relevance": "Requirements answered", "Email Structure Quality": "Structure", "groundedness": "Claims supported",
    "specificity": "Written for this employer", "repetition": "Repetition", "words": "Words", "characters": "Characters",
}  # fmt: skip


Layer = Sequence[tuple[int, int, str, str]]  # spans in order, each with the markup before and after it


def marked(text: str, review: Review, outside: Sequence[Layer] = (), inside: Sequence[Layer] = ()) -> str:
    """The letter's text with every claim marked, inside and around other marks."""
    numbers = {claim: n for n, claim in enumerate(review.open, 1)}
    claims = sorted((c for sentence in review.sentences for c in sentence.claims), key=lambda c: c.start)
    return layered(text, [*outside, [(c.start, c.end, *_claim(c, numbers.get(c), c is claims[0])) for c in claims], *inside], 0, len(text))


def layered(text: str, layers: Sequence[Layer], start: int, end: int) -> str:
    """The text from `start` to `end`, escaped, with the first layer's marks outermost. Of spans that overlap in a layer the first
    one counts: what lies inside another is told by the outer one."""
    if not layers:
        return safe(text[start:end])
    parts, at = [], start
    for a, b, before, after in layers[0]:
        if at <= a < end:
            b = min(b, end)
            parts += [layered(text, layers[1:], at, a), before, layered(text, layers[1:], a, b), after]
            at = b
    return "".join([*parts, layered(text, layers[1:], at, end)])


def _claim(claim: Claim, number: int | None, first: bool) -> tuple[str, str]:
    """The markup before and after a claim. Tab stops at the first of a letter and at open ones; arrow keys go to all (keys.js), so
    that a well-supported letter is not twenty stops long."""
    if claim.supported:
        stop, source = 0 if first else -1, safe(claim.nearest or claim.reason)
        return f'<span class="claim held" tabindex="{stop}" aria-description="{source}">', "</span>"
    sign = f'<sup data-number="{number}"></sup>' if number else ""  # drawn by the style sheet: a copied letter holds no numbers
    return f'<mark class="claim open" tabindex="0" aria-description="{safe(claim.reason)}">', f"{sign}</mark>"


def summary(text: str, review: Review) -> str:
    """`118 words · 3 of 5 requirements · 1 claim open`."""
    parts = [count(word_count(text), "word")]
    relevance = next((s for s in review.scores if s.name == "Response Relevance" and s.parts), None)
    if relevance:
        parts.append(f"{sum(p.met for p in relevance.parts)} of {count(len(relevance.parts), 'requirement')}")
    if review.open:
        parts.append(f"{count(len(review.open), 'claim')} open")
    elif review.claims:
        parts.append(f"all {review.claims} claims supported" if review.claims > 1 else "its one claim is supported")
    if review.flags:
        parts.append(count(len(review.flags), "placeholder or other employer", "placeholders or other employers"))
    return " · ".join(parts)


def removed(stripped: Sequence[Mapping[str, str]]) -> str:
    """That talk around the letter was taken off it, with its text on demand; nothing when none was."""
    if not stripped:
        return ""
    pieces = "".join(f"<p>{safe(piece['text'])}</p>" for piece in stripped)
    return f'<details class="removed"><summary>{safe(cleaning.told(stripped))}</summary>{pieces}</details>'


def points(side: str, text: str, review: Review, editable: bool) -> str:
    """What stands behind a letter, folded: its open claims with their buttons, what must not be sent, its scores."""
    line_of = {claim: claim.nearest or sentence.support for sentence in review.sentences for claim in sentence.claims}
    rows = "".join(_point(side, n, text, claim, line_of[claim], editable) for n, claim in enumerate(review.open, 1))
    flags = "".join(f"<li>{safe(flag.sentence)}</li>" for flag in review.flags)
    flags += f"<li>{NO_HOOK}</li>" if review.hook_missing else ""
    number = len(review.open) + len(review.flags) + review.hook_missing
    title = f'<b class="check">{count(number, "point")} to check</b>, and scores' if number else "Evidence and scores"
    note = f'<p class="near">{safe(review.note)}</p>' if review.note else ""
    return (f'<details class="why"><summary>{title}</summary>{LEGEND}{note}'
            f'<ol class="points">{rows}</ol>{f"<ul class=lines>{flags}</ul>" if flags else ""}'
            f'<dl class="scores">{"".join(map(_score, review.scores))}</dl></details>')  # fmt: skip


def _point(side: str, number: int, text: str, claim: Claim, line: str, editable: bool) -> str:
    near = f'<br><span class="near">Nearest line: {safe(line)}</span>' if line else ""
    acts = ""
    if editable:
        asked = (("Remove the sentence", number), ("Correct it", 0))
        button = '<button type="button" class="point" data-side="{}" data-number="{}">{}</button>'
        acts = f'<span class="acts">{"".join(button.format(safe(side), n, words) for words, n in asked)}</span>'
    return f"<li><b>{safe(text[claim.start : claim.end])}</b>: {safe(claim.reason)}{near}{acts}</li>"


def _score(score: Score) -> str:
    """One score; its parts on demand."""
    if score.value is None:
        value = "–"
    else:
        value = f"{100 * score.value:.0f} %" if score.unit == "share" else f"{score.value:g}"
    parts = "".join(f"<li>{'✓' if p.met else '✗'} {safe(p.text)}{f': {safe(p.note)}' if p.note else ''}</li>" for p in score.parts)
    more = f"<details><summary>how</summary><ul>{parts}</ul></details>" if parts else ""
    return (f'<dt>{safe(NAMES.get(score.name, score.name))}</dt><dd><b>{safe(value)}</b> '
            f'<span class="near">{safe(score.explanation)}</span>{more}</dd>')  # fmt: skip
