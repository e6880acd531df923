"""A posting and a résumé become two letters: compose the prompt, write both sides, keep what was written.

Every function takes a backend or a session, never both: compose (backend), save_prompt (session), write_pair
(backend), save_pair (session). Knows which side is whose; who reads the yielded texts does not.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from db.models import Comparison, Document, Letter, Preference, Prompt, QueueItem, new_id, now
from ftapp import cleaning, masking, profiles, prompts, structure, templates
from ftapp.backends import pair
from ftapp.backends.local import AdapterRef
from ftapp.backends.pair import SERVED, Control, Progress, Row, Sampling
from ftapp.config import ModelSpec
from ftapp.documents import PlainText, read_text
from ftapp.errors import NotFound, UserError
from ftapp.profiles import JobPosting, ResumeProfile
from ftapp.review import Sources

HELD_OUT_ONE_IN = 5
Fields = tuple[JobPosting | None, ResumeProfile | None]  # None: read it from the text
_LEGAL = frozenset(
    "inc llc llp ltd limited gmbh mbh ag kg se sa sas sarl bv nv ab as oy plc co corp corporation company pty spa srl".split()
)
_LINK = re.compile(r"(?i)[<(\[]?(?:https?://|www\.)\S+|(?:[a-z0-9-]+\.)+[a-z]{2,}/\S*")


@dataclass(frozen=True)
class Draft:
    """Everything known before the first token: the texts, their fields, and the exact prompt."""

    posting: PlainText
    resume: PlainText
    job: JobPosting
    profile: ResumeProfile
    tone: str
    prompt: prompts.Prompt
    split_key: str
    begun: datetime = field(default_factory=now)

    @property
    def prompt_hash(self) -> str:
        return hashlib.sha256(json.dumps(self.prompt.messages, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True)
class Written:
    """What a generation gave: for each row its raw text, whether it ended by itself, its token ids; left row first."""

    base_id: str
    base_hash: str
    rows: tuple[Row, ...]
    texts: tuple[str, ...]
    finished: tuple[bool, ...]
    ids: tuple[tuple[int, ...], ...]
    sampling: Sampling
    seconds: float
    proven: bool


# ---- which postings are held out ------------------------------------------------------------------------------


def normalise(name: str) -> str:
    """An employer's name without case, accents' forms, punctuation, a leading "the" and trailing legal forms."""
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", name).casefold())
    if len(words) > 1 and words[0] == "the":
        words.pop(0)
    while len(words) > 1 and words[-1] in _LEGAL:
        words.pop()
    return " ".join(words)


def split_key(employer: str, posting: str = "", prompt: str = "") -> str:
    """SHA-256 hex of the normalised employer, else of the posting's words, else of the prompt.

    Fixed for ever: a posting that was once held out must never be trained on, in any run or model.
    """
    key = normalise(employer) or " ".join(posting.casefold().split()) or prompt
    return hashlib.sha256(key.encode()).hexdigest()


def held_out(key: str) -> bool:
    """Whether a split key belongs to the fifth that measures and never trains."""
    return int(key, 16) % HELD_OUT_ONE_IN == 0


# ---- before the first token -----------------------------------------------------------------------------------


def length(spec: ModelSpec, kind: str, words: int | None) -> int:
    """The asked length, or the middle one that the model offers. Raises UserError for one that it cannot write."""
    prompts.template(kind)  # raises for a kind that does not exist
    offered = spec.words[kind]
    if words is None:
        return offered[len(offered) // 2]
    if words not in offered:
        lengths = ", ".join(f"{n} (a connection note)" if structure.is_note(kind, n) else str(n) for n in offered)
        raise UserError(
            f"A {prompts.KIND_NAMES[kind]} of {words} words was asked for. This model writes {lengths} words well. "
            "Choose one of these lengths, or a larger model."
        )
    return words


def _given(pasted: str, what: str) -> PlainText:
    """A pasted text made clean. Raises UserError when nothing, too much, or only a link was given."""
    given = read_text(pasted, what)
    if not given.text.strip():
        raise UserError(f"The {what} is empty. A letter can only say what it was given. Paste the {what}.")
    if all(map(_LINK.fullmatch, given.text.split())):
        raise UserError(
            f"A link was given where the text of the {what} is needed. A link says nothing that a letter could use, so nothing was "
            f"written. Open the page, copy its text and paste that as the {what}."
        )
    return given


def compose(
    backend: Any, job_text: str, resume_text: str, *, kind: str = "cover_letter", tone: str = "plain", words: int | None = None,
    hook: str = "", hits: Sequence[prompts.Hit] = (), job: JobPosting | None = None, profile: ResumeProfile | None = None,
    template: str | None = None,
) -> Draft:  # fmt: skip
    """Parse both texts and fit them into the model's prompt; `job` and `profile` are fields that the person corrected, and
    stand in for the parsed ones; `template` is the owner's own (see `templates`). For the kind "answer" the job text is the
    question, and a résumé may be missing. Raises UserError for empty or too long texts and unknown choices."""
    spec: ModelSpec = backend.spec
    words = length(spec, kind, words)
    answers = kind == "answer"
    posting = _given(job_text, "question" if answers else "posting")
    resume = PlainText("") if answers and not resume_text.strip() else _given(resume_text, "résumé")
    read_job, read_profile = _fields(posting.text, resume.text, kind)
    job, profile = (read_job if answers else job or read_job), profile or read_profile
    prompt = prompt_of(backend, profile, job, template, kind=kind, tone=tone, words=words, hook=hook, hits=hits)
    return Draft(posting, resume, job, profile, tone, prompt, split_key(job.company, posting.text))


def job_of(text: str, kind: str) -> JobPosting:
    """A posting's fields; for the kind "answer" the text is the question and is taken whole."""
    return JobPosting(question=prompts.one_line(text)) if kind == "answer" else profiles.parse_job(text)


