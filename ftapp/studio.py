"""The engine room that the page and the command line share: one method a verb, the owner always first.

Holds the database, the loaded model and the supervisor; the flow modules do the work. A transaction is never open while
a letter is written, and nothing that a caller gets before the vote tells the two sides apart.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

from db.engine import session, write
from db.models import new_id
from ftapp import adapters, config, doctor, embeddings, examples, home, letters, preferences, room, transfer
from ftapp.backends import folders
from ftapp.backends.local import AdapterRef, LocalBackend
from ftapp.backends.pair import SERVED, Progress
from ftapp.backups import Backups
from ftapp.documents import read_text
from ftapp.errors import UserError
from ftapp.forgetting_files import refuse_older
from ftapp.labelling import Labelling
from ftapp.letters import Fields
from ftapp.portfolio import Portfolio
from ftapp.promoting import Promoting
from ftapp.prompts import KINDS, MOST
from ftapp.retrieval import Found
from ftapp.review import Sources, mended
from ftapp.servers import Servers
from ftapp.streams import Stream, proved, settle, written
from ftapp.templates import Templates
from ftapp.training.supervise import Supervisor

log = logging.getLogger(__name__)


class Studio:
    """Everything a driver can ask for. Made quickly: the model loads on first use or in the background."""

    def __init__(self, settings: config.Settings, backend: Any = None) -> None:
        """`backend` is one that is loaded already. Raises UserError when the database cannot be opened."""
        self.settings = settings
        self.spec = backend.spec if backend else config.model_spec(settings.model)
        self.engine = home.open_database(settings)
        adapters.rehome(self.engine, settings.folder("runs"))
        self.supervisor = Supervisor(self.engine, settings)
        encoder = embeddings.load(settings)
        self.portfolio, self.templates, self.meaning = Portfolio(self.engine, encoder), Templates(self.engine), embeddings.Meaning(encoder)
        self.transfer, self.examples = transfer.Transfer(self.engine), examples.Examples(self.engine)
        self._backend, self._reason, self._asked, self._fetched = backend, "", "", None  # asked: the model that is being loaded
        self._load = threading.Lock()
        self._streams: dict[str, Stream] = {}
        self.labelling, self.backups, self.trial = Labelling(self), Backups(self), Promoting(self)
        self.servers = Servers(settings, self.engine, self.backend)

    def close(self) -> None:
        """Stop watching trainings (they go on by themselves) and writing ahead, and let go of files and memory."""
        self.labelling.ahead.close()
        self.supervisor.close()
        self.engine.dispose()

    # ---- the model ----------------------------------------------------------------------------------------------

    def load_model_in_background(self) -> None:
        """What an app begins once its page is up: following the trainings, and loading the model."""
        self.supervisor.watch()
        threading.Thread(target=self._try, args=(self.labelling.resume,), name="model", daemon=True).start()

    def busy(self, owner: str | None = None) -> bool:
        """Whether a person (or this one) waits for letters: what is written ahead gives way to them."""
        return any(owner in (None, stream.owner) for stream in list(self._streams.values()))

    def model_state(self) -> dict[str, Any]:
        """{state: idle | loading | ready | away | failed, name, asked: what is being loaded, fetched: (bytes, of) or None, reason}."""
        quiet = "away" if self._reason == room.AWAY else "failed" if self._reason else "idle"
        state = "ready" if self._backend else "loading" if self._asked else quiet
        return {"state": state, "name": self.spec.id, "asked": self._asked, "reason": self._reason, "fetched": self._fetched}

    @property
    def loaded(self) -> Any:
        """The model that is loaded now, or None; waits for nothing."""
        return self._backend

    def backend(self) -> Any:
        """The loaded model; waits for one that is loading, loads it otherwise. Raises ModelError, also while it makes room."""
        if self._backend is None:
            room.check(self.supervisor)
            self._take(self.settings.model)
        return self._backend

    def switch_model(self, model: str) -> None:
        """Load another base model in the background; the present one writes until it is there, and stays if it fails: `model_state`."""
        self._reason = folders.no_model(config.model_spec(model).source)
        if not self._reason:
            self._asked = model
            threading.Thread(target=self._try, args=(self._take, model), name="model", daemon=True).start()

    def _take(self, model: str) -> None:
        """Load `model` and put it in the place of the present one, which gives its memory back."""
        with self._load:
            self._asked = model
            try:
                if self._backend is not None and self._backend.id == model:
                    return
                fresh = LocalBackend.load(config.model_spec(model), self.settings.offline, self._fetching)
                before, self._backend, self.spec, self._reason = self._backend, fresh, fresh.spec, ""
                if model != self.settings.model:
                    self._train_on(model)
                    config.remember_model(self.settings.home, model)
            except UserError as error:
                self._reason = str(error)
                raise
            finally:
                self._asked, self._fetched = "", None
        if before is not None:
            before.free()  # waits for the letter that is being written

    def _fetching(self, *fetched: int) -> None:
        self._fetched = fetched

    def _train_on(self, model: str) -> None:
        """Trainings follow the model that writes. A trainer that runs is not disturbed: the new supervisor picks it up."""
        self.settings = self.settings.model_copy(update={"model": model})
        self.supervisor.close()
        self.supervisor = Supervisor(self.engine, self.settings)
        self.supervisor.watch()

    def _try(self, work: Any, *given: Any) -> None:
        """For threads: a sentence is kept for `model_state`, a bug goes to the log."""
        try:
            work(*given)
        except UserError as error:
            log.warning("%s", error)
        except Exception:
            self._reason = "The model could not be loaded because of a bug - nothing stored is lost - see the log of the app."
            log.exception("Loading the model failed.")

    def words(self, kind: str) -> list[int]:
        """The lengths that what writes offers for a kind of text."""
        spec = (self.servers.alone() or self).spec
        letters.length(spec, kind, None)
        return list(spec.words[kind])

    def understand(self, owner: str, job: str, resume: str, kind: str = KINDS[0], fields: Fields = (None, None)) -> dict[str, Any]:
        """What was read out of the texts, or corrected, before anything is written; without a loaded model tokens are estimated."""
        facts = self.servers.alone() or self._backend or SimpleNamespace(spec=self.spec, count_tokens=None, special_tokens=())
        return letters.understand(facts, job, resume, kind, self.templates.own(owner, kind), fields)

    # ---- writing ------------------------------------------------------------------------------------------------

    def write_pair(
        self, owner: str, job: str, resume: str, kind: str = KINDS[0], tone: str = "plain", words: int | None = None, hook: str = "",
        seed: int | None = None, greedy: bool = False, adapter: str = "live", fields: Fields = (None, None),
    ) -> Iterator[dict[str, Any]]:  # fmt: skip
        """Stream both letters; every item has comparison_id, left, right, prompt_tokens, seconds and done, the last is stored.

        Talk around a letter is not shown; the last item names it under `stripped` {left, right}, when there was any.
        `fields` are the posting's and the résumé's as the person corrected them; without them the texts are read.
        A pair that is stopped, or whose reader goes away, is stored as far as it came. Raises UserError, ModelError.
        """
        backend = self.servers.writer()
        draft = self.draft(owner, backend, job, resume, kind, tone, words, hook, fields)
        other, chosen = self.writers(owner, backend, adapter)
        proven = proved(backend, other, chosen)
        rows, how = letters.sides(chosen, _seed(seed), backend.names, other), letters.sampling(backend.spec, greedy)
        comparison_id, stream = new_id("cmp"), Stream(owner)
        self._streams[comparison_id] = stream
        began, last, stored = time.monotonic(), None, False

        def item(progress: Progress, done: bool) -> dict[str, Any]:
            left, right = letters.growing(progress.texts, draft.prompt, draft.resume.text)
            return {"comparison_id": comparison_id, "left": left, "right": right, "prompt_tokens": draft.prompt.tokens,
                    "seconds": round(time.monotonic() - began, 3), "done": done}  # fmt: skip

        steps = letters.write_pair(backend, draft, rows, how, stream.control)
        try:
            for last in steps:
                yield item(last, False)
        finally:
            steps.close()  # the model is free before anything is stored
            try:
                if stored := last is not None and any(last.texts):
                    self.store(owner, draft, written(backend, rows, last, how, time.monotonic() - began, proven), comparison_id)
            finally:
                self._streams.pop(comparison_id, None)
                stream.stored.set()
        final = item(last, True) | letters.finished_pair(last.texts, draft.prompt, draft.resume.text)
        del final["done"]
        yield final if stored else final | {"comparison_id": ""}  # stopped before the first word: there is nothing to judge

    def draft(
        self, owner: str, backend: Any, job: str, resume: str, kind: str, tone: str, words: int | None, hook: str,
        fields: Fields,
    ) -> letters.Draft:  # fmt: skip
        """Texts, fields and what the portfolio has for this posting, made into a prompt. Raises UserError."""
        posting, profile = fields
        if posting is None or kind == "answer":
            posting = letters.job_of(read_text(job, "posting").text, kind)
        hits = [found.hit for found in self.portfolio.for_job(owner, posting, MOST["portfolio"]).found]
        return letters.compose(backend, job, resume, kind=kind, tone=tone, words=words or None, hook=hook or "", hits=hits,
                               job=posting, profile=profile, template=self.templates.own(owner, kind))  # fmt: skip

    def store(self, owner: str, draft: letters.Draft, made: letters.Written, pair_id: str = "") -> str:
        """Keep a pair under its id, or a letter alone; returns the id. Raises UserError when a deletion has come between."""
        with write(self.engine) as opened:
            refuse_older(self.settings.home, owner, draft.begun)
            prompt_id = letters.save_prompt(opened, owner, draft)
            if pair_id:
                return letters.save_pair(opened, owner, prompt_id, made, pair_id)
            return letters.save_letters(opened, owner, prompt_id, made)[0]

    def write_letter(
        self, owner: str, job: str, resume: str, kind: str = KINDS[0], tone: str = "plain", words: int | None = None, hook: str = "",
        seed: int | None = None, greedy: bool = False, adapter: str = "live", fields: Fields = (None, None),
    ) -> Iterator[dict[str, Any]]:  # fmt: skip
        """Stream one letter; the last item is {letter_id, text, model, prompt_tokens, seconds}, and `stripped`, if anything was."""
        backend = self.servers.writer()
        draft = self.draft(owner, backend, job, resume, kind, tone, words, hook, fields)
        rows = (letters.taught(self.adapter(owner, backend, adapter), _seed(seed), backend.names),)
        how, began, last = letters.sampling(backend.spec, greedy), time.monotonic(), None
        self._streams[name := new_id("alone")] = Stream(owner)
        try:
            for last in letters.write_pair(backend, draft, rows, how):
                (text,) = letters.growing(last.texts, draft.prompt, draft.resume.text)
                yield {"text": text, "prompt_tokens": draft.prompt.tokens, "seconds": round(time.monotonic() - began, 3)}
            seconds = time.monotonic() - began
            letter_id = self.store(owner, draft, written(backend, rows, last, how, seconds, True))
        finally:
            del self._streams[name]
        model = letters.writer(rows[0].adapter and rows[0].adapter.id, SERVED + rows[0].server if rows[0].server else "")
        ((text, stripped),) = letters.tidied(last.texts, draft.prompt)
        told = {"letter_id": letter_id, "text": letters.for_reader(text, draft), "model": model,
                "prompt_tokens": draft.prompt.tokens, "seconds": round(seconds, 3)}  # fmt: skip
        yield told | ({"stripped": stripped} if stripped else {})

    def stop_writing(self, owner: str) -> None:
        """End the owner's letters where they are; what has been written is kept."""
        for stream in list(self._streams.values()):
            if stream.owner == owner:
                stream.control.stop()

    def adapter(self, owner: str, backend: Any, name: str) -> AdapterRef | None:
        with session(self.engine) as opened:
            if name == "live":
                return adapters.live(opened, owner, backend.id, backend.base_hash)
            adapters.check_base(opened, owner, name, backend.id, adapters.weights(backend))
            return adapters.find(opened, owner, name)

    def writers(self, owner: str, backend: Any, name: str) -> tuple[AdapterRef | None, AdapterRef | None]:
        """Who stands side by side: the base and the adapter, or, while a trial goes on, what writes and what is tried."""
        tried = self.trial.pair(owner, backend) if name == "live" and not any(backend.names) else None  # a server's side is no rival
        return tried or (None, self.adapter(owner, backend, name))

    # ---- choosing -----------------------------------------------------------------------------------------------

    def current_comparison(self, owner: str, comparison_id: str = "") -> dict[str, Any] | None:
        """The owner's newest pair (or this one) if it is not decided: what a refresh, a second tab or a restart shows again."""
        with session(self.engine) as opened:
            found = letters.undecided(opened, owner, comparison_id)
            return letters.shown(opened, owner, found) if found else None

    def last_choice(self, owner: str) -> dict[str, Any] | None:
        """The owner's newest pair once it is decided: as `current_comparison`, with {verdict, edited} and `got`, what `prefer` returned."""
        with session(self.engine) as opened:
            return preferences.last(opened, owner)

    def sources(self, owner: str, comparison_id: str) -> Sources:
        """What the letters of a pair may rest on, for `review.review`."""
        with session(self.engine) as opened:
            return letters.sources(opened, owner, comparison_id)

    def used(self, owner: str, sources: Sources) -> list[Found]:
        """What of the portfolio stands in a pair's prompt, each with why it fits the posting."""
        titles = {hit.title for hit in sources.hits}
        return [one for one in self.portfolio.for_job(owner, sources.job).found if one.title in titles] if titles else []

    def prefer(
        self, owner: str, comparison_id: str, verdict: str, edited: str | None = None, edited_from: str | None = None,
        reasons: Sequence[str] = (), seconds: float | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Store a choice; it is committed when this returns. {receipt, left_model, right_model, pairs_added}, and a note when there
        is more to say. A vote while the letters are written ends the loser, waits for the winner, and is stored then."""
        preferences.check(verdict, edited, edited_from)
        stream = self._streams.get(comparison_id)
        if stream is not None and stream.owner == owner:
            settle(stream, verdict, edited is not None)
        if edited is not None:
            reasons = [*reasons, *self.mended(owner, comparison_id, edited, edited_from or verdict)]
        with write(self.engine) as opened:
            receipt = preferences.record(opened, owner, comparison_id, verdict, edited, edited_from, reasons, seconds)
        return self.trial.voted(owner, receipt).told()

    def mended(self, owner: str, comparison_id: str, edited: str, side: str) -> list[str]:
        """The reason that an edit gives by itself: it took out or corrected something that no source holds."""
        with session(self.engine) as opened:
            pair, sources = letters.shown(opened, owner, comparison_id), letters.sources(opened, owner, comparison_id)
        return ["invented_claim"] if side in ("left", "right") and mended(pair[side], edited, sources) else []

    def chosen(self, owner: str, receipt: str) -> tuple[str, Sources]:
        """The letter that a choice stands for, and what it may rest on. Raises UserError when none was chosen."""
        with session(self.engine) as opened:
            comparison_id, text = preferences.chosen(opened, owner, receipt)
            return text, letters.sources(opened, owner, comparison_id)

    def undo(self, owner: str, receipt: str | None = None) -> dict[str, str]:
        """Take back a choice, the newest without a receipt: {receipt, comparison_id}."""
        with write(self.engine) as opened:
            taken = preferences.undo(opened, owner, receipt)
            return {"receipt": taken.id, "comparison_id": taken.comparison_id}

    def recent(self, owner: str) -> list[dict[str, Any]]:
        """The last ten choices, newest first."""
        with session(self.engine) as opened:
            return preferences.recent(opened, owner)

    def header_counts(self, owner: str) -> dict[str, int]:
        """{new_choices}: pairs that can teach the present model and are in no succeeded training."""
        with session(self.engine) as opened:
            return {"new_choices": preferences.new_count(opened, owner, self.spec.id)}

    def counts(self, owner: str) -> dict[str, int]:
        """How much is stored: comparisons, choices, edits, ties, neither, pairs, runs."""
        with session(self.engine) as opened:
            found = preferences.counts(opened, owner)
        return found | {"runs": len(self.supervisor.runs(owner))}

    # ---- teaching -----------------------------------------------------------------------------------------------

    def recipes(self) -> list[str]:
        return config.recipe_names()

    def default_recipe(self, method: str = "dpo") -> str:
        return config.default_recipe(self.settings.model, method)

    def plan(self, owner: str, recipe: str | None = None, smaller: int = 0, measure: bool = False) -> dict[str, Any]:
        """What a training would learn from and cost; `reason` is a sentence when it cannot start. `measure` takes a few steps first."""
        made = asdict((self.supervisor.measure if measure else self.supervisor.plan)(owner, recipe, smaller))
        dropped = {reason.replace(" ", "_"): count for reason, count in made["dropped"].items()}
        return made | {"dropped": dropped, "reason": made["refused"]}

    def start_training(self, owner: str, recipe: str | None = None, smaller: int = 0) -> dict[str, Any]:
        """Begin to teach; returns the run's status. Raises TrainingError when one is active or too little can train."""
        return self._beside(self.supervisor.status(owner, self.supervisor.start(owner, recipe, smaller)))

    def _beside(self, training: dict[str, Any]) -> dict[str, Any]:
        """Where a training shall have the GPU to itself, the model goes once the letter that is being written has ended."""
        if self._backend is not None and room.wanted(self.supervisor):
            before, self._backend, self._reason = self._backend, None, room.AWAY
            threading.Thread(target=before.free, name="model", daemon=True).start()
        return training

    def training_status(self, owner: str, run_id: str | None = None) -> dict[str, Any]:
        """{id, state, step, steps, seconds_left, metrics, reason} of a run, or of the newest."""
        self.supervisor.poll()  # a command line has no watching thread
        return self.supervisor.status(owner, run_id)

    def runs(self, owner: str) -> list[dict[str, Any]]:
        """All trainings of the owner, newest first."""
        self.supervisor.poll()
        return self.supervisor.runs(owner)

    def training_rows(self, owner: str, run_id: str | None = None) -> list[dict[str, Any]]:
        """The points of the curves: [{step, metrics}]."""
        rows, _ = self.supervisor.curve(owner, run_id)
        return [{"step": row["step"], "metrics": {name: value for name, value in row.items() if name != "step"}} for row in rows]

    def report(self, owner: str, run_id: str | None = None) -> dict[str, Any]:
        """What a training achieved: its report with `sentence` (the held-out check in words) and `adapter_id`."""
        return self.supervisor.report(owner, run_id)

    def smaller_plan(self, owner: str, run_id: str | None = None) -> dict[str, Any] | None:
        return self.supervisor.smaller(owner, run_id)

    def stop_training(self, owner: str, run_id: str) -> dict[str, Any]:
        return self.supervisor.stop(owner, run_id)

    def resume_training(self, owner: str, run_id: str) -> dict[str, Any]:
        return self._beside(self.supervisor.resume(owner, run_id))

    # ---- what writes --------------------------------------------------------------------------------------------

    def adapters(self, owner: str) -> list[dict[str, Any]]:
        """The adapters of the present base model and their states, newest first."""
        with session(self.engine) as opened:
            return adapters.listing(opened, owner, self.spec.id, adapters.weights(self.loaded))

    def doctor(self) -> dict[str, Any]:
        """Hardware, model, storage and journal mode, versions, and what is missing of this machine."""
        return doctor.examine(self.settings, self.spec, self.engine)


def _seed(seed: int | None) -> int:
    return secrets.randbelow(2**31 - 1) if seed is None else int(seed)
