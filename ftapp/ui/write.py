"""The Write tab: posting and résumé in, two letters out, one choice. Knows components and words; the work is `Studio`'s.

Every handler takes the owner from the request. `gr.State` holds ids and a time, never a text.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from ftapp import claims
from ftapp.profiles import parse_job, parse_resume
from ftapp.prompts import KIND_NAMES, TONES
from ftapp.review import review, without
from ftapp.structure import NOTE_CHARACTERS, is_note
from ftapp.ui import evidence, paper
from ftapp.ui.asking import QUIET, calm, sentence
from ftapp.ui.fields import corrected, read_of, values
from ftapp.ui.owner import Door
from ftapp.ui.sources import POSTING_HINT, SourcesPanel, Visit
from ftapp.ui.taking import TakeAway

KINDS = [(name[0].upper() + name[1:], kind) for kind, name in KIND_NAMES.items()]
HINTS = {"left": "The first letter will stand here.", "right": "The second one here, at the same time."}
CHOSEN = {"left": "You chose A.", "right": "You chose B.", "tie": "You called it a tie.", "both_bad": "You would send neither."}
VOTES = {"left": "1  A", "right": "2  B", "tie": "3  Tie", "both_bad": "4  Neither"}
NO_LONGER = "This pair is no longer open. Nothing was changed."
LOADING = "The model is still loading. Writing begins by itself when it is ready."
UNPROVEN = "Which model wrote which letter cannot be proved, so there is nothing to choose here. Read them, or write two more."
Update = dict[Any, Any]


def outcome_text(verdict: str, got: dict[str, Any], edited: bool) -> str:
    """What was stored, in one or two sentences."""
    said = "You chose your own version." if edited else CHOSEN[verdict]
    added = got["pairs_added"]
    if added:
        stored = f"Stored: {paper.count(added, 'comparison')} to learn from."
    elif verdict in ("tie", "both_bad"):
        stored = "Stored. There is nothing to learn from it, but it counts when models are compared."
    else:
        stored = "Stored."
    return " ".join(part for part in (said, stored, got.get("note", "")) if part)


class WriteTab:
    """Components and handlers of the tab. `voted` are the events after which the count of new choices differs."""

    def __init__(self, studio: Any, door: Door):
        self.studio, self.door = studio, door
        # ids of the pair, of the stored choice, the side being edited, and when the pair was shown
        self.comparison, self.receipt, self.editing, self.shown_at = gr.State(""), gr.State(""), gr.State(""), gr.State(0.0)
        self._inputs()
        with gr.Column():  # the question sticks to the window only while its letters are in sight
            self._letters()
            self._choosing()
        self._wire()

    # --- components -----------------------------------------------------------------------------------------------------

    def _inputs(self) -> None:
        self.sources = SourcesPanel(self.studio, self.door)
        self.job, self.resume, self.form = self.sources.job, self.sources.resume, self.sources.form
        with gr.Row(elem_classes="settings"):
            lengths = self.studio.words("cover_letter")
            self.kind = gr.Dropdown(KINDS, value="cover_letter", label="Kind of text", elem_id="kind", min_width=188)
            self.tone = gr.Dropdown([(t.capitalize(), t) for t in TONES], value=TONES[0], label="Tone", elem_id="tone", min_width=120)
            self.words = gr.Dropdown(
                _choices("cover_letter", lengths), value=_middle(lengths), label="Length", elem_id="words", min_width=190
            )
            self.hook = gr.Textbox(label="A sentence of your own (optional)", max_lines=1, elem_id="hook", min_width=220, scale=3)
            with gr.Column(elem_classes="go", min_width=120, scale=1):
                self.start = gr.Button("Write", variant="primary", elem_id="write", min_width=120)
                self.stop = gr.Button("Stop", visible=False, elem_id="stop", min_width=120)
        self.leaving = gr.HTML(elem_id="leaving")  # whether texts leave this machine, before they do

    def _letters(self) -> None:
        self.say = gr.HTML(elem_id="say")
        self.tags, self.cards = {}, {}
        with gr.Row(elem_classes="pair"):
            for side in paper.SIDES:
                with gr.Column(min_width=280, elem_classes="side-column"):
                    self.tags[side] = gr.HTML(paper.tag(side), elem_id=f"tag-{side}")
                    self.cards[side] = gr.HTML(paper.letter("", note=HINTS[side]), elem_id=f"letter-{side}")
        self.used = gr.HTML(elem_id="used")
        # What a button beside a claim means reaches Python through these two; see keys.js.
        self.point = gr.Textbox(visible="hidden", elem_id="point", container=False)
        self.resolving = gr.Button(visible="hidden", elem_id="resolve")

    def _choosing(self) -> None:
        with gr.Column(visible=False, elem_id="verdict", elem_classes="below") as self.verdict, gr.Row(elem_classes="bar"):
            gr.HTML('<p class="question">Which would you send?</p>')
            with gr.Row(elem_classes="chips votes"):
                self.votes = {verdict: gr.Button(text, elem_id=f"verdict-{verdict}", min_width=72) for verdict, text in VOTES.items()}
            with gr.Row(elem_classes="chips"):
                self.edits = {s: gr.Button(f"Edit {name}", size="sm", elem_id=f"edit-{s}", min_width=64) for s, name in paper.SIDES.items()}
                gr.Checkbox(True, interactive=True, label="Keys 1–4", elem_id="keys-switch", container=False, min_width=96)
        with gr.Column(visible=False, elem_id="editor", elem_classes="below") as self.editor:
            self.edited = gr.Textbox(label="Your version", lines=12, max_lines=30, elem_id="edited")
            with gr.Row(elem_classes="chips"):
                self.take_edit = gr.Button("Choose my edit", variant="primary", size="sm", elem_id="take-edit")
                self.drop_edit = gr.Button("Cancel", size="sm", elem_id="drop-edit")
        with gr.Column(visible=False, elem_id="after", elem_classes="below") as self.after, gr.Row(elem_classes="bar"):
            self.outcome = gr.HTML(elem_id="outcome")
            with gr.Row(elem_classes="chips"):
                self.again = gr.Button("Write two more", variant="primary", size="sm", elem_id="again")
                self.undo = gr.Button("Undo my choice", size="sm", elem_id="undo")
            with gr.Column(visible=False, elem_id="taking", min_width=200) as self.taking:
                TakeAway(self.studio, self.door, self.receipt)
        self.own = gr.HTML(elem_id="own")  # the person's version, once it is chosen

    # --- reading and writing --------------------------------------------------------------------------------------------

    def lengths_of(self, kind: str, words: int) -> tuple[Any, ...]:
        """What the model that is loaded now can do; a length that it cannot write gives way to the middle one."""
        offered = self.studio.words(kind)
        job = ("Question or topic", "Type a question, or a topic to write on") if kind == "answer" else ("Posting", POSTING_HINT)
        chosen = words if words in offered else _middle(offered)
        told = gr.update(choices=_choices(kind, offered), value=chosen), gr.update(label=job[0], placeholder=job[1]), *self.sources.offer()
        return *told, paper.note(self.studio.servers.leaving(), "warning")

    def prepare(self, words: int, visit: Visit) -> Update:
        """Before the model is free: the cards take their place, and Stop takes the place of Write."""
        visit.wrote = True
        ready = self.studio.servers.alone() or self.studio.model_state()["state"] == "ready"
        return {
            self.start: gr.update(visible=False), self.stop: gr.update(visible=True), self.say: paper.note("" if ready else LOADING),
            self.verdict: gr.update(visible=False), self.after: gr.update(visible=False), self.editor: gr.update(visible=False),
            self.comparison: "", self.receipt: "", self.editing: "", self.used: "", self.own: "",
            **self._blank_tags(), **{card: paper.letter("", writing=True, words=words) for card in self.cards.values()},
        }  # fmt: skip

    def write(
        self, job: str, resume: str, kind: str, tone: str, words: int, hook: str, read: str, request: gr.Request, *boxes: Any
    ) -> Iterator[Update]:
        """The only handler that streams; what it holds may be lost with the tab, the stored pair is not."""
        owner, shown = self.door.owner(request), False
        fields = corrected(boxes) if read == read_of(job, resume) else (None, None)  # the form may belong to other texts
        try:
            for step in self.studio.write_pair(owner, job, resume, kind, tone, int(words), hook, None, False, "live", fields):
                going = not step.get("done", True)
                gone = {s: evidence.removed(taken) for s, taken in step.get("stripped", {}).items()}
                news: Update = {
                    card: paper.letter(step[s], words=words, writing=going, below=gone.get(s, "")) for s, card in self.cards.items()
                }
                if not shown:
                    shown, begun = True, {self.comparison: step["comparison_id"], self.shown_at: time.time()}
                    news |= begun | {self.verdict: gr.update(visible=True), self.say: ""}
                    self._prepare(job, resume, *fields)
                yield news
        except Exception as error:
            said = {self.say: paper.note(sentence(error), "warning")}
            before = {} if shown else self._last(owner)  # nothing was written: what stood there stands there again
            yield self._empty_cards(words) | {self.verdict: gr.update(visible=False)} | before | said

    def _prepare(self, job: str, resume: str, posting: Any, profile: Any) -> None:
        """Begin to read the sources by meaning, so that it is done when the letters are."""
        self.studio.meaning.prepare(claims.lines(profile or parse_resume(resume or ""), posting or parse_job(job), [resume or ""]))

    def settle(self, comparison: str, words: int, request: gr.Request) -> Update:
        """After the stream, however it ended: what is stored is what is shown. A vote cast meanwhile stays."""
        owner = self.door.owner(request)
        pair = self._open(owner, comparison)
        news: Update = {self.start: gr.update(visible=True), self.stop: gr.update(visible=False)}
        if pair:
            news |= self._stored_cards(pair, owner)
            if self._open(owner, comparison):  # on a busy machine the cards take a while, in which somebody may vote
                news |= self._offer(pair)
            if pair["proven"]:
                news.pop(self.say, None)  # it may say why nothing new was written
        return news

    def _open(self, owner: str, comparison: str) -> dict[str, Any] | None:
        """The pair that a tab shows, if it is stored and nobody has chosen yet; another tab may have written a newer one."""
        return self.studio.current_comparison(owner, comparison) if comparison else None

    def halt(self, request: gr.Request) -> None:
        self.studio.stop_writing(self.door.owner(request))

    def restore(self, visit: Visit, request: gr.Request) -> Update:
        """The owner's newest pair as it is stored, decided or not, with what it was written from; nothing when there is none, or when
        who did not wait for it has pressed Write: a vote on the new letters would count for those."""
        owner = self.door.owner(request)
        news = self._restored(self.studio.current_comparison(owner) or self.studio.last_choice(owner), owner)
        if visit.wrote:
            return {self.say: gr.skip()}
        visit.of = news.get(self.sources.read_of, visit.of)
        return news

    def _restored(self, pair: dict[str, Any] | None, owner: str) -> Update:
        if pair is None:
            return {self.stop: gr.update(visible=False)}
        if "verdict" in pair:
            return self._shown(pair, owner) | {self.stop: gr.update(visible=False)}  # the boxes are for what comes next
        sources = self.studio.sources(owner, pair["comparison_id"])
        offered = [*self.studio.words(pair["kind"]), pair["words"]]
        return {
            self.job: pair["job"], self.resume: pair["resume"], self.kind: pair["kind"], self.tone: pair["tone"],
            self.words: gr.update(choices=_choices(pair["kind"], offered), value=pair["words"]), self.hook: pair["hook"],
            self.sources.read_of: read_of(pair["job"], pair["resume"]),
            **dict(zip(self.form.boxes, self.form.show(values(sources.job, sources.profile)), strict=True)), **self._shown(pair, owner),
        }  # fmt: skip

    def _last(self, owner: str) -> Update:
        """The newest pair's letters and what may be done with them, or nothing."""
        pair = self.studio.current_comparison(owner) or self.studio.last_choice(owner)
        return self._shown(pair, owner) if pair else {}

    def _shown(self, pair: dict[str, Any], owner: str) -> Update:
        news = {self.comparison: pair["comparison_id"], self.own: "", **self._blank_tags(), **self._stored_cards(pair, owner)}
        if "verdict" in pair:
            return news | self._decided(pair["verdict"], pair["got"], pair["edited"] or "")
        return news | {self.after: gr.update(visible=False)} | self._offer(pair)

    # --- choosing -------------------------------------------------------------------------------------------------------

    def vote_for(self, verdict: str) -> Callable[..., Update]:
        def vote(comparison: str, since: float, request: gr.Request) -> Update:
            seconds = time.time() - since if since else None
            return self._decided(verdict, self.studio.prefer(self.door.owner(request), comparison, verdict, seconds=seconds))

        return vote

    def edit(self, side: str) -> Callable[..., Update]:
        def open_editor(comparison: str, request: gr.Request) -> Update:
            owner = self.door.owner(request)
            pair = self._open(owner, comparison)
            if pair is None:
                writing = "The letters are still being written. Edit one when both are whole."
                raise gr.Error(writing if self.studio.busy(owner) else NO_LONGER, title="Not done", print_exception=False)
            return self._editor(side, pair[side])

        return open_editor

    def resolve(self, point: str, comparison: str, request: gr.Request) -> Update:
        """A button beside an open claim: `left 2` opens the editor without the sentence of claim 2, `left 0` with the whole letter."""
        owner, (side, _, number) = self.door.owner(request), point.partition(" ")
        pair = self._open(owner, comparison)
        if pair is None or side not in paper.SIDES or not number.isdigit():
            raise gr.Error(NO_LONGER, title="Not done", print_exception=False)
        return self._editor(side, without(pair[side], self.studio.sources(owner, comparison), int(number)))

    def _editor(self, side: str, text: str) -> Update:
        label = f"Your version of letter {paper.SIDES[side]}: correct it, then choose it over both"
        return {self.editor: gr.update(visible=True), self.edited: gr.update(value=text, label=label), self.editing: side}

    def choose_edit(self, comparison: str, side: str, text: str, since: float, request: gr.Request) -> Update:
        seconds = time.time() - since if since else None
        got = self.studio.prefer(self.door.owner(request), comparison, side, edited=text, edited_from=side, seconds=seconds)
        return self._decided(side, got, text.strip())

    def take_back(self, receipt: str, job: str, resume: str, request: gr.Request) -> Update:
        """The pair without its verdict. What stands in the boxes by now may be the next posting, so only empty ones are filled."""
        owner = self.door.owner(request)
        pair = self._open(owner, self.studio.undo(owner, receipt or None)["comparison_id"])
        back = self._shown(pair, owner) if (job + resume).strip() else self._restored(pair, owner)
        return back | {self.receipt: "", self.after: gr.update(visible=False)}

    def _decided(self, verdict: str, got: dict[str, Any], edited: str = "") -> Update:
        """After the vote: who wrote what, what was stored, and the person's own version where there is one."""
        own = f'<h2 class="side picked"><b>Your version</b><span class="chosen">your choice</span></h2>{paper.letter(edited)}'
        return {
            self.own: own if edited else "", self.receipt: got["receipt"], self.editing: "",
            self.verdict: gr.update(visible=False), self.editor: gr.update(visible=False),
            self.after: gr.update(visible=True), self.taking: gr.update(visible=verdict in paper.SIDES),
            self.outcome: paper.note(outcome_text(verdict, got, bool(edited))),
            **{tag: paper.tag(s, f"by {paper.model_name(got[f'{s}_model'])}", s == verdict and not edited) for s, tag in self.tags.items()},
        }  # fmt: skip

    def _blank_tags(self) -> Update:
        return {tag: paper.tag(side) for side, tag in self.tags.items()}

    def _empty_cards(self, words: int) -> Update:
        return {card: paper.letter("", note=HINTS[side], words=words) for side, card in self.cards.items()}

    def _offer(self, pair: dict[str, Any]) -> Update:
        """The question, unless the sides cannot be proved: then a choice would teach the wrong lesson."""
        return {self.verdict: gr.update(visible=pair["proven"]), self.say: paper.note("" if pair["proven"] else UNPROVEN, "warning")}

    def _stored_cards(self, pair: dict[str, Any], owner: str) -> Update:
        """Both letters as they are stored, each with its evidence."""
        sources, cards = self.studio.sources(owner, pair["comparison_id"]), {}
        for side, card in self.cards.items():
            text, found = pair[side], review(pair[side], sources, self.studio.meaning)
            cards[card] = paper.letter(
                text, words=pair["words"], note="" if pair[f"{side}_finished"] else "stopped before its end",
                marked=evidence.marked(text, found), foot=evidence.summary(text, found),
                below=evidence.removed(pair["stripped"][side]) + (evidence.points(side, text, found, pair["proven"]) if text else ""),
            )  # fmt: skip
        found = self.studio.used(owner, sources)
        fits = [f"{one.title}: {one.why}" for one in found]
        cards[self.used] = paper.note("From your portfolio:") + paper.bullets(fits) if fits else ""
        return cards

    # --- wiring ---------------------------------------------------------------------------------------------------------

    def _wire(self) -> None:
        asked = [self.job, self.resume, self.kind, self.tone, self.words, self.hook]
        view = [self.used, self.own, self.start, self.stop, self.say, self.verdict, self.after, self.taking, self.editor, self.outcome,
                self.comparison, self.receipt, self.editing, self.shown_at, *self.tags.values(), *self.cards.values()]  # fmt: skip
        form = [self.sources.read_of, *self.form.boxes]
        writing = QUIET | {"concurrency_id": "model", "concurrency_limit": 1}

        self.sources.wire(self.kind)
        able = [self.words, self.job, self.sources.ask, self.sources.asked, self.leaving]
        # Gradio tells twice that a kind was chosen; the second time the length of before would be refused as none of the new ones.
        raw = QUIET | {"preprocess": False}
        self.measuring = {"fn": calm(self.lengths_of), "inputs": [self.kind, self.words], "outputs": able, **raw}
        self.kind.input(**self.measuring)
        for button in (self.start, self.again):
            button.click(calm(self.prepare), [self.words, self.sources.visit], view, **QUIET).then(
                calm(self.write), [*asked, self.sources.read_of, *self.form.boxes], view, **writing
            ).then(calm(self.settle), [self.comparison, self.words], view, **QUIET)
        self.stop.click(calm(self.halt), None, None, **QUIET)

        cast = [self.comparison, self.shown_at]
        self.voted = [button.click(calm(self.vote_for(verdict)), cast, view, **QUIET) for verdict, button in self.votes.items()]
        self.resolving.click(calm(self.resolve), [self.point, self.comparison], [self.editor, self.edited, self.editing], **QUIET)
        for side, button in self.edits.items():
            button.click(calm(self.edit(side)), self.comparison, [self.editor, self.edited, self.editing], **QUIET)
        self.drop_edit.click(lambda: (gr.update(visible=False), ""), None, [self.editor, self.editing], **QUIET)
        chosen = [self.comparison, self.editing, self.edited, self.shown_at]
        self.voted.append(self.take_edit.click(calm(self.choose_edit), chosen, view, **QUIET))
        self.voted.append(self.undo.click(calm(self.take_back), [self.receipt, self.job, self.resume], [*view, *asked, *form], **QUIET))
        self.loading = {"fn": calm(self.restore), "inputs": self.sources.visit, "outputs": [*view, *asked, *form], **QUIET}
        typed = [self.job, self.resume, self.hook]
        self.standing = {"fn": None, "inputs": typed, "outputs": typed, "js": "(...stored) => window.ftappStanding(...stored)", **QUIET}
        self.reading = self.sources.reading


def _choices(kind: str, lengths: list[int]) -> list[tuple[str, int]]:
    """Lengths as a person chooses them: LinkedIn limits a connection note by its characters."""
    note = f"Note, {NOTE_CHARACTERS} characters"
    return [(note if is_note(kind, n) else f"{n} words", n) for n in sorted(set(lengths))]


def _middle(lengths: list[int]) -> int:
    return lengths[len(lengths) // 2]