def _fields(job_text: str, resume_text: str, kind: str) -> tuple[JobPosting, ResumeProfile]:
    """What both texts say."""
    return job_of(job_text, kind), profiles.parse_resume(resume_text) if resume_text else ResumeProfile()


def prompt_of(
    facts: Any, profile: ResumeProfile, job: JobPosting, template: str | None, *, kind: str, words: int, tone: str = prompts.TONES[0],
    **more: Any,
) -> prompts.Prompt:  # fmt: skip
    """The prompt with the shipped or the owner's template. Its hash is that of the template: what the fields became differs
    from posting to posting, and stands in the messages."""
    system = None if template is None else templates.filled(template, templates.values(kind, tone, words, job))
    prompt = prompts.build(
        profile, job, kind=kind, tone=tone, words=words, count_tokens=facts.count_tokens, budget_tokens=facts.spec.prompt_budget_tokens,
        special_tokens=facts.special_tokens, system=system, **more,
    )  # fmt: skip
    return prompt if template is None else replace(prompt, template_hash=templates.digest(template))


def understand(
    facts: Any, job_text: str, resume_text: str, kind: str, template: str | None = None, fields: Fields = (None, None)
) -> dict[str, Any]:
    """What was read out of the texts so far, either of which may be missing: counts, what the prompt leaves out, and the fields.

    `facts` is a backend, or anything with its `spec`, `count_tokens` (or None) and `special_tokens`. `fields` stand in for those
    that the texts say.
    """
    posting, resume = read_text(job_text, "posting"), read_text(resume_text, "résumé")
    read_job, read_profile = _fields(posting.text, resume.text, kind)
    job, profile = (read_job if kind == "answer" else fields[0] or read_job), fields[1] or read_profile
    prompt = prompt_of(facts, profile, job, template, kind=kind, words=length(facts.spec, kind, None))
    return {
        "title": job.title, "company": job.company, "requirements": len(job.requirements), "question": job.question,
        "name": profile.name, "jobs": len(profile.experience), "skills": len(profile.skills),
        "left_out": list(prompt.left_out), "forged": list(prompt.forged), "warnings": [*posting.warnings, *resume.warnings],
        "job_fields": job, "resume_fields": profile,
    }  # fmt: skip


def keep_document(session: Session, owner: str, kind: str, given: PlainText, fields: dict[str, Any]) -> str | None:
    """The id of this owner's document with exactly this text, stored now if it is new; its fields are the newest reading."""
    if not given.text:
        return None
    digest = hashlib.sha256(given.text.encode()).hexdigest()
    same = select(Document).where(Document.owner_id == owner, Document.kind == kind, Document.text_hash == digest)
    document = session.exec(same).first() or Document(owner_id=owner, kind=kind, text=given.text, text_hash=digest)
    document.fields, document.warnings = fields, list(given.warnings)
    session.add(document)
    session.flush()
    return document.id


