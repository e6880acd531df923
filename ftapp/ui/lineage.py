"""Where each version comes from, win rates between all of them, two of them side by side on the same jobs, and adapters in and out.

Part of the Models tab. Knows components and words; the work is `lineage`'s and `sharing`'s.
"""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Iterator
from typing import Any

import gradio as gr

from ftapp.config import BUNDLED, app_config
from ftapp.lineage import Lineage, lines
from ftapp.sharing import Sharing
from ftapp.ui import paper, plots
from ftapp.ui.asking import QUIET, calm, forget
from ftapp.ui.owner import Door

KEPT_SECONDS = 600  # an archive waits so long for its download
MOST_PAIRS = 15
UNFINISHED = "stopped before its end"


def stories(rows: list[dict[str, Any]]) -> str:
    """One fold a version, the newest open."""
    text = ""
    for row in rows:
        told = lines(row) + [f"{_size(row['bytes'])}, scope '{row['scope']}', made {row['made_at'][:16].replace('T', ' ')} UTC."]
        title = f"{row['id']} · {paper.adapter_state(row)}"
        settings = paper.facts(row["settings"]) if row["settings"] else ""
        more = f'<details class="more"><summary>Details</summary>{settings}</details>' if settings else ""
        text += f'<details class="before-after story"><summary>{paper.safe(title)}</summary>{paper.bullets(told)}{more}</details>'
    return text


def _size(number: int) -> str:
    return paper.size(number) if number else "its files are gone"


def rates(found: dict[str, Any]) -> str:
    """Each two versions that were compared directly or through a third, with the interval."""
    if not found["pairs"]:
        return paper.note("Win rates stand here once letters of two versions were chosen between.")
    ranked = sorted(found["pairs"], key=lambda pair: -(pair["wins"] + pair["losses"] + pair["ties"]))
    cells = [
        [
            paper.model_name(pair["one"]), paper.model_name(pair["other"]),
            f"{pair['wins']} won, {pair['losses']} lost, {pair['ties']} tied" if met(pair) else "none: told by those with others",
            f"{plots.percent(pair['chance'])}, likely between {100 * pair['low']:.0f} and {plots.percent(pair['high'])}",
        ]
        for pair in ranked[:MOST_PAIRS]
    ]  # fmt: skip
    return paper.table(["Version", "against", "Your choices between them", "Wins a comparison"], cells)


def met(pair: dict[str, Any]) -> bool:
    return any(pair[name] for name in ("wins", "losses", "ties"))


def side_by_side(pairs: list[dict[str, Any]], names: tuple[str, str]) -> str:
    """The letters of two versions for the same jobs, the first job open."""
    text = ""
    for number, pair in enumerate(pairs, 1):
        both = "".join(
            f"<div><h3>{paper.safe(paper.model_name(name))}</h3>{paper.letter(pair[side], note='' if ended else UNFINISHED)}</div>"
            for side, name, ended in zip(("one", "other"), names, pair["finished"], strict=True)
        )
        text += (f'<details class="before-after"{" open" * (number == 1)}><summary>{paper.safe(pair["title"])}</summary>'
                 f'<div class="two">{both}</div></details>')  # fmt: skip
    return text


def picked(choices: list[tuple[str, str]], value: str | None, number: int) -> Any:
    """A list with these choices; what was picked stays while it is there, else it is the choice of this number, or the last."""
    ids = [key for _, key in choices]
    return gr.update(choices=choices, value=value if value in ids else ids[min(number, len(ids) - 1)] if ids else None)


