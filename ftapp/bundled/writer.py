"""Writes the letter of one synthetic example from nothing but what its prompt shows.

Which facts a letter says, and in which order, follows from the prompt alone: the first achievement beside the first
requirement, skills, the next achievement, and so on. It says as many of them as come nearest to the asked number of
words. What varies is how each is said; the choice leans on the first letters of what is said, so that letters to
different people differ even when a trained model writes greedily.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ftapp import prompts
from ftapp.bundled.generator import DEFECTS, patterns
from ftapp.grammar import is_past, lower_first
from ftapp.profiles import Experience

if TYPE_CHECKING:
    from ftapp.bundled.generator import Case

TOLERANCE = 0.10  # a letter is taken when its length is this near to the asked one
A_PARAGRAPH = 3  # sentences: two facts and one that links


class Fact(NamedTuple):
    """Something said of the person or the job, and the patterns of the sentence that may follow it."""

    text: str
    link: str


class Writer:
    """Sentences about one case. Every method returns a sentence or "" when its facts are missing."""

    def __init__(self, case: Case, prompt: prompts.Prompt, rng: random.Random):
        assert prompt.slots is not None
        self.case, self.slots, self.rng = case, prompt.slots, rng
        self.kind, self.tone, self.words = prompt.kind, self.slots.tone, prompt.words
        self.me, self.job = self.slots.profile, self.slots.job
        self.shared, self.own = patterns()["letters"]["shared"], patterns()["letters"][prompt.kind]
        self.used: set[str] = set()
        self.proper = self.slots.proper()

    def inside(self, line: str) -> str:
        """A line of the prompt as the prompt itself shows it, ready to stand inside a sentence."""
        return lower_first(line.rstrip("."), self.proper)

    def turns(self, options: Sequence[str], about: str) -> Iterator[str]:
        """The options one after another from a place that `about` leans to: nothing can be said twice."""
        start = sum(map(ord, about[:2])) * 7 + self.rng.choice([0, 0, 1, 2])
        return (options[(start + n) % len(options)] for n in range(len(options)))

    def choose(self, options: Sequence[str], about: str) -> str:
        """A pattern not used yet; three in four times one of the few that `about` leans to."""
        fresh = [o for o in options if o not in self.used] or list(options)
        if self.rng.random() < 0.75:
            lean = sum(map(ord, about[:2])) * 7
            option = fresh[(lean + self.rng.choice([0, 0, 0, 1, 2])) % len(fresh)]
        else:
            option = self.rng.choice(fresh)
        self.used.add(option)
        return option

    def say(self, section: str, about: str, **values: str) -> str:
        sentence = self.choose(self.shared[section], about).format(**values)
        return sentence[:1].upper() + sentence[1:]

    def greeting(self) -> str:
        if self.job.company:
            return self.choose(self.own["greeting"], self.job.company).format(company=self.job.company)
        return self.choose(self.own["greeting_nocompany"], self.me.name)

    def opening(self) -> str:
        title, company = self.job.title, self.job.company
        if title and company:
            return self.choose(self.own["opening"][self.tone], title).format(title=title, company=company)
        if company:
            return self.choose(self.own["opening_notitle"], company).format(company=company)
        if title:
            return self.choose(self.own["opening_nocompany"], title).format(title=title)
        return "I would like to be considered for your opening."

    def closing(self) -> str:
        ask = self.kind == "cold_email" and self.job.title
        section = "ask" if ask else "closing"
        if self.kind == "cold_email" and not ask:
            return "Could we speak for fifteen minutes?"
        return self.choose(self.own[section][self.tone], self.me.name or self.tone).format(title=self.job.title)

    def subject(self) -> str:
        skill = self.me.skills[0] if self.me.skills else ""
        fits = []
        for pattern in self.own["subject"]:
            values = {"title": self.job.title, "company": self.job.company, "name": self.me.name, "skill": skill}
            if all(values[k] for k in values if "{" + k + "}" in pattern) and len(pattern.format(**values)) <= 60:
                fits.append(pattern.format(**values))
        return self.choose(fits, self.job.title) if fits else "A short question"

    def requirement(self, line: str) -> str:
        return self.say("requirement", line, req=self.inside(line)) if line else ""

    def evidence(self, position: int, which: int, requirement: str = "") -> str:
        """One achievement as a sentence, with the requirement before it; in one sentence when it can follow "I"."""
        e = self.me.experience[position]
        line = e.achievements[which]
        text, did = self.inside(line), is_past(line)
        if e.employer and did and requirement:
            return self._of("combined", line, e, req=self.inside(requirement), did=text)
        if e.employer:
            said = self._of("did", line, e, did=text) if did else self._of("thing", line, e, thing=text)
        else:
            said = self.say("did_noemployer", line, did=text) if did else f"My work so far includes this: {text}."
        return f"{self.requirement(requirement)} {said}".strip()

    def _of(self, section: str, line: str, e: Experience, **values: str) -> str:
        usable = [p for p in self.shared[section] if e.title or "{role}" not in p]
        return self._cap(self.choose(usable, line).format(employer=e.employer, role=e.title, **values))

    @staticmethod
    def _cap(sentence: str) -> str:
        return sentence[:1].upper() + sentence[1:]

    def position(self, i: int) -> str:
        e = self.me.experience[i]
        if not (e.title and e.employer):
            section = "employer_only" if e.employer else "role_alone"
            return self.say(section, e.employer or e.title, employer=e.employer, role=e.title) if e.employer or e.title else ""
        ended = e.end.lower() not in ("present", "now", "")
        if e.start and ended and self.rng.random() < 0.5:
            return self.say("role_dates", e.employer, role=e.title, employer=e.employer, start=e.start, end=e.end)
        return self.say("role_only", e.employer, role=e.title, employer=e.employer)

    def skills(self, first: int, section: str) -> str:
        """Up to three skills from place `first` on, in the order of the prompt."""
        mine = self.me.skills[first : first + 3]
        keys = ["skill", "skill2", "skill3"]
        return self.say(f"{section}{len(mine)}", mine[0], **dict(zip(keys, mine, strict=False))) if mine else ""

    def education(self, i: int, section: str) -> str:
        return self.say(section, self.me.education[i], education=self.me.education[i]) if i < len(self.me.education) else ""

    def portfolio(self) -> str:
        if not self.slots.hits:
            return ""
        hit = self.slots.hits[0]
        return self.say(
            "portfolio_link" if hit.link else "portfolio",
            hit.title,
            project=hit.title,
            text=self.inside(hit.text),
            link=hit.link,
        )

    def sign(self) -> list[str]:
        signoff = self.choose(self.own["signoff"][self.tone], self.me.name or "x")
        return [signoff + ("\n" + self.me.name if self.me.name else "")]


def _facts(w: Writer) -> list[Fact]:
    """What a letter can say of the person and the job, in the order of its worth."""
    me, job = w.me, w.job
    lines = [(i, j) for i, e in enumerate(me.experience) for j in range(len(e.achievements))]
    wants = list(job.requirements)
    bare = [i for i, e in enumerate(me.experience) if (e.employer or e.title) and not e.achievements]

    def want() -> str:
        return wants.pop(0) if wants else ""

    def evidence() -> Fact:
        return Fact(w.evidence(*lines.pop(0), want()), "link") if lines else Fact("", "")

    def held() -> Fact:
        return Fact(w.position(bare.pop(0)), "link") if bare else Fact("", "")

    def asked() -> Fact:
        return Fact(w.requirement(want()), "link_job")

    facts = [evidence()]
    if not facts[0].text:
        lead, place = asked(), held()
        facts = [Fact(f"{lead.text} {place.text}".strip(), (place if place.text else lead).link)]
    facts += [Fact(w.skills(0, "skills"), "link_skills")]
    second = evidence()
    facts += [second if second.text else held(), Fact(w.portfolio(), "link")]
    certificate = w.say("certificate", me.certificates[0], certificate=me.certificates[0]) if me.certificates else ""
    facts += [Fact(certificate, "link_study"), Fact(w.education(0, "education"), "link_study")]
    facts += [evidence(), asked(), held()]
    facts += [Fact(w.say("duty", job.duties[0], duty=w.inside(job.duties[0])) if job.duties else "", "link_job")]
    facts += [evidence(), Fact(w.say("headline", me.headline, headline=me.headline) if me.headline else "", "link")]
    facts += [Fact(w.skills(3, "more_skills"), "link_skills"), Fact(w.education(1, "more_education"), "link_study")]
    facts += [Fact(w.say("location", job.location, location=job.location) if job.location else "", "link"), evidence()]
    return [fact for fact in facts if fact.text]


def _paragraphs(w: Writer, facts: Sequence[Fact]) -> Iterator[list[str]]:
    """Paragraphs of two facts and a sentence that links and fits the second; once the facts are said, of three that link."""
    about = w.job.company or w.me.name or w.tone
    links = {section: w.turns(w.shared[section][w.tone], about) for section in ("link", "link_skills", "link_study", "link_job")}
    ends = iter([w.say("company", w.job.company, company=w.job.company)] if w.job.company else [])
    left, n = list(facts), 0
    while True:
        own = [left.pop(0) for _ in range(min(A_PARAGRAPH - 1, len(left)))]
        said = [fact.text for fact in own]
        while len(said) < A_PARAGRAPH:
            section = own[-1].link if own and len(said) == len(own) else "link"
            link = (next(ends, "") if n else "") or next(links[section], "") or next(links["link"], "")
            if not link:
                break
            said.append(link)
        if not said:
            return
        n += 1
        yield said


def _fit(w: Writer, paragraphs: Iterator[list[str]], said: int) -> list[list[str]]:
    """The first sentences, paragraph by paragraph, whose number of words comes nearest to the asked one."""
    kept: list[list[str]] = []
    for paragraph in paragraphs:
        kept.append([])
        for sentence in paragraph:
            size = len(sentence.split())
            if said + size / 2 > w.words:
                return [p for p in kept if p]
            kept[-1].append(sentence)
            said += size
    return [p for p in kept if p]


def _count(sentences: Sequence[str]) -> int:
    return sum(len(s.split()) for s in sentences)


def _letter(w: Writer, defects: set[str]) -> list[str]:
    """Paragraphs of a cover letter, email or message. Takes out of `defects` what this letter has too little matter to show."""
    rng, bad = w.rng, patterns()["defects"]
    facts = _facts(w)
    if not w.job.requirements or len(facts) < 4:  # a short letter about little is no fault to learn
        defects -= {"missed_requirements", "padding"}
    cliche, another = (Fact(text, "link") for text in rng.sample(bad["cliche"], 2))
    if "missed_requirements" in defects:
        others = [fact for fact in facts if fact.link in ("link_skills", "link_study")]
        facts = [cliche, *others[:2], another, *others[2:]]
    opening = [w.opening()]
    if "generic_opening" in defects and w.job.title and w.job.company:
        opening = [rng.choice(bad["generic_opening"]).format(title=w.job.title, company=w.job.company)]
    if w.slots.hook:
        opening.insert(0, w.slots.hook if w.slots.hook[-1:] in ".!?" else w.slots.hook + ".")
        if w.job.title:
            opening.append(w.say("hook_lead", w.job.title, title=w.job.title))
    if "praise" in defects and w.job.company:
        opening += [p.format(company=w.job.company) for p in rng.sample(bad["praise"], rng.choice([1, 2]))]
    if "padding" in defects:
        facts[1:1] = [Fact(rng.choice(bad["padding"]), "link"), cliche]
    if "invented" in defects:
        facts[1:1] = [Fact(rng.choice(bad["invented"]), "link")]
    greeting, closing, sign = w.greeting(), w.closing(), w.sign()
    first = [fact.text for fact in facts[:1]]  # a letter without any fact is none, however short
    outside = [greeting, *opening, *first, closing, *sign]
    if w.kind == "cold_email":
        subject = f"Subject: {w.subject()}"
        body = _fit(w, _paragraphs(w, facts[1:]), _count([subject, *outside]))
        parts = [subject, greeting, " ".join([*opening, *first]), *map(" ".join, body), closing, *sign]
    elif w.kind == "linkedin_message":
        body = _fit(w, _paragraphs(w, facts[1:]), _count(outside))
        parts = [greeting, " ".join([*opening, *first, *(s for p in body for s in p), closing]), *sign]
    else:
        body = _fit(w, _paragraphs(w, facts), _count(outside) - _count(first)) or [first]  # its paragraphs hold the first fact too
        parts = [greeting, " ".join(opening), *map(" ".join, body), closing, *sign]
    if "weak_structure" in defects:
        own = [*first, *(s for p in body for s in p if s not in first)]
        rng.shuffle(own)
        return [" ".join([*opening, *own, closing, *sign])]
    return parts


def _answer(w: Writer) -> list[str]:
    """Paragraphs of an answer: take up the question, advise, show where one learned it, close."""
    own, me = w.own, w.me
    opening, closing = w.choose(own["opening"][w.tone], w.job.question), w.choose(own["closing"][w.tone], me.name or w.tone)
    lived = []
    for i, e in enumerate(me.experience):
        if e.employer and e.title and not lived:
            lived.append(w.choose(own["from_experience"], e.employer).format(role=e.title, employer=e.employer))
        for j, line in enumerate(e.achievements):
            if e.employer and is_past(line):
                lived.append(w.choose(own["experience_did"], line).format(employer=e.employer, did=w.inside(line)))
            elif e.employer and i == 0:
                lived.append(w.evidence(i, j))
    if me.skills:
        lived.append(w.choose(own["skill"], me.skills[0]).format(skill=me.skills[0]))
    first = [opening, *lived[:1]]
    all_advice = w.case.source.field["advice"]
    advice = ((text, own["bridge"][all_advice.index(text) % len(own["bridge"])]) for text in w.case.advice)
    rest = iter(lived[1:])

    def paragraphs() -> Iterator[list[str]]:
        while True:
            sentences = [next(rest, ""), *next(advice, ("", ""))]
            if not any(sentences):
                return
            yield [s for s in sentences if s]

    body = _fit(w, paragraphs(), _count([*first, closing, me.name]))
    return [" ".join(first), *map(" ".join, body), closing + ("\n" + me.name if me.name else "")]


def plan_defects(rng: random.Random) -> set[str]:
    """At most two defects; each with the share that DEFECTS gives it."""
    found = [d for d, share in DEFECTS.items() if rng.random() < share]
    rng.shuffle(found)
    return set(found[:2])


def write(case: Case, prompt: prompts.Prompt, rng: random.Random, clean: bool = False) -> tuple[str, list[str]]:
    """(letter, defects planted). Tries a few plans and keeps the one whose length is nearest to the asked one."""
    defects = set() if clean else plan_defects(rng)
    best, off = "", float("inf")
    for _ in range(4):
        w = Writer(case, prompt, rng)
        paragraphs = [p for p in (_answer(w) if prompt.kind == "answer" else _letter(w, defects)) if p]
        letter = "\n\n".join(paragraphs)
        miss = abs(len(letter.split()) - prompt.words) / prompt.words
        if miss < off:
            best, off = letter, miss
        if off <= TOLERANCE:
            break
    bad = patterns()["defects"]
    if "preamble" in defects:
        best = (
            rng.choice(bad["preamble"]).format(title=prompt.slots.job.title or "the", company=prompt.slots.job.company or "you")
            + "\n\n"
            + best
        )
        if rng.random() < 0.3:
            best += "\n\n" + rng.choice(bad["postscript"])
    return best, sorted(defects)
