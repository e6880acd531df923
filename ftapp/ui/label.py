"""The Label tab: pairs one after another, judged by keys. Here stand its fixed parts and the panels below them.

What happens while pairs are judged is label.js in the page and `desk` in the app; this file knows neither letters nor votes.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from ftapp.preferences import REASONS
from ftapp.ui import paper
from ftapp.ui.asking import QUIET
from ftapp.ui.judging import JudgingPanel
from ftapp.ui.labelers import PeoplePanel
from ftapp.ui.owner import Door
from ftapp.ui.queue import QueuePanel

VOTES = {"left": ("1", "A"), "right": ("2", "B"), "tie": ("3", "Tie"), "both_bad": ("4", "Both bad")}
MORE = {"edit": ("e", "Edit"), "mix": ("m", "Mix"), "skip": ("s", "Skip"), "undo": ("u", "Undo"), "help": ("?", "Help")}
HELP = (
    ("1, 2", "letter A, letter B is better"), ("3, 4", "tie, both bad"), ("e", "correct letter A; again: letter B"),
    ("m", "mix: arrows move, Enter takes a paragraph"), ("Ctrl Enter", "choose your version"), ("Esc", "leave it"),
    ("s", "skip this pair"), ("u", "undo the last decision"), ("?", "show or hide this list"),
)  # fmt: skip


def stage() -> str:
    """The desk before anything is on it. Its words are all ours."""
    tags = "".join(f'<label class="tag"><input type="checkbox" value="{key}"> {paper.safe(name)}</label>' for key, name in REASONS.items())
    keys = "".join(f"<dt><kbd>{paper.safe(key)}</kbd></dt><dd>{paper.safe(does)}</dd>" for key, does in HELP)
    return f"""
<section id="label-stage" class="stage" aria-label="Labelling">
<div class="desk">
<div class="top-line"><p id="label-progress" class="caption"></p>
<label class="tag"><input type="checkbox" id="label-keys" checked> Single keys</label></div>
<p id="label-now" class="unseen" role="status" aria-live="polite"></p>
<p id="label-changing" class="note warning" hidden></p>
<div id="label-pairs"></div>
<div id="label-waiting"><p class="note">The next pair is being written. It comes by itself.</p></div>
<div id="label-empty" hidden><p class="note">Two letters for one posting, again and again: say which
you would send, and ftapp learns from it. Nothing is in the queue yet.</p>
<button type="button" class="btn primary" id="label-begin">Label the fictional set of 40</button></div>
<div id="label-over" hidden><p class="note">Every pair of the queue is judged. Add more below, or teach what you have chosen.</p></div>
<div id="label-editor" hidden>
<label for="label-edited" id="label-edited-name">Your version</label>
<textarea id="label-edited" rows="12" spellcheck="true"></textarea>
<div class="line">{_button("choose", "Ctrl Enter", "Choose my version", "primary")}{_button("cancel", "Esc", "Cancel")}</div>
</div>
<div id="label-vote" hidden>
<fieldset id="label-reasons"><legend>Why? (if you like)</legend>{tags}</fieldset>
<div class="line"><span class="question">Which would you send?</span>
<span class="line tight">{"".join(_button(verb, *named) for verb, named in VOTES.items())}</span>
<span class="line tight">{"".join(_button(verb, *named) for verb, named in MORE.items())}</span></div>
</div>
<p id="label-saved" class="note" role="status" aria-live="polite"></p>
<div id="label-keylist" hidden><p class="caption">With Ctrl the keys also work inside a text field, and when single keys are off.</p>
<dl class="keys">{keys}</dl></div>
</div>
<section class="recent" aria-label="Last ten decisions"><h3>Last ten decisions</h3><ol id="label-recent"></ol></section>
</section>"""


def _button(verb: str, key: str, name: str, kind: str = "") -> str:
    ends = f"Control+{key[5:]}" if key.startswith("Ctrl ") else "Escape" if key == "Esc" else key
    return (f'<button type="button" class="btn {kind}" data-do="{verb}" id="label-{verb}" aria-keyshortcuts="{ends}">'
            f'<kbd>{paper.safe(key)}</kbd> {paper.safe(name)}</button>')  # fmt: skip


class LabelTab:
    """Components of the tab; `opening` is done when it is shown."""

    def __init__(self, studio: Any, door: Door):
        gr.HTML(stage(), elem_id="label-desk")
        self.queue = QueuePanel(studio, door)
        self.people = PeoplePanel(studio, door)
        JudgingPanel(studio, door)
        self.opening = {"fn": None, "inputs": None, "outputs": None, "js": "() => { window.ftappLabel && window.ftappLabel.look(); }",
                        "api_visibility": "private", "show_progress": "hidden"}  # fmt: skip
        for event in self.queue.changed:
            event.then(**self.opening)
        for event in self.people.changed:
            event.then(fn=None, inputs=None, outputs=None, js="() => { window.ftappLabel && window.ftappLabel.forget(); }", **QUIET)
        self.looking = [self.queue.looking, self.people.looking]
