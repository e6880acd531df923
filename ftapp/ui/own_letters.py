"""Your letters, a half of the Teach tab: letters in, what was found in them, the quarantine, and whether they are enough.

Only the owner of this machine may bring and decide: what is here trains the model that writes for everybody. What was found stands with
its reason and the place in the text; nothing leaves the quarantine but by a button.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from ftapp import example_readers, forgetting, own_voice
from ftapp.errors import UserError
from ftapp.forgetting_files import still
from ftapp.prompts import KIND_NAMES
from ftapp.ui import paper, voice
from ftapp.ui.asking import QUIET, calm, forget
from ftapp.ui.owner import Door

KINDS = [("Guess what it is", ""), *((name[0].upper() + name[1:], kind) for kind, name in KIND_NAMES.items())]
STATES = {"in": "teaches", "kept": "teaches, kept by you", "quarantined": "in quarantine", "left_out": "left out"}
SOURCES = {"pasted": "pasted", "file": "file", "imported": "imported", "edited": "edited here"}
ACTS = {"show": "Read it", "repair": "Take the repaired text", "keep": "Let it teach", "leave_out": "Leave it out", "delete": "Delete"}
HELD_ACTS = {"repair": ACTS["repair"], "keep": "Keep", "leave_out": "Leave out", "delete": "Delete"}
AT_ONCE = 6  # examples of the quarantine that stand on the screen
MOST_LISTED, MOST_REPAIRS = 50, 10
MANY = 100  # examples from which on more change little: where the meter is full
LEAD = "Choices teach slowly; letters that you wrote teach at once. Bring what you are content with: what is taught is what comes back."
EMPTY = "Nothing here yet. Paste a letter, or bring files: six are a beginning, thirty show your voice."
STAY = "Roll back, under Models, takes off duty what writes. What you teach next starts without them."
UNCHECKED = "It is being checked. If this stays, press Check again."
WHEN = {
    "Facts that change": "A price, a policy, a project: a document under Data. Letters look it up; nobody has to teach it again.",
    "How you write": "Your openings, your length, your phrases: letters here. Training learns style, and learns facts badly.",
    "What one letter needs": "A name to mention, a tone, a length: the fields of Write, each time anew.",
}


def when_text() -> str:
    """The card that says when to use what."""
    return f'<section class="card when"><h3>What goes where</h3>{paper.facts(WHEN)}</section>'


def meter_text(report: dict[str, Any]) -> str:
    """How many teach, what to expect of so many, and which kinds are missing."""
    if not report["total"]:
        return paper.note(EMPTY)
    enough, teach = report["enough"], report["in"] + report["kept"]
    told = [f"{teach} of {paper.count(report['total'], 'example')} teach"]
    told += [f"{report[name]} {said}" for name, said in (("quarantined", "in quarantine"), ("left_out", "left out")) if report[name]]
    missing = paper.note("Still missing: " + ", ".join(enough["missing"]) + ".") if enough["missing"] else ""
    return paper.progress(teach / MANY, " · ".join(told)) + paper.note(enough["expect"]) + missing


def report_text(report: dict[str, Any]) -> str:
    """What was found, each with its reason, a place in a text, and how often."""
    if not report["total"]:
        return ""
    if not report["findings"]:
        return '<h2 class="next">What was found</h2>' + paper.note("Nothing that would spoil a training.")
    rows = [(one["name"], one["count"], one["quarantined"], one["reason"], _short(one["example"], 120)) for one in report["findings"]]
    return '<h2 class="next">What was found</h2>' + paper.table(("Finding", "Examples", "Set aside", "Why", "For example"), rows)


def held_text(row: dict[str, Any]) -> str:
    """One example of the quarantine: why it is there, where that stands in it, and the whole text on demand."""
    found = sorted(row["findings"], key=lambda one: not one["quarantine"]) or [{"reason": UNCHECKED, "example": ""}]
    lines = "".join(
        f"<li>{paper.safe(one['reason'])}" + (f" <q>{paper.safe(_short(one['example'], 160))}</q>" if one["example"] else "") + "</li>"
        for one in found
    )
    about = f"{KIND_NAMES.get(row['kind'], row['kind'])} · {paper.count(row['words'], 'word')} · {SOURCES[row['source']]}"
    letter = f"<details><summary>Read it</summary>{_body(row['letter'])}</details>"
    return (f'<div class="quarantined"><b>{paper.safe(row["name"])}</b><div class="near">{paper.safe(about)}</div>'
            f'<ul class="lines">{lines}</ul>{letter}</div>')  # fmt: skip


def repaired_text(repairs: Sequence[dict[str, Any]]) -> str:
    """What was put right, before and after."""
    if not repairs:
        return ""
    shown = "".join(
        f'<details class="before-after"><summary>{paper.safe(one["name"])}: {paper.safe(one["reason"])}</summary><div class="two">'
        f"<div><h3>Before</h3>{_body(one['before'])}</div><div><h3>After</h3>{_body(one['after'])}</div></div></details>"
        for one in repairs[:MOST_REPAIRS]
    )
    more = paper.note(f"And {len(repairs) - MOST_REPAIRS} more.") if len(repairs) > MOST_REPAIRS else ""
    return f'<h2 class="next">Repaired</h2>{shown}{more}'


def table_text(rows: Sequence[dict[str, Any]]) -> str:
    """All examples, newest first."""
    if not rows:
        return ""
    cells = [
        (row["name"] + (" (read out of the letter)" if row["rebuilt"] else ""), KIND_NAMES.get(row["kind"], row["kind"]), row["words"],
         SOURCES[row["source"]], STATES[row["state"]], "; ".join(row["findings"]) or "nothing")
        for row in rows[:MOST_LISTED]
    ]  # fmt: skip
    more = (
        paper.note(f"And {len(rows) - MOST_LISTED} more: python -m ftapp examples list shows them all.") if len(rows) > MOST_LISTED else ""
    )
    return '<h2 class="next">All examples</h2>' + paper.table(("Written for", "Kind", "Words", "From", "State", "Found"), cells) + more


def whole_text(found: dict[str, Any]) -> str:
    """One example complete, with what it was written for."""
    asked = {name: text for name, text in found["fields"].items() if text}
    turns = "".join(f"<h3>{paper.safe(m['role'])}</h3>{_body(m['content'])}" for m in found["messages"])
    brief = paper.facts(asked) if asked else ""
    source = paper.note("No posting was given: this was read out of the letter.") if found["rebuilt"] else ""
    posting = f"<details><summary>The posting</summary>{_body(found['posting'])}</details>" if found["posting"] else ""
    why = paper.bullets(one["reason"] for one in found["findings"]) if found["findings"] else ""
    return f'{paper.letter(found["letter"], words=0)}<div class="brief">{why}{source}{brief}{posting}{turns}</div>'


def _short(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0] + " …"


def _body(text: str) -> str:
    return f'<div class="body">{paper.safe(text)}</div>'


def last_training(report: dict[str, Any]) -> str:
    """What the newest training of letters changed, folded; it stays here when another training has come after it."""
    said = "What the last training of your letters changed"
    return f'<details class="before-after"><summary>{said}</summary>{voice.report_page(report)}</details>' if report else ""


class LettersPanel:
    """Components and handlers; `looking` fills everything."""

    def __init__(self, studio: Any, door: Door):
        self.studio, self.door = studio, door
        self.ids = gr.State([])  # of the quarantine, as it stands on the screen
        gr.HTML(f'<p class="lead">{LEAD}</p>')
        with gr.Row(elem_classes="two-halves"):
            with gr.Column(min_width=300):
                self._inputs()
            with gr.Column(min_width=300):
                self.meter = gr.HTML(elem_id="own-meter")
                gr.HTML(when_text(), elem_id="own-when")
        self.card = gr.HTML(elem_id="own-voice")
        self.found = gr.HTML(elem_id="own-found")
        with gr.Row(elem_classes="chips"):
            self.again = gr.Button("Check again", size="sm", visible=False, elem_id="own-check", min_width=96)
        self._quarantine()
        self.repaired = gr.HTML(elem_id="own-repaired")
        self.table = gr.HTML(elem_id="own-table")
        with gr.Row(elem_classes="chips fields", visible=False) as self.acting:
            self.pick = gr.Dropdown([], label="Example", elem_id="own-pick", min_width=260)
            self.acts = {name: gr.Button(said, size="sm", elem_id=f"own-{name}", min_width=72) for name, said in ACTS.items()}
        self.whole = gr.HTML(elem_id="own-whole")
        self._wire()

    def _inputs(self) -> None:
        self.text = gr.Textbox(
            label="A letter, message or answer that you wrote (several: a line of --- between them)",
            lines=8,
            max_lines=20,
            elem_id="own-text",
        )
        self.posting = gr.Textbox(label="The posting or question it answered (optional)", lines=2, max_lines=8, elem_id="own-posting")
        with gr.Row(elem_classes="chips fields"):
            self.kind = gr.Dropdown(KINDS, value="", label="Kind of text", elem_id="own-kind", min_width=188)
            self.add = gr.Button("Add", variant="primary", elem_id="own-add", min_width=96)
        with gr.Row(elem_classes="chips"):
            self.files = gr.UploadButton("Bring files", file_count="multiple", size="sm", elem_id="own-files", min_width=96)
            self.folder = gr.UploadButton("Bring a folder", file_count="directory", size="sm", elem_id="own-folder", min_width=96)
            self.offer = gr.Button("Add them", size="sm", visible=False, elem_id="own-offer", min_width=96)
        self.said = gr.HTML(elem_id="own-said")

    def _quarantine(self) -> None:
        self.aside = gr.HTML(elem_id="own-quarantine")
        self.held: list[tuple[gr.Column, gr.HTML, dict[str, gr.Button]]] = []
        for at in range(AT_ONCE):
            with gr.Column(visible=False, elem_classes="held-one") as place:
                text = gr.HTML(elem_id=f"own-held-{at}")
                with gr.Row(elem_classes="chips"):
                    buttons = {name: gr.Button(said, size="sm", elem_id=f"own-{name}-{at}", min_width=72)
                               for name, said in HELD_ACTS.items()}  # fmt: skip
            self.held.append((place, text, buttons))
        with gr.Row(elem_classes="chips", visible=False) as self.every:
            self.keep_all = gr.Button("Keep all", size="sm", elem_id="own-keep-all", min_width=96)
            self.leave_all = gr.Button("Leave all out", size="sm", elem_id="own-leave-all", min_width=96)
        with gr.Row(elem_classes="chips"):
            self.repair_all = gr.Button("Take all repaired texts", size="sm", visible=False, elem_id="own-repair-all", min_width=96)

    # ---- handlers ---------------------------------------------------------------------------------------------------

    def look(self, request: gr.Request) -> tuple[Any, ...]:
        return self._shown(self.door.owner(request))

    def add_text(self, text: str, posting: str, kind: str, request: gr.Request) -> tuple[str, str, str]:
        owner = self.door.manager(request)
        return _told(self.studio.examples.store(owner, example_readers.pasted(text or "", posting or "", kind or ""))), "", ""

    def add_files(self, uploads: list[str] | None, posting: str, kind: str, request: gr.Request) -> str:
        uploads = uploads or []
        try:
            owner = self.door.manager(request)
            given, refused = example_readers.read([Path(path) for path in uploads], kind or "", posting or "", uploaded=True)
        finally:
            for path in uploads:
                forget(path)
        if not given:
            why = f" {refused[0]}" if refused else ""
            raise UserError(f"No letter was found in what was brought.{why} Nothing was stored. Give text, PDF, DOCX, CSV or JSONL files.")
        return _told(self.studio.examples.store(owner, given), refused)

    def take_offered(self, request: gr.Request) -> str:
        owner = self.door.manager(request)
        there = still(self.studio.settings.home, owner)
        return _told(self.studio.examples.store(owner, self.studio.examples.offers(owner), there))

    def check(self, request: gr.Request) -> tuple[Any, ...]:
        """The quality report by words, which nothing has to be loaded for."""
        owner = self.door.owner(request)
        self.studio.examples.check(owner)
        return self._shown(owner)

    def check_meaning(self, request: gr.Request) -> tuple[Any, ...]:
        """The same once more when meaning is ready. What a person reads meanwhile is drawn again only if something else was found."""
        owner = self.door.owner(request)
        changed = self.studio.examples.check(owner, self.studio.meaning.similar)
        return self._shown(owner) if changed else (gr.skip(),) * self.outputs

    def deciding(self, at: int, act: str) -> Callable[..., tuple[Any, ...]]:
        """The handler of one button at one place of the quarantine; what stands there is known by the ids that were drawn."""

        def decide(ids: list[str], request: gr.Request) -> tuple[Any, ...]:
            owner = self.door.manager(request)
            return self._shown(owner, self._do(owner, act, [ids[at]]) if at < len(ids) else "")

        return decide

    def _do(self, owner: str, act: str, ids: list[str]) -> str:
        """What is deleted leaves the files of trainings too; adapters that learned from it stay until the person decides, and are told."""
        if act != "delete":
            getattr(self.studio.examples, act)(owner, ids)
            return ""
        done = forgetting.Forgetting(self.studio).forget(owner, "example", ids, "keep")
        return paper.bullets([*forgetting.done(done), STAY]) if done["adapters"] else ""

    def deciding_all(self, act: str) -> Callable[..., tuple[Any, ...]]:
        def decide(request: gr.Request) -> tuple[Any, ...]:
            owner = self.door.manager(request)
            self._do(owner, act, [row["id"] for row in self.studio.examples.listing(owner, "quarantined")])
            return self._shown(owner)

        return decide

    def repair_every(self, request: gr.Request) -> tuple[Any, ...]:
        """Of letters that are kept too: they would teach what stands around them."""
        owner = self.door.manager(request)
        self._do(owner, "repair", _repairable(self.studio.examples.listing(owner)))
        return self._shown(owner)

    def choosing(self, act: str) -> Callable[..., tuple[Any, ...]]:
        def decide(id: str, request: gr.Request) -> tuple[Any, ...]:
            owner = self.door.manager(request)
            if not id:
                raise UserError("No example is chosen. Nothing has changed. Choose one in the list first.")
            return self._shown(owner, self._do(owner, act, [id]))

        return decide

    def read(self, id: str, request: gr.Request) -> str:
        owner = self.door.owner(request)
        return whole_text(self.studio.examples.show(owner, id)) if id else paper.note("Choose an example in the list first.")

    def _shown(self, owner: str, told: str = "") -> tuple[Any, ...]:
        report, rows, offered = (getattr(self.studio.examples, name)(owner) for name in ("report", "listing", "offered"))
        held = report["quarantine"]
        places: list[Any] = []
        for at in range(AT_ONCE):
            there = at < len(held)
            places += [gr.update(visible=there), held_text(held[at]) if there else "",
                       gr.update(visible=there and held[at]["repairable"])]  # fmt: skip
        more = paper.note(f"{len(held) - AT_ONCE} more come when these are decided.") if len(held) > AT_ONCE else ""
        aside = (
            f'<h2 class="next">In quarantine: {len(held)}</h2>{paper.note("They do not teach until you keep them.")}{more}' if held else ""
        )
        choices = [(_short(row["name"], 60), row["id"]) for row in rows[:MOST_LISTED]]
        card = own_voice.card(self.studio, owner)
        return (
            meter_text(report), (voice.card_page(card) if card else "") + last_training(own_voice.report(self.studio, owner)),
            report_text(report), gr.update(visible=bool(rows)), [row["id"] for row in held[:AT_ONCE]], aside,
            gr.update(visible=len(held) > 1), gr.update(visible=len(_repairable(rows)) > 1), *places,
            repaired_text(report["repaired"]), table_text(rows),
            gr.update(visible=bool(rows)), gr.update(choices=choices, value=None), told,
            gr.update(visible=offered > 0, value=f"Add {paper.count(offered, 'letter')} edited here or imported"),
        )  # fmt: skip

    def _wire(self) -> None:
        places = [part for place, text, buttons in self.held for part in (place, text, buttons["repair"])]
        shown = [self.meter, self.card,
                 self.found, self.again, self.ids, self.aside, self.every, self.repair_all, *places, self.repaired, self.table,
                 self.acting, self.pick, self.whole, self.offer]  # fmt: skip
        slow = QUIET | {"show_progress": "minimal"}
        self.looking = {"fn": calm(self.look), "inputs": None, "outputs": shown, **QUIET}
        self.outputs = len(shown)
        checking = {"fn": calm(self.check), "inputs": None, "outputs": shown, **slow}
        meaning = {"fn": calm(self.check_meaning), "inputs": None, "outputs": shown, **QUIET}
        about = [self.posting, self.kind]
        added = [
            self.add.click(calm(self.add_text), [self.text, *about], [self.said, self.text, self.posting], **slow),
            self.files.upload(calm(self.add_files), [self.files, *about], self.said, **slow),
            self.folder.upload(calm(self.add_files), [self.folder, *about], self.said, **slow),
            self.offer.click(calm(self.take_offered), None, self.said, **slow),
        ]
        for event in added:
            event.success(**checking).then(**meaning)
        self.again.click(**checking).then(**meaning)
        for at, (_, _, buttons) in enumerate(self.held):
            for act, button in buttons.items():
                button.click(calm(self.deciding(at, act)), self.ids, shown, **QUIET)
        self.keep_all.click(calm(self.deciding_all("keep")), None, shown, **QUIET)
        self.leave_all.click(calm(self.deciding_all("leave_out")), None, shown, **QUIET)
        self.repair_all.click(calm(self.repair_every), None, shown, **QUIET)
        self.acts["show"].click(calm(self.read), self.pick, self.whole, **QUIET)
        for act in HELD_ACTS:
            self.acts[act].click(calm(self.choosing(act)), self.pick, shown, **QUIET)


def _repairable(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows if row["repairable"] and row["state"] != "left_out"]


def _told(added: Any, refused: Sequence[str] = ()) -> str:
    """What became of what was brought."""
    text = paper.note(f"{paper.count(len(added.ids), 'example')} added, {added.already} there already."
                      if added.ids or not added.already else "Nothing new: all of it is here already.")  # fmt: skip
    if refused:
        text += paper.note(f"{len(refused)} not taken:", "warning") + paper.bullets(refused[:20])
    return text
