"""From parsed fields to the exact messages a model reads. Pure: no model, no database, no files but
the shipped templates in `configs/prompts/`.

The schema below is frozen: the bundled model was trained on it, and its bundle stores `schema_hash()`.
Every slot may be empty; an empty slot takes no line. A value that will appear at the start of a line in
the letter (the applicant's name under the sign-off) also stands at the start of a line here, so that a
byte-level BPE gives both the same tokens and a small model can copy it.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ftapp.errors import UserError
from ftapp.grammar import as_wish, in_past, lower_first
from ftapp.profiles import Experience, JobPosting, ResumeProfile

KINDS = ("cover_letter", "cold_email", "linkedin_message", "answer")
KIND_NAMES = {
    "cover_letter": "cover letter",
    "cold_email": "cold email",
    "linkedin_message": "LinkedIn message",
    "answer": "answer",
}
TONES = ("plain", "warm", "confident", "formal")
TEMPLATES = Path(__file__).resolve().parent.parent / "configs" / "prompts"

# Order of the lines in the user message. Changing anything here means training the bundled model again.
SLOTS = (
    "kind", "tone", "words", "language", "hook",
    "title", "company", "location", "requirements", "duties", "question",
    "name", "headline", "experience", "skills", "education", "certificates", "portfolio",
)  # fmt: skip
# How many entries of each list are worth a small model's attention, before any budget is applied.
MOST = {"requirements": 6, "duties": 3, "experience": 3, "achievements": 2, "skills": 10,
        "education": 2, "certificates": 2, "portfolio": 2}  # fmt: skip
WORDS_A_LINE = 18  # longer lines are condensed at a clause boundary; what is cut off is reported


@dataclass(frozen=True)
class Hit:
    """A portfolio passage that retrieval found for this job."""

    title: str
    text: str
    link: str = ""


@dataclass(frozen=True)
class Prompt:
    """Exactly what the model is given, and what it was not given."""

    messages: tuple[dict[str, str], ...]
    kind: str
    words: int
    left_out: tuple[str, ...] = ()
    forged: tuple[str, ...] = ()  # special tokens that stood in people's text and were made harmless
    tokens: int = 0
    template_hash: str = ""
    slots: Slots | None = None  # the values that were rendered, for screens and for the generator of training letters


def template(kind: str) -> str:
    """The shipped system message of a kind."""
    if kind not in KINDS:
        raise UserError(f"There is no kind of text called {kind!r}. ftapp writes {', '.join(KINDS)}. Choose one.")
    return _template(kind)


@functools.cache
def _template(kind: str) -> str:
    return (TEMPLATES / f"{kind}.md").read_text(encoding="utf-8").strip()


def schema_hash() -> str:
    """SHA-256 over everything that shapes a prompt: slots, limits, tones and the shipped templates."""
    parts = [repr(SLOTS), repr(sorted(MOST.items())), repr(WORDS_A_LINE), repr(TONES), repr(sorted(KIND_NAMES.items())),
             *(template(kind) for kind in KINDS), _render(_EXAMPLE)]  # fmt: skip
    return hashlib.sha256("\n\x00".join(parts).encode()).hexdigest()


def neutralise(text: str, special_tokens: Sequence[str]) -> tuple[str, list[str]]:
    """Break every special token of a tokenizer that stands in a person's text.

    Returns the harmless text and the tokens found. `<end>` in a résumé would otherwise end the person's
    turn and let the rest speak as the system. A space after the first character is enough: no tokenizer
    matches an added token across it, and a reader still sees what was written.
    """
    found: list[str] = []
    for token in sorted(special_tokens, key=len, reverse=True):
        if len(token) > 1 and token.strip() and token in text:
            found.append(token)
            text = text.replace(token, token[0] + " " + token[1:])
    return text, found


def one_line(text: str) -> str:
    """Collapse white space, so that a value can never start a slot of its own."""
    return re.sub(r"\s+", " ", text).strip()


_JOINTS = "and|or|including|such as|with|in order to|to ensure|while|which|that"
_CUT = re.compile(rf"(?<=[,;:.)])\s+|\s+(?=[-–—(]\s?)|\s+(?=(?:{_JOINTS})\s)")
_SMALL = "a|an|the|of|in|on|at|by|to|for|from|with|and|or|as|is|are|their|its|our|your"
_LOOSE_END = re.compile(rf"(?:[\s,;:(&/–—-]+(?:{_SMALL})?)+$", re.IGNORECASE)  # words that a cut line cannot end with


_OPEN_LIST = re.compile(r"^(?P<most>.*\S), (?P<last>(?!(?:and|or|with|in|to|for|on|at|by|from|as|including|such) )\S+(?: \S+){0,2})$")


def condense(line: str, words: int = WORDS_A_LINE) -> tuple[str, str]:
    """(the line cut at the last clause boundary within `words` words, what was cut off); a list cut short is closed with "and"."""
    line = one_line(line).lstrip("-*•·▪◦ ").rstrip(" ;,.")
    if len(line.split()) <= words:
        return line, ""
    best = ""
    for cut in _CUT.finditer(line):
        head = line[: cut.start()]
        if len(head.split()) > words:
            break
        if len(head.split()) >= 4:
            best = head
    kept = (best or _LOOSE_END.sub("", " ".join(line.split()[:words]))).rstrip(" ;,.:(-–—")
    rest = line[len(kept) :]
    listed = _OPEN_LIST.match(kept) if re.match(r",|\s(?:and|or)\s", rest) else None
    return f"{listed['most']} and {listed['last']}" if listed else kept, rest.strip(" ,;")


def relevance(line: str, job_words: frozenset[str]) -> float:
    """Share of a line's content words that the posting also uses (0 to 1); cheap and language-free."""
    own = content_words(line)
    return len(own & job_words) / (len(own) + 2) if own else 0.0


