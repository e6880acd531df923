"""The claim ledger: each sentence of a letter with the source line that supports it, and every fact in it that no source holds.

A claim is a fact about the applicant that can be checked: a number, date, duration, employer, title, degree, certificate,
tool or skill, award or contact detail. Facts are compared by rule alone; likeness in words or in meaning only ranks the
source lines that are shown. What the posting asks for supports nothing that the applicant claims to have. Greetings, sign-offs,
opinions and wishes claim nothing. Knows no model, no database and no screen; English only: in other languages names and numbers are
still checked, skills in lower case are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ftapp import claims_facts as facts
from ftapp import claims_find as find
from ftapp import claims_place as place
from ftapp.claims_find import Found
from ftapp.claims_sources import Evidence, of_person, of_posting
from ftapp.claims_text import Claim, Sentence, corrected, sentences, without
from ftapp.layout import EMAIL, PHONE, URL
from ftapp.metrics import Similar
from ftapp.profiles import JobPosting, ResumeProfile
from ftapp.prompts import Hit

__all__ = ["KINDS", "Claim", "Sentence", "corrected", "ledger", "lines", "sentences", "unsupported", "without"]
KINDS = ("number", "date", "duration", "employer", "title", "degree", "certificate", "skill", "contact", "award")
_OWN_WORDS = ("skill", "degree", "certificate")  # what these name is like a line's words; a number is told by its sentence


def ledger(
    letter: str,
    profile: ResumeProfile,
    job: JobPosting,
    hits: Sequence[Hit] = (),
    sources_text: Sequence[str] = (),
    similar: Similar | None = None,
) -> list[Sentence]:
    """Trace every sentence of a letter.

    `sources_text` are further texts that speak for the applicant: the whole résumé as pasted (it holds the contact data
    that a profile masks), documents, the applicant's own hook. `similar` ranks the source lines by meaning instead of by shared
    words: one call for the whole letter, and whatever it says or raises, no claim becomes supported by it.
    """
    passages = [*(f"{h.title}\n{h.text}\n{h.link}" for h in hits), *sources_text]
    judge = _Judge(of_person(profile, passages), of_posting(job), profile, job, "\n".join(passages))
    traced = [judge.sentence(letter, start, end) for start, end in sentences(letter)]
    return _ranked(traced, letter, judge.person.lines, judge.posting.lines, similar) if similar else traced


def _ranked(traced: list[Sentence], letter: str, mine: list[str], theirs: list[str], similar: Similar) -> list[Sentence]:
    """The same sentences and claims with the lines that come nearest in meaning; a line that holds a claim stays."""
    texts = [letter[s.start : s.end] for s in traced]
    asked = [(c, s) for s in traced for c in s.claims if mine and not (c.supported and c.nearest)]
    queries = [c.text if c.kind in _OWN_WORDS else letter[s.start : s.end] for c, s in asked]
    if not texts or not (mine or theirs):
        return traced
    every = [*mine, *theirs]
    cosine = dict(zip([*texts, *queries], similar([*texts, *queries], every), strict=True))
    best = lambda text, among: max(range(len(among)), key=cosine[text].__getitem__)  # noqa: E731
    nearest = {c: mine[best(query, mine)] for (c, _), query in zip(asked, queries, strict=True)}
    found = []
    for text, s in zip(texts, traced, strict=True):
        at = best(text, every)
        own = tuple(replace(c, nearest=nearest.get(c, c.nearest)) for c in s.claims)
        found.append(replace(s, support=every[at], score=min(1.0, max(0.0, float(cosine[text][at]))), claims=own))
    return found


def lines(profile: ResumeProfile, job: JobPosting, sources_text: Sequence[str] = ()) -> list[str]:
    """The source lines that `ledger` will compare with: what `similar` can be given to prepare while a letter is written."""
    return [*of_person(profile, sources_text).lines, *of_posting(job).lines]


def unsupported(traced: Sequence[Sentence]) -> list[Claim]:
    """The claims of a ledger that no source holds, in the letter's order."""
    return [c for s in traced for c in s.claims if not c.supported]


