"""Writes the queue's pairs before they are asked for: one thread, behind every letter that a person waits for.

It begins when it is woken and ends when enough is ready, so nothing runs while nobody labels. A pair that is
interrupted is thrown away and written again later; a pair that is whole is a row, and outlives the process.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from db.engine import session, write
from db.models import Document, QueueItem, new_id
from ftapp import config, letters, queue, room
from ftapp.backends.pair import Control
from ftapp.errors import UserError
from ftapp.likeness import alike
from ftapp.profiles import JobPosting, ResumeProfile
from ftapp.streams import proved, written

log = logging.getLogger(__name__)
TRIES = 3  # seeds, until two letters differ enough and both come to their end
PAUSE_SECONDS = 0.1  # between looks whether a person still waits
ALIKE = "The model wrote nearly the same letter each time, so there is nothing to choose."
ENDLESS = "The model did not bring both letters to an end, so they would teach nothing."
UNPROVEN = "Which model wrote which letter could not be proved."


class GivesWay(Control):
    """Stops by itself as soon as `waiting()` says that a person waits for the model."""

    def __init__(self, waiting: Callable[[], bool]) -> None:
        super().__init__()
        self._waiting = waiting

    def stopped(self, row: int | None = None) -> bool:
        return super().stopped(row) or self._waiting()


class Ahead:
    """The writing thread of one app. `studio` has the database, the model and the drafts."""

    def __init__(self, studio: Any) -> None:
        self._studio = studio
        self._asked: dict[str, str | None] = {}  # owner -> the labeler for whom enough should be ready
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def wake(self, owner: str, labeler: str | None = None) -> None:
        """See to it that enough is ready; returns at once."""
        with self._guard:
            self._asked[owner] = labeler
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._work, name="ahead", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End after the present word."""
        self._closed.set()
        if (thread := self._thread) is not None:
            thread.join(timeout=10)

    def _work(self) -> None:
        while True:
            with self._guard:
                if not self._asked or self._closed.is_set():
                    self._thread = None
                    return
                owner, labeler = self._asked.popitem()
            try:
                while not self._full(owner, labeler) and self.write_one(owner):
                    pass
            except Exception:
                log.exception("Writing ahead failed.")  # a bug; the next wake tries again
                self._closed.wait(1)

    def _full(self, owner: str, labeler: str | None) -> bool:
        if room.wanted(self._studio.supervisor):
            return True
        with session(self._studio.engine) as opened:
            return self._closed.is_set() or queue.available(opened, owner, labeler) >= config.app_config().queue_ready

    def write_one(self, owner: str) -> bool:
        """Write the owner's next planned pair, or put it aside with its reason; False when none waits. What a person asks for
        meanwhile is written first."""
        with session(self._studio.engine) as opened:
            item = queue.next_to_write(opened, owner)
            if item is None:
                return False
            texts = [opened.get(Document, id) if id else None for id in (item.job_document_id, item.resume_document_id)]
        try:
            reason, state = self._write(owner, item, *texts), "failed"
        except UserError as error:
            reason, state = str(error), "failed"
        if reason == ALIKE:
            state = "alike"
        if reason and not self._closed.is_set():
            with write(self._studio.engine) as opened:
                queue.put_aside(opened, item.id, state, reason)
        return not self._closed.is_set()

    def _write(self, owner: str, item: QueueItem, job: Document, resume: Document | None) -> str:
        """Store the pair, or return why there is none."""
        studio = self._studio
        backend = studio.servers.writer()
        fields = JobPosting.model_validate(job.fields), ResumeProfile.model_validate(resume.fields) if resume else None
        words = item.words if item.words in studio.words(item.kind) else None  # another model may have been loaded since
        draft = studio.draft(owner, backend, job.text, resume.text if resume else "", item.kind, item.tone, words, "", fields)
        other, chosen = studio.writers(owner, backend, "live")
        if not proved(backend, other, chosen):
            return UNPROVEN
        reason, tries = "", 0
        while tries < TRIES and not self._closed.is_set():
            rows, how = letters.sides(chosen, secrets.randbelow(2**31 - 1), backend.names, other), letters.sampling(backend.spec)
            began = time.monotonic()
            control = GivesWay(lambda: studio.busy() or self._closed.is_set())
            *_, last = letters.write_pair(backend, draft, rows, how, control)
            if not all(last.finished) and control.stopped():
                self._let_pass()
                continue
            tries += 1
            texts = [text for text, _ in letters.tidied(last.texts, draft.prompt)]
            reason = "" if all(last.finished) and all(texts) else ENDLESS
            if not reason and alike(*texts) > config.app_config().queue_alike:
                reason = ALIKE
            if not reason:
                self._keep(owner, item.id, draft, written(backend, rows, last, how, time.monotonic() - began, True))
                return ""
        return reason

    def _let_pass(self) -> None:
        """Wait while a person's letters are written."""
        while self._studio.busy() and not self._closed.wait(PAUSE_SECONDS):
            pass

    def _keep(self, owner: str, item_id: str, draft: letters.Draft, made: letters.Written) -> None:
        comparison_id = new_id("cmp")
        with write(self._studio.engine) as opened:
            if (item := opened.get(QueueItem, item_id)) is None or item.state != "waiting":
                return  # cleared meanwhile, or written by another process
            letters.save_pair(opened, owner, letters.save_prompt(opened, owner, draft), made, comparison_id)
            queue.written(opened, item_id, comparison_id)