def content_words(text: str) -> frozenset[str]:
    """Lower-cased words of four letters and more, cut to six, so that "managing" meets "manager"."""
    return frozenset(w[:6] for w in re.findall(r"[^\W\d_]{4,}|\w+[+#]+|[A-Z]{2,}", text.lower() + " " + text))


@dataclass
class Slots:
    """One prompt's values before rendering; lists are already in order of relevance."""

    kind: str
    tone: str
    words: int
    language: str
    hook: str
    job: JobPosting
    profile: ResumeProfile
    hits: list[Hit]

    def proper(self) -> frozenset[str]:
        """Words that keep their capital wherever they stand: those that skills begin with."""
        return frozenset(skill.split()[0] for skill in self.profile.skills)


_EXAMPLE = Slots("cover_letter", "plain", 120, "English", "h",
                  JobPosting(title="t", company="c", location="l", requirements=["able to re"], duties=["Du"], question="q"),
                  ResumeProfile(name="n", headline="h", skills=["s"], education=["e"], certificates=["c"],
                                experience=[Experience(title="t", employer="e", start="1", end="2", achievements=["Ac"]),
                                            Experience(employer="o")]),
                  [Hit("t", "Xt", "l")])  # fmt: skip


def _dates(start: str, end: str) -> str:
    return f" ({start} to {end})" if start and end else f" ({start or end})" if start or end else ""


def _render(s: Slots) -> str:
    """The user message: one line a value, list entries behind a dash, empty slots left out."""
    job, me = s.job, s.profile
    lines = [f"kind: {KIND_NAMES[s.kind]}", f"tone: {s.tone}", f"words: {s.words}"]
    if s.language and s.language != "English":
        lines.append(f"language: {s.language}")

    def put(slot: str, value: str) -> None:
        if value:
            lines.append(f"{slot}: {value}")

    def put_list(slot: str, values: Sequence[str]) -> None:
        if values:
            lines.append(f"{slot}:")
            lines.extend(f"- {value}" for value in values)

    put("hook", s.hook)
    put("question", job.question)
    put("title", job.title)
    put("company", job.company)
    put("location", job.location)
    proper = s.proper()
    put_list("requirements", [lower_first(r, proper) for r in job.requirements])
    put_list("duties", [lower_first(d, proper) for d in job.duties])
    if me.name:
        lines.extend(["name:", me.name])
    put("headline", me.headline)
    if me.experience:
        lines.append("experience:")
        for e in me.experience:
            place = f"at {e.employer}" if e.employer else ""  # an employer alone is not to be read as a title
            lines.append("- " + " ".join(p for p in (e.title, place) if p) + _dates(e.start, e.end))
            lines.extend(f"* {lower_first(a, proper)}" for a in e.achievements)
    put("skills", ", ".join(me.skills))
    put_list("education", me.education)
    put_list("certificates", me.certificates)
    put_list("portfolio", [f"{h.title}: {lower_first(h.text, proper)}" + (f" ({h.link})" if h.link else "") for h in s.hits])
    return "\n".join(lines)