class _Judge:
    """Holds the sources of one letter and decides each claim."""

    def __init__(self, person: Evidence, posting: Evidence, profile: ResumeProfile, job: JobPosting, text: str):
        self.person, self.posting, self.profile, self.job = person, posting, profile, job
        self.written = re.sub(r"\s", "", text).casefold()
        self.digits = re.sub(r"\D", "", text)

    def sentence(self, letter: str, start: int, end: int) -> Sentence:
        text = letter[start:end]
        (mine, score), (theirs, other) = self.person.nearest(text), self.posting.nearest(text)
        if _signed(letter, start) and _A_NAME.fullmatch(text):
            claims = self._signature(text)
        else:
            claims = [] if find.silent(text) else self._claims(text)
        claims += [self._contact(f) for f in _contacts(text)]
        placed = tuple(replace(c, start=c.start + start, end=c.end + start) for c in _apart(claims))
        return Sentence(start, end, theirs if other > score else mine, max(score, other), placed)

    def _claims(self, text: str) -> list[Claim]:
        wish = bool(find.WISH.search(text))
        around = [k for k in facts.content(text) if not k.isdigit()]
        claims: list[Claim] = []
        for award in find.awards(text):
            claims.append(self._by_words(award, "award"))
        for degree, m in find.degrees(text):
            if find.of_person(text, degree.start) or not self.posting.phrase(degree.text):
                claims.append(self._degree(degree, m, text))
        claims += self._pairs(text)
        if find.personal(text):
            claims += [self._title(title, text) for title in find.titles(text)]
        claims += self._durations(text, wish)
        claims += self._dates(text)
        claims += self._numbers(text, wish, around)
        claims += self._names(text, wish)
        claims += self._skills(text, wish)
        claims += self._elsewhere(text)
        return claims

    # each kind ----------------------------------------------------------------------------------------------------

    def _said(self, found: Found, held: str | bool, reason: str) -> Claim:
        nearest = held if isinstance(held, str) and held else self.person.nearest(found.text)[0]
        return Claim(found.start, found.end, found.kind, found.text, bool(held), "" if held else reason, nearest)

    def _by_words(self, found: Found, noun: str) -> Claim:
        wanted = find.telling(found.text) or facts.content(found.text)
        held = self.person.phrase(found.text) or self.person.together(wanted) or all(map(self.person.knows, wanted))
        return self._said(found, held, f"No source mentions this {noun}.")

    def _degree(self, found: Found, m: re.Match[str], text: str) -> Claim:
        if "subject" not in m.groupdict():
            return self._said(found, self.person.phrase(found.text), "No source says so of the school.")
        level = facts.degree_level(m)
        subject = facts.content(re.sub(r"^(?:Science|Arts|Philosophy)\b(?:\s(?:degree\s)?in)?", "", m.group("subject") or ""))
        held = ""
        for line in self.person.lines:
            levels = {facts.degree_level(other) for other in facts.DEGREE.finditer(line)}
            own = Evidence([line])
            named = all(own.knows(k) or own.written_out(subject) or k in _ANY_SUBJECT for k in subject)
            enough = named and own.vocabulary.issuperset(re.findall(r"\d+", found.text))  # "Level 2" is not "Level 3"
            if (level in levels or level == "degree" and levels) and enough:
                held = line
        quoted = "" if find.personal(text[: found.start]) else self._quoted(text, found)
        return self._said(found, held or quoted, "No source holds this degree.")

    def _pairs(self, text: str) -> Iterator[Claim]:
        """ "Title at Employer", where the résumé gives that employer another title."""
        for m in find.TITLE_AT.finditer(text):
            employer, title = facts.content(m.group("employer")), facts.content(m.group("title"))
            theirs = [p for p in self.person.positions if p.title and employer and set(employer) <= set(p.employer)]
            if not theirs or not find.OCCUPATION.search(m.group("title")) or self._applied(title, employer, text[: m.start()]):
                continue
            fits = any(_within(title, p.title) for p in theirs)
            yield self._said(Found(m.start(), m.end(), "title", m.group(0)), fits, f"The résumé says: {theirs[0].line}.")

    def _elsewhere(self, text: str) -> list[Claim]:
        """What the résumé tells of another employer than the one named, and what nobody did yet at the employer applied to."""
        if m := place.misplaced(text, self.person.positions):
            return [Claim(m.start, m.end, "employer", text[m.start : m.end], False, _ELSEWHERE, m.belongs.line)]
        there = None if self.person.phrase(self.job.company) else place.worked_there(text, self.job.company)
        return [Claim(*there, "employer", text[slice(*there)], False, _NOT_YET, self.person.nearest(text)[0])] if there else []

    def _applied(self, title: list[str], employer: list[str], before: str) -> bool:
        """Whether this is the position applied for, not one that was held."""
        asked = _same_name(employer, facts.content(self.job.company)) and _within(title, facts.content(self.job.title))
        return asked and not re.search(r"(?i)\b(?:as|current\w*|previous\w*|past|former|was)\b[^.]{0,25}$", before)

    def _title(self, found: Found, text: str) -> Claim:
        wanted = [k for k in facts.content(found.text) if k not in find._PLAIN_TITLES]
        held = next((p.line for p in self.person.positions if _within(wanted, p.title)), "") or self.person.phrase(found.text)
        held = held or self.person.together(wanted) or all(map(self.person.knows, wanted))
        return self._said(found, held or self._from_posting(found, text), "No source gives this title.")

    def _from_posting(self, found: Found, text: str) -> str:
        """The posting's line, when it is quoted, or the sentence speaks of the employer or the position."""
        before = text[: found.start]
        mine = _MY_POST.search(before)
        past = _WORKED_THERE.search(before) and not find.WISH.search(before if mine else text)
        if past and mine and find.of_person(text, found.start):
            return ""
        if quoted := self._quoted(text, found):
            return quoted
        line = self.posting.phrase(found.text) or self.posting.together(facts.content(found.text))
        named = self._names_job(found.text)
        if not find.of_person(text, found.start) or named and (not past or _APPLYING.search(text)):
            return line or (self.job.title if named else "")
        return line if find.WISH.search(text) and (found.kind == "skill" or not past) else ""

    def _names_job(self, text: str) -> bool:
        """Whether the words are the posting's title, company or place."""
        known = {*facts.content(self.job.title), *facts.content(self.job.company), *facts.content(self.job.location)}
        said = set(facts.content(text))
        return bool(known) and known.issuperset(said - find._PLAIN_TITLES or said)

    def _durations(self, text: str, wish: bool) -> Iterator[Claim]:
        for d in facts.durations(text):
            found = Found(d.start, d.end, "duration", text[d.start : d.end])
            if not find.personal(text) and not re.search(r"\d", found.text):
                continue  # "stay for two years" is advice
            mine = find.of_person(text, d.start)
            line = self.person.phrase(found.text)
            held = line or self._at_employer(text, d) and self.person.lasted(d)
            if not held:
                held = self._quoted(text, found) if mine else self.posting.phrase(_ABOUT.sub("", found.text))
            yield self._said(found, held, "No position, alone or added up, lasted so long.")

    def _at_employer(self, text: str, d: facts.Duration) -> bool:
        """False when the span is said of one employer and that position is known to have been shorter or longer."""
        after = re.match(r"\s+(?:at|with)\s+", text[d.end :])
        named = find.NAME.match(text, d.end + after.end()) if after else None
        theirs = [p.span for p in self.person.positions if named and p.span and _same_name(facts.content(named.group(0)), p.employer)]
        return not theirs or any(s.low <= d.years <= s.high or d.least and d.years <= s.high for s in theirs)

    def _dates(self, text: str) -> Iterator[Claim]:
        for d in facts.dates(text):
            found = Found(d.start, d.end, "date", text[d.start : d.end])
            held = self.person.date(d) or not find.of_person(text, d.start) and self.posting.date(d)
            yield self._said(found, held or self._quoted(text, found), "No source has this date.")

    def _numbers(self, text: str, wish: bool, around: list[str]) -> Iterator[Claim]:
        taken = [(d.start, d.end) for d in [*facts.durations(text), *facts.dates(text)]]
        taken += [(m.start(), m.end()) for m in _NO_AMOUNT.finditer(text)]
        if numbered := re.match(r"\W*\d{1,2}[.)](?:\s|$)", text):
            taken.append(numbered.span())
        for n in facts.numbers(text):
            if any(a < n.end and n.start < b for a, b in taken) or n.spelled and (n.value < 3 or wish or not find.personal(text)):
                continue
            found = Found(n.start, n.end, "number", text[n.start : n.end])
            theirs = not find.of_person(text, n.start) or wish
            held = self.person.number(n, around) or (theirs and self.posting.number(n, around)) or self._quoted(text, found)
            yield self._said(found, held, "No source has this number.")

    def _quoted(self, text: str, found: Found) -> str:
        """The posting's line, when four words in a row around the fact (or a whole line) are taken from it and the sentence
        has not said before that the applicant has them."""
        held = max((m.end() for m in _HELD.finditer(text, 0, found.start)), default=0)
        if held and not _MEETS.search(text, held, found.start) or _LEADS_IN.match(text):
            return ""
        said = facts.words(text)
        inside = [i for i, w in enumerate(said) if w.start < found.end and found.start < w.end]
        if not inside:
            return ""
        low, high = inside[0], inside[-1] + 1
        for width in (4, 3, 2):
            for first in range(max(0, high - width), min(low, len(said) - width) + 1) if high - low <= width else [low]:
                last = max(first + width, high)
                line = self.posting.phrase(text[said[first].start : said[last - 1].end]) if last <= len(said) else ""
                if line and (last - first >= 4 or len(facts.keys(line)) <= last - first):
                    return line
        return ""

    def _names(self, text: str, wish: bool) -> Iterator[Claim]:
        for found in find.names(text):
            yield from self._name(found, text, wish)

    def _name(self, found: Found, text: str, wish: bool) -> Iterator[Claim]:
        wanted = [k for k in facts.content(found.text) if k not in find._PLAIN_CAPITALS]
        held = self.person.phrase(found.text) or self.person.together(wanted) or self.person.written_out(facts.content(found.text))
        firm = find.firm(text, found)
        telling = firm or find.telling(found.text)
        if not held and not telling:
            return  # "Communication", "Teamwork"
        numbered = any(k.isdigit() for k in wanted)  # "Level 3" is not "Level 7"
        alike = "" if firm or numbered else self.person.in_one_line(telling)
        held = held or self.person.together(firm) or alike or not numbered and len(telling) == 1 and self.person.initials(telling[0])
        held = held or self._from_posting(found, text)
        if not held and wish and found.kind == "skill" and not _HELD.search(before := text[: found.start]) and not _WITH.match(before):
            return
        parts = _halves(found.text)
        if not held and len(parts) > 1:
            for a, b in parts:
                kind = find.kind(text, found.start + a, found.text[a:b])
                listed = a and found.kind == "employer" and kind == "skill" and re.search(r"(?:and|&)\s$", found.text[:a])
                yield from self._name(Found(found.start + a, found.start + b, "employer" if listed else kind, found.text[a:b]), text, wish)
            return
        if held or find.of_person(text, found.start):
            yield self._said(found, held, _NO_NAME[found.kind])

    def _skills(self, text: str, wish: bool) -> Iterator[Claim]:
        for found in find.listed(text):
            if self._quoted(text, found):
                continue
            if (
                not find.of_person(text, found.start)
                or wish
                and not found.sure
                and not re.search(r"\b(?:[Mm]y|[Ww]ith|I have|I['’]ve|[Aa]s a)\b", text[: found.start])
            ):
                continue
            if (
                wish
                and not found.sure
                and re.search(
                    r"(?i)\b(?:opportunity|would|will|eager|excited|look\w*|interest|apply|want)\b(?!.*\bmy\b)[^;]*$", text[: found.start]
                )
            ):
                continue
            wanted = find.telling(found.text)
            if found.sure and not wanted:
                words = facts.content(found.text)
                wanted = [k for k in words if k not in find.SOFT and " " in found.text and words[-1] not in find.ABSTRACT]
            compound = [] if wanted else find.compound(found.text)
            if not (wanted or compound) or self._names_job(found.text):
                continue
            wanted += re.findall(r"(?<=[A-Za-z] )\d+", found.text)  # "Level 3" is not "Level 7"
            held = self.person.phrase(found.text) or self.person.in_one_line(wanted) or self.person.written_out(facts.content(found.text))
            if not held and (compound or not found.sure and len(wanted) == 1):
                held = any(map(self.person.knows, compound or wanted))
            yield self._said(found, held, _NO_NAME["skill"])

    def _contact(self, found: Found) -> Claim:
        plain = re.sub(r"\s", "", found.text).casefold().rstrip("./")
        digits = re.sub(r"\D", "", found.text)
        held = plain in self.written or len(digits) >= 7 and digits in self.digits
        return self._said(found, held, "No source has this contact detail.")

    def _signature(self, text: str) -> list[Claim]:
        own, signed = facts.content(self.profile.name), facts.content(text)
        if not own or not 2 <= len(signed) <= 4 or set(own) & set(signed):
            return []
        return [Claim(0, len(text), "contact", text, False, "The résumé has another name.", self.profile.name)]


