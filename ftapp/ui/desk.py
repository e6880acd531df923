"""The labelling desk: what the page asks while pairs are judged, as small JSON answers, so that no key press waits for them.

The page holds a few pairs ahead, shows the next one itself and tells the desk afterwards; see label.js. Who asks is taken from the
request, as everywhere. Letters leave here as escaped markup made by `paper` and `evidence`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ftapp.errors import NotAllowed, UserError, unwritten
from ftapp.likeness import Marks, paragraphs
from ftapp.preferences import REASONS, SETTLED
from ftapp.prompts import KIND_NAMES
from ftapp.review import review, without
from ftapp.ui import evidence, paper
from ftapp.ui.asking import sentence
from ftapp.ui.owner import Door

MOST_BYTES = 64 * 1024
UNSTORED = "{}. Nothing more is stored for now: what you decide waits on this page and is tried again. {}, and leave the page open."
MOST_PENDING = 50
MOST_SECONDS = 3600.0  # a pair left open over lunch says nothing about speed
SAID = {"left": "A", "right": "B", "tie": "Tie", "both_bad": "Both bad"}


def routes(studio: Any, door: Door) -> list[Route]:
    """One POST a verb, under /label/."""
    desk = Desk(studio, door)
    verbs = (desk.state, desk.vote, desk.skip, desk.undo, desk.pair, desk.shorter, desk.begin)
    return [Route(f"/label/{verb.__name__}", _answering(verb), methods=["POST"]) for verb in verbs]


def _answering(verb: Callable[[Request, dict[str, Any]], dict[str, Any]]) -> Callable[[Request], Any]:
    """Reads and checks the request, answers in JSON; an error is one sentence, as on the rest of the page."""

    async def answer(request: Request) -> JSONResponse:
        try:
            given = _asked(request, await request.body())
            return JSONResponse(await run_in_threadpool(verb, request, given))
        except Exception as error:
            status = 403 if isinstance(error, NotAllowed) else 400 if isinstance(error, UserError) else 500
            if why := unwritten(error):  # the page keeps the decision and tells it again, as often as it takes
                return JSONResponse({"error": UNSTORED.format(*why)}, 507)
            return JSONResponse({"error": sentence(error)}, status)

    return answer


def _asked(request: Request, body: bytes) -> dict[str, Any]:
    """The JSON object of a request of our own page. Another site's page can send none: its JSON needs a permission that nobody gives,
    and its origin is not ours. Raises UserError, NotAllowed."""
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        raise NotAllowed("This was asked by another site's page. Nothing was stored. Open ftapp itself.")
    if not request.headers.get("content-type", "").startswith("application/json") or len(body) > MOST_BYTES:
        raise UserError("This is no question of the labelling page, or too long a letter. Nothing was stored. Load the page again.")
    try:
        given = json.loads(body or b"{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise UserError("This is no question of the labelling page. Nothing was stored. Load the page again.")
    return given


class Desk:
    """The verbs. Each returns what the page then shows: new pairs, progress, the last decisions."""

    def __init__(self, studio: Any, door: Door) -> None:
        self.studio, self.door = studio, door

    def who(self, request: Any) -> tuple[str, str]:
        return self.door.labeler(request, self.studio.labelling.still)

    def state(self, request: Request, given: dict[str, Any]) -> dict[str, Any]:
        """Where labelling stands: {pairs, progress, recent}; `have` are the pairs that the page holds or has just judged."""
        owner, labeler = self.who(request)
        return self._state(owner, labeler, given)

    def vote(self, request: Request, given: dict[str, Any]) -> dict[str, Any]:
        """A verdict, committed before it is answered; the same one again gives the same receipt."""
        owner, labeler = self.who(request)
        if given.get("settle"):
            owner, labeler = self.door.manager(request), SETTLED
        reasons = given.get("reasons")
        edit = {name: _text(given, name) or None for name in ("edited", "edited_from", "replaces")}
        receipt = self.studio.labelling.vote(
            owner, labeler, _text(given, "id"), _text(given, "verdict"), seconds=_seconds(given.get("seconds")),
            reasons=[str(reason) for reason in reasons] if isinstance(reasons, list) else [], **edit,
        )  # fmt: skip
        sides = [paper.model_name(receipt[f"{side}_model"]) for side in paper.SIDES]
        said = "your version, over both" if edit["edited"] else SAID[given["verdict"]]
        saved = f"Saved: {said}. A was written by {sides[0]}, B by {sides[1]}. Receipt {receipt['receipt']}."
        return {"receipt": receipt, "saved": " ".join(filter(None, (saved, receipt.get("note", "")))), **self.state(request, given)}

    def skip(self, request: Request, given: dict[str, Any]) -> dict[str, Any]:
        owner, labeler = self.who(request)
        self.studio.labelling.skip(owner, labeler, _text(given, "id"))
        return self._state(owner, labeler, given)

    def undo(self, request: Request, given: dict[str, Any]) -> dict[str, Any]:
        """Takes a decision back, the last one without a receipt, and gives its pair again."""
        owner, labeler = self.who(request)
        taken = self.studio.labelling.undo(owner, labeler, _text(given, "receipt") or None)
        return {"undone": taken["receipt"], "pair": self._shown(owner, taken["comparison_id"]), **self._state(owner, labeler, given)}

    def pair(self, request: Request, given: dict[str, Any]) -> dict[str, Any]:
        """One pair again, to change its decision or to settle it."""
        owner, _ = self.who(request)
        return {"pair": self._shown(owner, _text(given, "id"))}

    def shorter(self, request: Request, given: dict[str, Any]) -> dict[str, Any]:
        """A letter without the sentence of one of its open claims."""
        owner, _ = self.who(request)
        pair, side, number = self.studio.labelling.pair(owner, _text(given, "id")), _text(given, "side"), given.get("number")
        if side not in paper.SIDES or not isinstance(number, int):
            raise UserError("This is no claim of the pair. Nothing was changed. Load the page again.")
        return {"text": without(pair[side], self.studio.sources(owner, pair["id"]), number)}

    def begin(self, request: Request, given: dict[str, Any]) -> dict[str, Any]:
        """Fill an empty queue with the fictional set."""
        owner, labeler = self.who(request)
        if labeler != owner:
            raise NotAllowed("The queue belongs to its owner. You may label what is in it. Ask the owner to fill it.")
        self.studio.labelling.fill_fictional(owner)
        return self._state(owner, labeler, given)

    # ---- what is shown ------------------------------------------------------------------------------------------

    def _state(self, owner: str, labeler: str, given: dict[str, Any]) -> dict[str, Any]:
        have = given.get("have")
        have = [str(id) for id in have][:MOST_PENDING] if isinstance(have, list) else []
        fresh = self.studio.labelling.next(owner, labeler, have)
        found = self.studio.labelling.progress(owner, labeler)
        rows = self.studio.labelling.recent(owner, labeler)
        return {"pairs": [self._html(owner, pair) for pair in fresh], "progress": found | {"said": progress_text(found)},
                "recent": recent_html(rows)}  # fmt: skip

    def _shown(self, owner: str, comparison_id: str) -> dict[str, Any]:
        return self._html(owner, self.studio.labelling.pair(owner, comparison_id))

    def _html(self, owner: str, pair: dict[str, Any]) -> dict[str, Any]:
        """A pair as the page needs it: its markup, and the plain texts for editing and mixing."""
        sources, marks = self.studio.sources(owner, pair["id"]), self.studio.labelling.marks(pair)
        cards = "".join(self._card(side, pair, sources, own) for side, own in zip(paper.SIDES, marks, strict=True))
        about = " · ".join(filter(None, (KIND_NAMES[pair["kind"]].capitalize(), _about(pair))))
        given = (("Posting", pair["job"]), ("Résumé", pair["resume"]))
        texts = "".join(f"<div><h3>{name}</h3><p>{paper.safe(text)}</p></div>" for name, text in given if text)
        html = (f'<div class="about"><p>{paper.safe(about)}</p><details><summary>Posting and résumé</summary>'
                f'<div class="texts">{texts}</div></details></div><div class="two-letters">{cards}</div>')  # fmt: skip
        return {"id": pair["id"], "about": about, "html": html, "left": pair["left"], "right": pair["right"],
                "parts": {side: paragraphs(pair[side]) for side in paper.SIDES}}  # fmt: skip

    def _card(self, side: str, pair: dict[str, Any], sources: Any, marks: Marks) -> str:
        text, found = pair[side], review(pair[side], sources)  # by words: meaning changes no mark, and costs ten times as long
        dimmed = [(a, b, '<span class="same">', "</span>") for a, b in marks.same]
        differs = [(a, b, '<span class="differs">', "</span>") for a, b in marks.differs]
        card = paper.letter(
            text, words=pair["words"], note="" if pair[f"{side}_finished"] else "stopped before its end",
            marked=evidence.marked(text, found, [_parts(side, text), dimmed], [differs]), foot=evidence.summary(text, found),
            below=evidence.points(side, text, found, True),
        )  # fmt: skip
        return f'<section class="side-column" aria-label="Letter {paper.SIDES[side]}">{paper.tag(side)}{card}</section>'


def _parts(side: str, text: str) -> list[tuple[int, int, str, str]]:
    """Each paragraph, so that it can be taken into a mix."""
    found, at = [], 0
    for number, part in enumerate(paragraphs(text)):
        at = text.index(part, at)
        found.append((at, at + len(part), f'<span class="part" data-side="{side}" data-number="{number}">', "</span>"))
        at += len(part)
    return found


def _about(row: dict[str, Any]) -> str:
    return " at ".join(filter(None, (row["title"], row["company"])))


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    return value if isinstance(value, str) else ""


def _seconds(value: Any) -> float | None:
    return min(float(value), MOST_SECONDS) if isinstance(value, int | float) and value >= 0 else None


def progress_text(found: dict[str, Any]) -> str:
    """`12 of 40 pairs judged · 8 ready · 20 still to be written`."""
    if not found["pairs"]:
        return ""
    parts = [f"{found['judged']} of {paper.count(found['pairs'], 'pair')} judged", f"{found['ready']} ready for you"]
    parts += [f"{found['waiting']} still to be written"] if found["waiting"] else []
    parts += [f"{found['alike']} left out as nearly alike"] if found["alike"] else []
    parts += [f"{found['failed']} could not be written"] if found["failed"] else []
    return " · ".join(parts)


def recent_html(rows: list[dict[str, Any]]) -> str:
    """The last decisions, each with a button to change it."""
    found = []
    for row in rows:
        said = "Your mix" if row["mixed"] else "Your edit" if row["edited"] else SAID[row["verdict"]]
        wrote = ", ".join(f"{name} {row[f'{side}_model']}" for side, name in paper.SIDES.items())
        why = ", ".join(REASONS.get(reason, reason) for reason in row["reasons"])
        detail = " · ".join(filter(None, (_about(row), wrote, why)))
        found.append(
            f'<li data-receipt="{paper.safe(row["receipt"])}"><b>{paper.safe(said)}</b> '
            f'<button type="button" class="btn small change" data-id="{paper.safe(row["comparison_id"])}" '
            f'data-receipt="{paper.safe(row["receipt"])}" aria-label="Change the decision {paper.safe(said)}, {paper.safe(_about(row))}">'
            f'Change</button><span class="near">{paper.safe(detail)}</span></li>'
        )
    return "".join(found)