class LineagePanel:
    """Components and handlers; `looking` fills lists and tables."""

    def __init__(self, studio: Any, door: Door):
        self.studio, self.door, self.verbs, self.sharing = studio, door, Lineage(studio), Sharing(studio)
        gr.HTML('<h2 class="next">Where they come from</h2><p class="lead">What each version learned from, and what let it write.</p>')
        self.stories = gr.HTML(elem_id="lineage")
        self.rates = gr.HTML(elem_id="win-rates")
        gr.HTML('<h2 class="next">Two versions, the same jobs</h2><p class="lead">Postings that no training has seen.</p>')
        with gr.Row(elem_classes="chips fields"):
            self.one = gr.Dropdown([], label="One", elem_id="compare-one", min_width=380)
        with gr.Row(elem_classes="chips fields"):
            self.other = gr.Dropdown([], label="The other", elem_id="compare-other", min_width=380)
            self.compare = gr.Button("Put them side by side", size="sm", elem_id="compare", min_width=150)
        self.letters = gr.HTML(elem_id="compared")
        gr.HTML('<h2 class="next">Take away, bring</h2><p class="lead">An adapter as a zip. What comes in is checked first.</p>')
        with gr.Row(elem_classes="chips fields"):
            self.which = gr.Dropdown([], label="Adapter", elem_id="share-which", min_width=380)
            self.take = gr.Button("Make the file", size="sm", elem_id="share-take", min_width=110)
            self.ready = gr.DownloadButton("Save it", variant="primary", size="sm", visible=False, elem_id="share-save", min_width=90)
            self.bring = gr.UploadButton("Bring an adapter", file_types=[".zip"], size="sm", elem_id="share-bring", min_width=120)
        gr.HTML(paper.note(f"Up to {app_config().max_upload_mb} MB here; python -m ftapp adapter import FILE takes any size."))
        self.said = gr.HTML(elem_id="share-said")
        self._wire()

    def look(self, one: str | None, other: str | None, which: str | None, request: gr.Request) -> tuple[Any, ...]:
        return self._shown(self.door.owner(request), one, other, which)

    def _shown(self, owner: str, one: str | None, other: str | None, which: str | None) -> tuple[Any, ...]:
        """Everything anew; what is picked in the three lists stays picked while it is there."""
        rows = self.verbs.listing(owner)
        shipped = [("the starter that ships with ftapp", "starter")] if self.studio.spec.id == BUNDLED else []
        mine = [(paper.adapter_name(row), row["id"]) for row in rows] + shipped
        every = [*mine, ("the base model alone", "none")]
        lists = picked(every, one, 0), picked(every, other, 1), picked(mine, which, 0)
        return stories(rows), rates(self.verbs.strengths(owner)), *lists

    def put(self, one: str | None, other: str | None, request: gr.Request) -> Iterator[str]:
        owner, shown = self.door.manager(request), []
        yield paper.note("Five jobs are being written by both…")
        for pair in self.verbs.compare(owner, one or "none", other or "none"):
            shown.append(pair)
            held = paper.note("As the training's report holds them.") if pair["stored"] else ""
            yield held + side_by_side(shown, (one or "none", other or "none"))

    def make(self, adapter: str | None, request: gr.Request) -> tuple[str, Any]:
        """The file waits under a name that cannot be guessed: whoever knows the path of a download may fetch it."""
        owner = self.door.manager(request)
        if not adapter:
            return paper.note("Choose an adapter first.", "warning"), gr.update(visible=False)
        folder = self.studio.settings.folder("uploads") / f"adapter_{secrets.token_urlsafe(24)}"
        folder.mkdir(mode=0o700)
        later = threading.Timer(KEPT_SECONDS, shutil.rmtree, (folder, True))
        later.daemon = True
        later.start()
        done = self.sharing.take(owner, adapter, folder / f"{adapter}.zip")
        said = f"{paper.size(done['bytes'])}, with its model card. It was made from personal texts: its weights can hold traces of them."
        return paper.note(said), gr.update(value=done["file"], visible=True)

    def take_in(self, path: str, one: str | None, other: str | None, which: str | None, request: gr.Request) -> tuple[Any, ...]:
        try:
            owner = self.door.manager(request)
            with open(path, "rb") as source:
                done = self.sharing.bring(owner, source)
        finally:
            if path:
                forget(path)
        said = f"{done['id']} was here already." if done["already"] else f"Checked and stored as {done['id']}. It waits as a candidate."
        return paper.note(said), *self._shown(owner, one, other, which)

    def _wire(self) -> None:
        lists = [self.one, self.other, self.which]
        shown = [self.stories, self.rates, *lists]
        slow = QUIET | {"show_progress": "minimal"}
        self.looking = {"fn": calm(self.look), "inputs": lists, "outputs": shown, **QUIET}
        model = slow | {"concurrency_id": "model", "concurrency_limit": 1}  # a person who waits for a letter comes first or next
        self.compare.click(calm(self.put), [self.one, self.other], self.letters, **model)
        self.take.click(calm(self.make), self.which, [self.said, self.ready], **slow)
        self.which.change(lambda: ("", gr.update(visible=False)), None, [self.said, self.ready], **QUIET)
        self.brought = self.bring.upload(calm(self.take_in), [self.bring, *lists], [self.said, *shown], **slow)