_ANY_SUBJECT = ("degree", "field", "related", "relevant", "similar", "subject", "discipline")
_A_NAME = re.compile(r"(?:[^\W\d_][\w.'’-]*\s?){1,5}")
_ELSEWHERE = "The résumé tells this of another employer."
_NOT_YET = "You apply there; no source says that you worked there."
_NO_NAME = {
    "employer": "No source names this organisation.",
    "title": "No source gives this title.",
    "degree": "No source holds this degree or school.",
    "certificate": "No source holds this certificate.",
    "skill": "No source of yours mentions this.",
    "award": "No source mentions this award.",
}
# What the applicant says to have or to have done.
_HELD = re.compile(
    r"(?i)\b(?:I\s(?:have|had|held|worked|led|gained|built|developed|used|was(?!\s(?:so\s)?(?:glad|happy|excited|delighted|pleased|thrilled|drawn|struck))|hold|did|managed|know|bring|offer)|I['’]ve"
    r"|my\s(?:\w+\s){0,3}(?:experience|years|skills?|expertise|"
    r"knowledge|background|work|time|tools?|proficiency|degree)|proficient|experienced|skilled|(?:have|has)\s\w+ed)\b"
)
_WITH = re.compile(r"\W*(?:With|Having|Holding|Possessing)\s(?!your\b)[^,]*$")
_MEETS = re.compile(r"(?i)\b(?:bears?\son|speaks?\sto|answers?|fits|meets?|matches|relates?\sto)\b")  # what follows is theirs
_LEADS_IN = re.compile(
    r"(?i)\W*(?:with(?!\sregard)|as(?!\sfor)|having|holding|over|possessing|combining|through|proficient|experienced|skilled)\b"
)
_WORKED_THERE = re.compile(
    r"(?i)\b(?:(?:work(?:ed|ing)?|time|role|position|career|employed|internship|experience|years)(?:\s(?:at|for|with|in))?"
    r"|as(?:\san?)?|currently|(?:as|am|was|currently)\san?\s(?:[\w/&-]+\s){1,6}(?:at|for|with|in))\s(?:the\s)?$"
)
_APPLYING = re.compile(r"(?i)\b(?:appl\w+|position|role|post|job|vacancy|opening|opportunity|posting|join\w*|interest\w*|consider\w*)\b")
_MY_POST = re.compile(
    r"(?i)\bmy\s(?:\w+\s){0,2}(?:role|position|job|post|time|work|internship)\b|\b(?:current|previous|former|past)(?:ly)?\b"
)
_ABOUT = re.compile(r"(?i)^(?:almost|nearly|about|around|some)\s+")
_NO_AMOUNT = re.compile(
    r"(?i)\b(?:24/7|one of|no\.? 1|top \d+|\d+(?:st|nd|rd|th))\b|\b(?-i:[A-Z])[\w+#]*\s\d+(?:\.\d+)*\b(?!\s?%)|\d+[-\s](?:page|word)\b"
)


