"""A person's voice as a page, and what a training of letters changed: HTML from numbers. Everything in it is escaped.

Pure functions: `card_page` draws a `voice.VoiceCard`, `report_page` the `voice` part of a run's report. Knows no component.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ftapp import voice
from ftapp.ui import paper
from ftapp.ui.paper import safe
from ftapp.voice_verdict import examples

MARKS = (("commas", ",", "Commas"), ("semicolons", ";", "Semicolons"), ("colons", ":", "Colons"), ("dashes", "–", "Dashes"),
         ("brackets", "( )", "Brackets"), ("exclamations", "!", "Exclamation marks"), ("questions", "?", "Questions"))  # fmt: skip
BUCKETS = ("1–5", "6–10", "11–15", "16–20", "21–25", "26–30", "31–35", "36+")
SIDES = {"before": "Before", "prompted": "Base model with your letters as examples", "after": "After", "reference": "Your own letter"}
ROWS = {
    "voice_distance": "Distance from your voice", "rouge_l_f1": "Likeness with your letter (ROUGE-L)", "Response Relevance": "Relevance",
    "Email Structure Quality": "Structure", "groundedness": "Claims that are supported", "repetition": "Repetition", "words": "Words",
}  # fmt: skip
NO_LETTERS = "There are no letters of yours yet. Paste a few that you like, and this page shows how you write."
MOVED = 0.15  # steps; habits that changed less are not shown


def card_page(card: voice.VoiceCard | None) -> str:
    """The page on which a person recognises how they write; without a card, how to get one."""
    if card is None:
        return paper.note(NO_LETTERS)
    told = f"From {paper.count(card.letters, 'letter')} with {card.words:,} words. Is this you?"
    if card.letters < voice.STATED:
        told += " With three letters and more it can say what you always and never do."
    facts = {label: how for label, how in voice.described(card) if label in ("Sentences", "I'm, don't")}
    never = f'<h3>You never write</h3><p class="never">{_phrases(card.avoided[:10])}</p>' if card.avoided else ""
    return (
        f'<section class="card voice"><h2>How you write</h2><p class="lead">{safe(told)}</p><div class="voice-two">{_anatomy(card)}'
        f"<div>{_rhythm(card)}{_marks(card)}{paper.facts(facts)}{never}</div></div></section>"
    )


def _anatomy(card: voice.VoiceCard) -> str:
    """A letter of which only the habits are left: greeting, phrases, sign-off."""
    liked = "".join(f'<li style="--share:{share:.2f}">{_phrases([phrase])}</li>' for phrase, share in card.favourites)
    middle = f'<ul class="phrases">{liked}</ul>' if liked else '<p class="quiet">No phrase comes back in your letters.</p>'
    return (
        f'<article class="paper anatomy" aria-label="Your greetings, phrases and sign-offs">{_forms(card.openers, "no greeting")}'
        f"{middle}{_forms(card.sign_offs, 'no sign-off')}</article>"
    )


def _forms(forms: Sequence[tuple[str, float]], none: str) -> str:
    rows = "".join(f'<p class="form" style="--share:{share:.2f}"><span>{safe(form or none)}</span><small>{share:.0%}</small></p>'
                   for form, share in forms[:3])  # fmt: skip
    more = f'<p class="quiet">and {paper.count(len(forms) - 3, "other form")}</p>' if len(forms) > 3 else ""
    return f'<div class="forms">{rows}{more}</div>'


def _phrases(phrases: Sequence[str]) -> str:
    return " · ".join(f"<q>{safe(voice.shown(phrase))}</q>" for phrase in phrases)


def _rhythm(card: voice.VoiceCard) -> str:
    """How long the sentences are, as bars; the numbers are in its label."""
    if not card.rhythm:
        return ""
    top, bars = max(card.rhythm) or 1.0, ""
    for n, share in enumerate(card.rhythm):
        height = round(72 * share / top, 1)
        bars += (f'<rect x="{n * 46 + 4}" y="{80 - height}" width="38" height="{height}" rx="2"/>'
                 f'<text class="scale" x="{n * 46 + 23}" y="96" text-anchor="middle">{BUCKETS[n]}</text>')  # fmt: skip
    said = "; ".join(f"{bucket} words: {share:.0%}" for bucket, share in zip(BUCKETS, card.rhythm, strict=True))
    drawn = f'<svg viewBox="0 0 372 100" role="img" aria-label="{safe(said)}">{bars}</svg>'
    return f'<figure class="plot bars"><figcaption>Words in your sentences</figcaption>{drawn}</figure>'


def _marks(card: voice.VoiceCard) -> str:
    cells = ""
    for name, glyph, label in MARKS:
        if name in card.habits:
            mean = card.habits[name].mean
            said = f"{mean:.0%} of sentences" if name in ("exclamations", "questions") else f"{mean:.1f} in 100 words"
            state, often = (' class="none"', "never") if mean == 0 else ("", said)
            cells += f'<li{state}><b aria-hidden="true">{glyph}</b><span>{label}</span><small>{often}</small></li>'
    return f'<ul class="marks">{cells}</ul>'


# --- what a training changed ---------------------------------------------------------------------------------------------


def report_page(report: Mapping[str, Any]) -> str:
    """The verdict, how far each side is from the voice, the habits that moved, both probes, the table, and the letters.

    `report` is the `voice` part of a run's report; {} gives an empty text.
    """
    if not report:
        return ""
    said = report["verdict"]
    parts = [
        paper.note(said["sentence"], "warning" if said["worth_it"] is False else "calm"),
        paper.note(examples(report)), _scale(report), _moved(report.get("habits") or {}),
        *(paper.note(probe["sentence"], "warning" if probe["warning"] else "calm") for probe in (report["reciting"], report["forgetting"])),
        _leaks(report["reciting"]), paper.note(report.get("note", "")), _table(report), *_letters(report),
    ]  # fmt: skip
    return f'<section class="card voice report"><h2>Did it learn your voice?</h2>{"".join(parts)}</section>'


def _scale(report: Mapping[str, Any]) -> str:
    """A line from your voice outwards, with a dot for each side. Near is left."""
    found = {who: report["table"][who]["voice_distance"] for who in ("after", "prompted", "before") if who in report["table"]}
    named = {"after": "After", "prompted": "With examples", "before": "Before"}
    dots = [(named[who], far, who) for who, far in found.items() if far is not None]
    if not dots:
        return ""
    if report.get("own") is not None:
        dots.insert(0, ("Your own letters", report["own"], "own"))
    furthest = max(1.0, *(far for _, far, _ in dots)) * 1.05
    drawn, height = "", 12 + 28 * len(dots)
    for n, (name, far, who) in enumerate(dots):
        x, y = 150 + 300 * far / furthest, 22 + 28 * n
        drawn += (f'<text x="138" y="{y + 4}" text-anchor="end">{safe(name)}</text><line class="half" x1="150" x2="450" y1="{y}" y2="{y}"/>'
                  f'<line class="span" x1="150" x2="{x:.1f}" y1="{y}" y2="{y}"/><circle class="{who}" cx="{x:.1f}" cy="{y}" r="6"/>'
                  f'<text x="{x + 12:.1f}" y="{y + 4}">{far:.2f}</text>')  # fmt: skip
    label = "; ".join(f"{name}: {far:.2f}" for name, far, _ in dots)
    svg = f'<svg viewBox="0 0 500 {height}" role="img" aria-label="{safe(label)}">{drawn}</svg>'
    return ('<figure class="plot"><figcaption>How far from your voice <span class="near">in steps that a reader would notice, a mean over '
            f"habits; left is nearer</span></figcaption>{svg}</figure>")  # fmt: skip


def _moved(habits: Mapping[str, Mapping[str, float]]) -> str:
    """Each habit's way from before to after, the greatest first; those that stayed are named in a line."""
    before, after = habits.get("before") or {}, habits.get("after") or {}
    change = {name: before[name] - after[name] for name in voice.LABELS if name in before and name in after}
    moved = sorted((name for name in change if abs(change[name]) >= MOVED), key=lambda name: -change[name])
    if not change:
        return ""
    drawn = ""
    for n, name in enumerate(moved):
        y = 16 + 26 * n
        was, now = (round(200 + 250 * side[name] / voice.MOST_STEPS, 1) for side in (before, after))
        drawn += (f'<text x="188" y="{y + 4}" text-anchor="end">{safe(voice.LABELS[name])}</text>'
                  f'<line class="half" x1="200" x2="450" y1="{y}" y2="{y}"/>'
                  f'<line class="span" x1="{was}" x2="{now}" y1="{y}" y2="{y}"/>'
                  f'<circle class="before" cx="{was}" cy="{y}" r="5"/><circle class="after" cx="{now}" cy="{y}" r="5"/>')  # fmt: skip
    label = "; ".join(f"{voice.LABELS[name]}: {before[name]:.1f}, now {after[name]:.1f}" for name in moved)
    stayed = [voice.LABELS[name].lower() for name in change if name not in moved]
    text = paper.note(f"About as before: {', '.join(stayed)}.") if stayed else ""
    if not moved:
        return text
    svg = f'<svg viewBox="0 0 500 {6 + 26 * len(moved)}" role="img" aria-label="{safe(label)}">{drawn}</svg>'
    return ('<figure class="plot"><figcaption>Habits that changed <span class="near">from the open dot to the full one; left is nearer '
            f"to you</span></figcaption>{svg}</figure>{text}")  # fmt: skip


