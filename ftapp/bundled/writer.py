"""Writes the letter of one synthetic example from nothing but what its prompt shows.

A letter is planned as a list of sentences, longest-needed first, and filled until it has the asked number
of words. Which pattern a sentence takes leans on the first character of what it says, so that letters to
different people differ even when a trained model writes greedily.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ftapp import prompts
from ftapp.bundled.generator import DEFECTS, lower_first, patterns

if TYPE_CHECKING:
    from ftapp.bundled.generator import Case

REQUIREMENT_WORDS = 12  # a letter quotes no more of a requirement than this
TOLERANCE = 0.10  # a plan is taken when its length is this near to the asked one


class Writer:
    """Sentences about one case. Every method returns a sentence or "" when its facts are missing."""

    def __init__(self, case: Case, prompt: prompts.Prompt, rng: random.Random):
        assert prompt.slots is not None
        self.case, self.slots, self.rng = case, prompt.slots, rng
        self.kind, self.tone, self.words = prompt.kind, self.slots.tone, prompt.words
        self.me, self.job = self.slots.profile, self.slots.job
        self.shared, self.own = patterns()["letters"]["shared"], patterns()["letters"][prompt.kind]
        self.used: set[str] = set()

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
        form = self.case.forms.get(line, ("requirement_noun", None))[0]
        return self.say(form, line, req=self.quoted(line))

    @staticmethod
    def quoted(requirement: str) -> str:
        return lower_first(prompts.condense(requirement, REQUIREMENT_WORDS))

    def evidence(self, position: int, which: int, requirement: str = "") -> str:
        """One achievement as a sentence; joined to a requirement when both are noun phrase and past tense."""
        e = self.me.experience[position]
        line = e.achievements[which]
        form, text = self.case.forms.get(line, ("thing", None))
        text = text or lower_first(line.rstrip("."))
        if requirement and form == "did" and e.employer and self.case.forms.get(requirement, ("",))[0] == "requirement_noun":
            usable = [p for p in self.shared["combined"] if e.title or "{role}" not in p]
            return self._cap(self.choose(usable, line).format(req=self.quoted(requirement), employer=e.employer, role=e.title, did=text))
        lead = self.requirement(requirement) + " " if requirement else ""
        if not e.employer:
            if form == "did":
                return lead + self.say("did_noemployer", line, did=text)
            return lead + self._cap(f"my work so far includes {text}." if form != "do" else f"my work so far is to {text}.")
        usable = [p for p in self.shared[form] if e.title or "{role}" not in p]
        return lead + self._cap(self.choose(usable, line).format(employer=e.employer, role=e.title, **{form: text}))

    @staticmethod
    def _cap(sentence: str) -> str:
        return sentence[:1].upper() + sentence[1:]

    def position(self, i: int) -> str:
        e = self.me.experience[i]
        if not (e.title and e.employer):
            return ""
        ended = e.end.lower() not in ("present", "now", "")
        if e.start and ended and self.rng.random() < 0.5:
            return self.say("role_dates", e.employer, role=e.title, employer=e.employer, start=e.start, end=e.end)
        return self.say("role_only", e.employer, role=e.title, employer=e.employer)

    def skills(self, n: int) -> str:
        # Skills that the posting names come first; the order in the prompt is kept otherwise.
        mine = sorted(self.me.skills, key=lambda s: not any(s.lower() in r.lower() for r in self.job.requirements))[:n]
        if not mine:
            return ""
        keys = ["skill", "skill2", "skill3"]
        return self.say(f"skills{len(mine)}", mine[0], **dict(zip(keys, mine, strict=False)))

    def portfolio(self) -> str:
        if not self.slots.hits:
            return ""
        hit = self.slots.hits[0]
        return self.say(
            "portfolio_link" if hit.link else "portfolio",
            hit.title,
            project=hit.title,
            text=lower_first(hit.text.rstrip(".")),
            link=hit.link,
        )

    def sign(self) -> list[str]:
        signoff = self.choose(self.own["signoff"][self.tone], self.me.name or "x")
        return [signoff + ("\n" + self.me.name if self.me.name else "")]


def _blocks(w: Writer) -> tuple[list[str], list[list[str]]]:
    """(what must be said, what may be said in order of worth); each block is a short list of sentences."""
    rng, me, job = w.rng, w.me, w.job
    lines = [(i, j) for i, e in enumerate(me.experience) for j in range(len(e.achievements))]
    wants = list(job.requirements)
    first_pos = [i for i in range(len(me.experience)) if me.experience[i].employer]
    must: list[str] = []
    if lines:
        i, j = lines.pop(0)
        must.append(w.evidence(i, j, wants.pop(0) if wants else ""))
        if not me.experience[i].employer and first_pos:
            must.append(w.position(first_pos[0]))
    elif first_pos:
        if wants:
            must.append(w.requirement(wants.pop(0)))
        must.append(w.position(first_pos[0]))
    elif wants:
        must.append(w.requirement(wants.pop(0)))
    may: list[list[str]] = []
    # A second fact of the résumé belongs in every letter, however short.
    second = [w.skills(rng.choice([2, 3, 3]))] if me.skills else []
    if second:
        must.extend(second)
    for i, j in lines[:3]:
        may.append([w.evidence(i, j, wants.pop(0) if wants and rng.random() < 0.8 else "")])
    if wants and rng.random() < 0.7:
        may.append([w.requirement(wants.pop(0))])
    positions = [i for i in first_pos if not me.experience[i].achievements]
    if positions and (sentence := w.position(positions[0])):
        may.append([sentence])
    if me.certificates:
        may.append([w.say("certificate", me.certificates[0], certificate=me.certificates[0])])
    if me.education:
        may.append([w.say("education", me.education[0], education=me.education[0])])
    if job.duties:
        may.append([w.say("duty", job.duties[0], duty=lower_first(job.duties[0]))])
    if w.slots.hits:
        may.insert(0, [w.portfolio()])
    if me.headline and rng.random() < 0.5:
        may.append([w.say("headline", me.headline, headline=lower_first(me.headline))])
    if job.company and rng.random() < 0.7:
        may.append([w.say("company", job.company, company=job.company)])
    if job.location and rng.random() < 0.3:
        may.append([w.say("location", job.location, location=job.location)])
    return [s for s in must if s], [[s for s in b if s] for b in may if any(b)]


def _fillers(w: Writer) -> list[str]:
    about = w.job.company or w.me.name or w.tone
    return [w.choose(w.shared["link"][w.tone], about + str(n)) for n in range(7)]


def _letter(w: Writer, defects: set[str]) -> list[str]:
    """Paragraphs of a cover letter, email or message."""
    rng, bad = w.rng, patterns()["defects"]
    must, may = _blocks(w)
    if "missed_requirements" in defects:
        must, may = [w.position(0)] if w.me.experience and w.position(0) else [], [[s] for s in rng.sample(bad["cliche"], 3)]
    opening = [w.opening()]
    if "generic_opening" in defects and w.job.title and w.job.company:
        opening = [rng.choice(bad["generic_opening"]).format(title=w.job.title, company=w.job.company)]
    if w.slots.hook:
        opening.insert(0, w.slots.hook if w.slots.hook[-1:] in ".!?" else w.slots.hook + ".")
        if rng.random() < 0.5 and w.job.title:
            opening.append(w.say("hook_lead", w.job.title, title=w.job.title))
    if "praise" in defects and w.job.company:
        opening += [p.format(company=w.job.company) for p in rng.sample(bad["praise"], rng.choice([1, 2]))]
    if "padding" in defects:
        may = [[s] for s in rng.sample(bad["padding"], 1) + rng.sample(bad["cliche"], 2)] + may
    if "invented" in defects:
        must.append(rng.choice(bad["invented"]))
    closing = [w.closing()]
    fixed = [w.greeting(), *w.sign()]
    length = sum(len(s.split()) for s in [*fixed, *opening, *must, *closing])
    goal, body, fillers = w.words, list(must), _fillers(w)
    while length < goal * (1 - TOLERANCE / 2) and (may or fillers):
        block = may.pop(0) if may else [fillers.pop(0)]
        size = sum(len(s.split()) for s in block)
        if length + size > goal * (1 + TOLERANCE) and (may or fillers):
            if not may:  # only fillers are left: one of them may fit
                continue
            continue
        body += block
        length += size
        if may and fillers and rng.random() < 0.25 and length + 8 < goal:
            body.append(fillers.pop(0))
            length += len(body[-1].split())
    if "weak_structure" in defects:
        rng.shuffle(body)
        return [" ".join([*opening, *body, *closing, *w.sign()])]
    cut = 1 if len(body) < 4 else rng.choice([len(body) // 2, (len(body) + 1) // 2])
    paragraphs = [" ".join(opening)] if w.kind != "linkedin_message" else []
    if w.kind == "linkedin_message":
        body = [*opening, *body, *closing]
        return [fixed[0], " ".join(body), *fixed[1:]]
    middle = [" ".join(part) for part in (body[:cut], body[cut:]) if part]
    if w.kind == "cold_email":
        return [f"Subject: {w.subject()}", fixed[0], " ".join([*opening, *body[:1]]), " ".join(body[1:]), " ".join(closing), *fixed[1:]]
    return [fixed[0], *paragraphs, *middle, " ".join(closing), *fixed[1:]]


def _answer(w: Writer) -> list[str]:
    """Paragraphs of an answer: take up the question, advise, show where one learned it, close."""
    rng, own, me = w.rng, w.own, w.me
    opening, closing = w.choose(own["opening"][w.tone], w.job.question), w.choose(own["closing"][w.tone], me.name or w.tone)
    advice = list(dict.fromkeys(w.case.advice))
    lived = []
    for i, e in enumerate(me.experience):
        if e.employer and e.title and not lived:
            lived.append(w.choose(own["from_experience"], e.employer).format(role=e.title, employer=e.employer))
        for line in e.achievements:
            form, text = w.case.forms.get(line, ("", None))
            if e.employer and form == "did":
                lived.append(
                    w.choose([p for p in own["experience_did"] if e.title or "{role}" not in p], line).format(
                        employer=e.employer, role=e.title, did=text or lower_first(line)
                    )
                )
            elif e.employer and i == 0 and form:
                lived.append(
                    w._cap(
                        w.choose([p for p in w.shared[form] if e.title or "{role}" not in p], line).format(
                            employer=e.employer, role=e.title, **{form: text or lower_first(line)}
                        )
                    )
                )
    if me.skills:
        lived.append(w.choose(own["skill"], me.skills[0]).format(skill=me.skills[0]))
    rng_bridges = list(own["bridge"])
    rng.shuffle(rng_bridges)
    first, second = [opening, *lived[:1]], lived[1:2]
    length = sum(len(s.split()) for s in [*first, *second, closing])
    body: list[str] = []
    pool = [*advice, *lived[2:], *rng_bridges]
    while pool and length < w.words * (1 - TOLERANCE / 2):
        sentence = pool.pop(0)
        if length + len(sentence.split()) <= w.words * (1 + TOLERANCE):
            body.append(sentence)
            length += len(sentence.split())
    cut = (len(body) + 1) // 2
    paragraphs = [" ".join(first), " ".join(body[:cut]), " ".join([*second, *body[cut:]]), closing + ("\n" + me.name if me.name else "")]
    return [p for p in paragraphs if p]


def plan_defects(rng: random.Random) -> set[str]:
    """At most two defects; each with the share that DEFECTS gives it."""
    found = [d for d, share in DEFECTS.items() if rng.random() < share]
    rng.shuffle(found)
    return set(found[:2])


def write(case: Case, prompt: prompts.Prompt, rng: random.Random, clean: bool = False) -> tuple[str, list[str]]:
    """(letter, defects planted). Tries a few plans and keeps the one whose length is nearest to the asked one."""
    defects = set() if clean else plan_defects(rng)
    best, off = "", float("inf")
    for _ in range(5):
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