def _same_name(one: list[str], other: list[str]) -> bool:
    return bool(one and other) and (set(one) <= set(other) or set(other) <= set(one))


def _within(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether every word of the first has its like in the second."""
    return bool(one) and all(any(facts.alike(a, b) for b in other) for a in one)


def _halves(name: str) -> list[tuple[int, int]]:
    """A joined name ("Google and Apple", "Master in Law at Leeds") in its parts."""
    cuts = [(m.start(), m.end()) for m in re.finditer(r"\s(?:and|&|for|at the|of)\s", name)]
    edges = [0, *(x for cut in cuts for x in cut), len(name)]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _contacts(text: str) -> Iterator[Found]:
    for pattern in (EMAIL, URL, PHONE):
        for m in pattern.finditer(text):
            if pattern is not PHONE or sum(c.isdigit() for c in m.group(0)) >= 9:
                yield Found(m.start(), m.end(), "contact", m.group(0).rstrip(".,;:!?)"))


def _signed(letter: str, start: int) -> bool:
    """Whether the line before is a sign-off."""
    lines = [line for line in letter[:start].split("\n") if line.strip()]
    return bool(lines) and bool(find.SIGN_OFF.match(lines[-1]))


def _apart(claims: Sequence[Claim]) -> list[Claim]:
    """No two claims over the same words: a whole fact wins over a name in it, and what no source holds over what one does."""
    kept: list[Claim] = []
    part = lambda c: c.kind in ("employer", "skill", "certificate") and c.reason not in (_ELSEWHERE, _NOT_YET)  # noqa: E731
    for claim in sorted(claims, key=lambda c: (part(c), c.supported)):
        if not any(c.start < claim.end and claim.start < c.end for c in kept):
            kept.append(claim)
    return sorted(kept, key=lambda c: c.start)