def _leaks(reciting: Mapping[str, Any]) -> str:
    return paper.bullets(f"{leak['kind']}: “{leak['text']}” in the letter for {leak['title']}" for leak in reciting["leaks"])


def _table(report: Mapping[str, Any]) -> str:
    table = {who: report["table"][who] for who in SIDES if who in report["table"]}
    if not table:
        return ""
    head = ["Mean", *(f"{SIDES[who]} ({paper.count(row['letters'], 'letter')})" for who, row in table.items())]
    rows = [[name, *(_number(key, row.get(key)) for row in table.values())] for key, name in ROWS.items()]
    of = f"{paper.count(report['held_out'], 'posting')} kept apart from teaching and {report['elsewhere']} for other people"
    return paper.note(f"Letters for {of}.") + paper.table(head, rows)


def _number(key: str, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f}" if key == "words" else f"{value:.2f}" if key in ("voice_distance", "rouge_l_f1") else f"{value:.0%}"


def _letters(report: Mapping[str, Any]) -> list[str]:
    """Each posting's letters side by side, the first one open."""
    found = []
    for number, row in enumerate(report["letters"]):
        notes = {who: "" if row[f"{who}_finished"] else "stopped before its end" for who in SIDES if who in row}
        cells = "".join(f"<div><h3>{safe(SIDES[who])}</h3>{paper.letter(row[who], note=note)}</div>" for who, note in notes.items())
        title = row["title"] or f"Posting {number + 1}"
        found.append(f'<details class="before-after"{" open" * (number == 0)}><summary>{safe(title)}</summary>'
                     f'<div class="two">{cells}</div></details>')  # fmt: skip
    return found