def build(
    profile: ResumeProfile,
    job: JobPosting,
    *,
    kind: str = "cover_letter",
    tone: str = "plain",
    words: int = 120,
    hook: str = "",
    hits: Sequence[Hit] = (),
    language: str = "",
    count_tokens: Callable[[Sequence[dict[str, str]]], int] | None = None,
    budget_tokens: int = 600,
    special_tokens: Sequence[str] = (),
    system: str | None = None,
) -> Prompt:
    """Fit the fields into the model's prompt budget, most relevant first, whole lines only.

    `system` is the owner's own system message in the place of the shipped one; special tokens in it are made harmless too.
    `count_tokens(messages)` is the backend's count with its chat template; without it four characters are
    taken for a token. Everything that does not reach the model stands in `Prompt.left_out`, as "slot: line".
    Raises UserError when even the shortest prompt is over the budget, or kind or tone are unknown.
    """
    system, forged = (template(kind), []) if system is None else neutralise(system, special_tokens)
    if tone not in TONES:
        raise UserError(f"There is no tone called {tone!r}. The tones are {', '.join(TONES)}. Choose one.")
    count = count_tokens or (lambda messages: sum(len(m["content"]) for m in messages) // 4)
    left: list[str] = []

    def clean(text: str, slot: str) -> str:
        text, found = neutralise(one_line(text), special_tokens)
        forged.extend(found)
        short, rest = condense(text) if slot not in ("hook", "question") else (text, "")
        if rest:
            left.append(f"{slot}: {rest}")
        return short

    job_words = content_words(" ".join([job.title, *job.requirements, *job.duties, job.question]))
    job_words |= content_words(hook)

    def best(values: Sequence[str], slot: str, to: frozenset[str] = job_words, ranked: bool = False) -> list[str]:
        """The entries that matter most to the job, in their own order or the best first; the rest is reported."""
        kept = [clean(v, slot) for v in values if one_line(v)]
        kept = list(dict.fromkeys(v for v in kept if v))
        order = sorted(range(len(kept)), key=lambda i: (-relevance(kept[i], to), i))
        chosen, others = order[: MOST[slot]], order[MOST[slot] :]
        left.extend(f"{slot}: {kept[i]}" for i in sorted(others))
        return [kept[i] for i in (chosen if ranked else sorted(chosen))]

    experience = []
    for i, e in enumerate(profile.experience):
        head = " at ".join(p for p in (e.title, e.employer) if p)
        if i >= MOST["experience"]:
            left.append(f"experience: {one_line(head)}")
            continue
        experience.append(e.model_copy(update={
            "title": clean(e.title, "experience"), "employer": clean(e.employer, "experience"),
            "start": clean(e.start, "experience"), "end": clean(e.end, "experience"),
            "achievements": [in_past(a) for a in best(e.achievements, "achievements")],
        }))  # fmt: skip
    held = [f"{e.title} {' '.join(e.achievements)}" for e in profile.experience]
    mine = content_words(" ".join([profile.headline, *profile.skills, *held]))
    requirements = [as_wish(r) for r in best(job.requirements, "requirements", mine, ranked=True)]
    slots = Slots(
        kind, tone, words, clean(language or job.language, "language"), clean(hook, "hook"),
        JobPosting(title=clean(job.title, "title"), company=clean(job.company, "company"), location=clean(job.location, "location"),
                   requirements=requirements, duties=best(job.duties, "duties"),
                   question=clean(job.question, "question")),
        ResumeProfile(name=clean(profile.name, "name"), headline=clean(profile.headline, "headline"), experience=experience,
                      education=best(profile.education, "education"), certificates=best(profile.certificates, "certificates"),
                      skills=best(profile.skills, "skills", ranked=True)),
        [Hit(clean(h.title, "portfolio"), clean(h.text, "portfolio"), clean(h.link, "portfolio")) for h in hits[: MOST["portfolio"]]],
    )  # fmt: skip
    left.extend(f"portfolio: {one_line(h.title)}" for h in hits[MOST["portfolio"] :])

    def messages() -> tuple[dict[str, str], ...]:
        return ({"role": "system", "content": system}, {"role": "user", "content": _render(slots)})

    while (tokens := count(messages())) > budget_tokens:
        dropped = _drop_least(slots)
        if dropped is None:
            raise UserError(
                f"The prompt needs {tokens} tokens but this model reads {budget_tokens}. Even the shortest form of the "
                "posting and résumé is too long. Shorten the hook or the question, or choose a larger model."
            )
        left.append(dropped)
    return Prompt(messages(), kind, words, tuple(left), tuple(dict.fromkeys(forged)), tokens,
                  hashlib.sha256(system.encode()).hexdigest(), slots)  # fmt: skip


def _drop_least(s: Slots) -> str | None:
    """Remove the line that a letter misses least; None when only what every letter needs is left."""
    me, job = s.profile, s.job
    for slot, values, least in (
        ("duties", job.duties, 0), ("education", me.education, 1), ("certificates", me.certificates, 1), ("skills", me.skills, 6),
        ("requirements", job.requirements, 4), ("portfolio", s.hits, 1),
    ):  # fmt: skip
        if len(values) > least:
            gone = values.pop()
            return f"{slot}: {gone.title if isinstance(gone, Hit) else gone}"
    for e in reversed(me.experience):
        if len(e.achievements) > 1:
            return f"achievements: {e.achievements.pop()}"
    if len(me.experience) > 1:
        return f"experience: {me.experience.pop().employer}"
    for slot, values in (("education", me.education), ("certificates", me.certificates), ("skills", me.skills),
                         ("requirements", job.requirements), ("portfolio", s.hits)):  # fmt: skip
        if len(values) > (2 if slot in ("skills", "requirements") else 0):
            gone = values.pop()
            return f"{slot}: {gone.title if isinstance(gone, Hit) else gone}"
    return None