def save_prompt(session: Session, owner: str, draft: Draft) -> str:
    """Store the texts, their fields and the exact messages; returns the prompt's id."""
    made = draft.prompt
    job = keep_document(session, owner, "posting", draft.posting, draft.job.model_dump())
    resume = keep_document(session, owner, "resume", draft.resume, draft.profile.model_dump())
    row = Prompt(
        owner_id=owner, kind=made.kind, tone=draft.tone, words=made.words, messages=[dict(m) for m in made.messages],
        prompt_hash=draft.prompt_hash, template_hash=made.template_hash, split_key=draft.split_key, tokens=made.tokens,
        left_out=list(made.left_out), forged=list(made.forged), job_document_id=job, resume_document_id=resume,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row.id


# ---- writing --------------------------------------------------------------------------------------------------


def sides(
    adapter: AdapterRef | None, seed: int, names: tuple[str, str] = ("", ""), other: AdapterRef | None = None
) -> tuple[Row, Row]:
    """Who writes left and who right, by chance: the adapter and the base (or `other`, what it is on trial against). Without an
    adapter both are samples of the base from two seeds. `names` are a server's models that write in place of the base and the adapter."""
    rows = Row(other, seed, names[0]), taught(adapter, seed + 1, names)
    return rows if secrets.randbelow(2) else (rows[1], rows[0])


def taught(adapter: AdapterRef | None, seed: int, names: tuple[str, str]) -> Row:
    """The side that is not the base's."""
    return Row(None, seed, names[1]) if names[1] else Row(adapter, seed)


def sampling(spec: ModelSpec, greedy: bool = False) -> Sampling:
    return Sampling(temperature=spec.temperature, top_p=spec.top_p, greedy=greedy, max_new_tokens=spec.max_new_tokens)


def write_pair(backend: Any, draft: Draft, rows: Sequence[Row], how: Sampling, control: Control | None = None) -> Iterator[Progress]:
    """Both letters, growing together; closing the iterator frees the model at once."""
    return pair.write(backend, draft.prompt.messages, rows, how, control)


def growing(texts: Sequence[str], asked: prompts.Prompt, resume: str = "") -> list[str]:
    """For each text that is still being written what may be shown of it: no talk before the letter, no more than a note holds. Masks
    that a model learned from own letters are filled from the résumé wherever a letter is shown; what is stored keeps them."""
    shown = [masking.filled(cleaning.begun(text), resume) for text in texts]
    return [structure.shortened(text)[0] for text in shown] if structure.is_note(asked.kind, asked.words) else shown


def tidied(texts: Sequence[str], asked: prompts.Prompt | Prompt) -> list[tuple[str, list[dict[str, str]]]]:
    """For each text the letter alone, as it is shown, stored and learned from, and what was taken off it: [{kind, text}]."""
    tidy = cleaning.note if structure.is_note(asked.kind, asked.words) else cleaning.strip
    return [(text, [asdict(piece) for piece in taken]) for text, taken in map(tidy, texts)]


def for_reader(text: str, draft: Draft) -> str:
    """A tidied letter as it is shown: with the contact data of the résumé."""
    return masking.filled(text, draft.resume.text)


def finished_pair(texts: Sequence[str], asked: prompts.Prompt, resume: str = "") -> dict[str, Any]:
    """{left, right} as they are shown; and {stripped: {left, right}} where something was taken off."""
    letters = dict(zip(("left", "right"), tidied(texts, asked), strict=True))
    stripped = {side: taken for side, (_, taken) in letters.items()}
    shown = {side: masking.filled(text, resume) for side, (text, _) in letters.items()}
    return shown | ({"stripped": stripped} if any(stripped.values()) else {})


# ---- keeping --------------------------------------------------------------------------------------------------


def save_letters(session: Session, owner: str, prompt_id: str, written: Written) -> list[str]:
    """Store every row's text with what wrote it; returns the letters' ids in the rows' order. The sampled tokens are kept only while
    they spell the text: of a letter that something was taken off, the trainer encodes the text that was shown."""
    tidy = tidied(written.texts, session.get_one(Prompt, prompt_id))
    letters = [
        Letter(
            owner_id=owner, prompt_id=prompt_id, text=text, stripped=taken, finished=finished,
            base_id=f"{SERVED}{row.server}" if row.server else written.base_id,
            base_hash="" if row.server else written.base_hash,  # nobody here has seen a server's weights
            adapter_id=row.adapter.id if row.adapter else None, adapter_sha256=row.adapter.sha256 if row.adapter else None,
            seed=row.seed, sampling=dict(vars(written.sampling)), tokens=len(ids),
            token_ids=[] if taken or row.server else list(ids), seconds=written.seconds,
        )
        for row, (text, taken), finished, ids in zip(written.rows, tidy, written.finished, written.ids, strict=True)
    ]  # fmt: skip
    session.add_all(letters)
    session.flush()
    return [letter.id for letter in letters]


def save_pair(session: Session, owner: str, prompt_id: str, written: Written, comparison_id: str | None = None) -> str:
    """Store both letters and the comparison that shows them; returns its id."""
    left, right = save_letters(session, owner, prompt_id, written)
    row = Comparison(
        id=comparison_id or new_id("cmp"), owner_id=owner, prompt_id=prompt_id, left_letter_id=left, right_letter_id=right,
        proven=written.proven, two_base_samples=all(r.adapter is None and r.server == written.rows[0].server for r in written.rows),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row.id


def writer(adapter_id: str | None, base_id: str) -> str:
    """What wrote a letter, as it is told: an adapter's id, "base", or "server:" and the name of a server's model."""
    return adapter_id or (base_id if base_id.startswith(SERVED) else "base")


def comparison(session: Session, owner: str, comparison_id: str) -> Comparison:
    """One of the owner's pairs. Raises NotFound for an id that is missing or another owner's."""
    row = session.exec(select(Comparison).where(Comparison.id == comparison_id, Comparison.owner_id == owner)).first()
    if row is None:
        raise NotFound(f"There is no pair {str(comparison_id)[:24]!r} here. Nothing was stored. Write a new pair.")
    return row


def _documents(session: Session, prompt: Prompt) -> tuple[Document | None, Document | None]:
    """The posting and the résumé that a prompt was made of; a question may have come without a résumé."""
    job, resume = (session.get(Document, id) if id else None for id in (prompt.job_document_id, prompt.resume_document_id))
    return job, resume


def shown(session: Session, owner: str, comparison_id: str) -> dict[str, Any]:
    """What a person may see of a pair before choosing: texts and prompt facts, nothing that tells the sides apart.

    Raises NotFound for an id that is missing or another owner's.
    """
    row = comparison(session, owner, comparison_id)
    left, right = session.get_one(Letter, row.left_letter_id), session.get_one(Letter, row.right_letter_id)
    prompt = session.get_one(Prompt, row.prompt_id)
    job, resume = (document.text if document else "" for document in _documents(session, prompt))
    return {
        "comparison_id": row.id, "left": masking.filled(left.text, resume), "right": masking.filled(right.text, resume),
        "left_finished": left.finished, "right_finished": right.finished,
        "stripped": {"left": left.stripped, "right": right.stripped}, "prompt_tokens": prompt.tokens,
        "seconds": max(left.seconds, right.seconds), "proven": row.proven, "kind": prompt.kind, "tone": prompt.tone,
        "words": prompt.words, "left_out": prompt.left_out, "forged": prompt.forged, "job": job, "resume": resume,
        "hook": _hook(prompt),
    }  # fmt: skip


def _hook(prompt: Prompt) -> str:
    """The person's own sentence in a prompt, or ""."""
    lines = prompt.messages[-1]["content"].splitlines()
    return next((line.removeprefix("hook: ") for line in lines if line.startswith("hook: ")), "")


def sources(session: Session, owner: str, comparison_id: str) -> Sources:
    """What the letters of a pair may rest on: the fields that were written from, the résumé as pasted, the own hook.

    Raises NotFound for an id that is missing or another owner's.
    """
    prompt = session.get_one(Prompt, comparison(session, owner, comparison_id).prompt_id)
    job, resume = _documents(session, prompt)
    said = prompt.messages[-1]["content"].splitlines()
    portfolio = [line.removeprefix("- ").partition(": ") for line in said[said.index("portfolio:") + 1 :]] if "portfolio:" in said else []
    hook = _hook(prompt)
    texts = [resume.text if resume else "", hook]
    return Sources(
        prompt.kind, prompt.words, JobPosting.model_validate(job.fields if job else {}),
        ResumeProfile.model_validate(resume.fields if resume else {}), tuple(filter(None, texts)),
        tuple(prompts.Hit(title, text) for title, _, text in portfolio), hook,
    )  # fmt: skip


def newest(session: Session, owner: str) -> str | None:
    """The id of the owner's newest pair: the one to show again after a refresh. Pairs of the labelling queue are shown there."""
    queued = select(QueueItem.id).where(QueueItem.comparison_id == Comparison.id).exists()
    pairs = select(Comparison.id).where(Comparison.owner_id == owner, ~queued)
    return session.exec(pairs.order_by(Comparison.created_at.desc(), Comparison.id).limit(1)).first()


def undecided(session: Session, owner: str, comparison_id: str = "") -> str | None:
    """The id of the owner's newest pair (or of this one of theirs), if nobody has chosen yet."""
    named = select(Comparison.id).where(Comparison.id == comparison_id, Comparison.owner_id == owner)
    found = session.exec(named).first() if comparison_id else newest(session, owner)
    if found is None:
        return None
    judged = session.exec(
        select(Preference.id).where(Preference.comparison_id == found, Preference.labeler == owner, Preference.undone_at.is_(None))
    ).first()
    return None if judged else found
