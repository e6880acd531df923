"""Rows for tests of choices and adapters: written pairs and finished runs, without a model. Every text is made here."""

from __future__ import annotations

from pathlib import Path

from db.models import Preference, TrainingRun
from ftapp import adapters, letters, preferences
from ftapp.backends.local import AdapterRef
from ftapp.backends.pair import Row, Sampling
from ftapp.documents import PlainText
from ftapp.profiles import JobPosting, ResumeProfile
from ftapp.prompts import build

SOME_ADAPTER = AdapterRef("adp_0123456789abcdef", Path("nowhere"), "a" * 64, "letter")


def pair(session, owner="local", left="Dear A, I bake.", right="Dear A, I cook.", finished=(True, True), company="Fernhill Bakery",
         proven=True, adapter=SOME_ADAPTER, base_id="bundled", other=None) -> str:  # fmt: skip
    """A stored comparison; the adapter wrote the right letter, the base (or `other`) the left one."""
    job, me = JobPosting(title="Baker", company=company), ResumeProfile(name="Sam Ode")
    texts = PlainText(f"Baker wanted at {company}"), PlainText("Sam Ode")
    draft = letters.Draft(*texts, job, me, "plain", build(me, job), letters.split_key(company))
    rows, ids = (Row(other, 1), Row(adapter, 2)), ((5, 6), (5, 7))
    written = letters.Written(base_id, "h" * 64, rows, (left, right), finished, ids, Sampling(), 1.5, proven)
    return letters.save_pair(session, owner, letters.save_prompt(session, owner, draft), written)


def choice(session, owner="local", verdict="left", **options) -> Preference:
    """A stored comparison and the verdict on it."""
    edit = {name: options.pop(name) for name in ("edited", "edited_from") if name in options}
    receipt = preferences.record(session, owner, pair(session, owner, **options), verdict, **edit)
    return session.get_one(Preference, receipt.receipt)


def adapter(session, owner="local", base_id="bundled", parent=None, folder=Path("nowhere")) -> str:
    """An adapter that a succeeded run made."""
    run = TrainingRun(owner_id=owner, recipe="dpo_bundled", method="dpo", scope="letter", state="succeeded", base_id=base_id,
                      base_hash="h" * 64, parent_adapter_id=parent)  # fmt: skip
    session.add(run)
    session.flush()
    return adapters.register(session, run, folder, "a" * 64).id
