"""The parts that each kind of text needs, in which order, and how long it may be. Pure: no model, no database.

Knows how a cover letter, a cold email, a LinkedIn message and an answer are built. Does not know whether what stands
in the parts is true (the claim ledger) or good. The words by which parts are known are English; in a letter of
another language, a part between greeting and sign-off is known by its place only, and its note says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ftapp.errors import UserError
from ftapp.profiles import JobPosting, ResumeProfile
from ftapp.prompts import KINDS, content_words
from ftapp.scripts import word_count

SUBJECT_CHARACTERS = 60  # about what a phone shows of a subject line
EMAIL_WORDS = (50, 125)  # the lengths answered most often: Boomerang, "7 tips for getting more responses", 2016
NOTE_CHARACTERS = 300  # LinkedIn's limit of an invitation's note
NOTE_WORDS = 40  # asked for when a note is wanted: about 250 characters; who asks for no more than this asks for a note
MESSAGE_WORDS = 120
TOLERANCE = 0.25  # a text of asked length may be a quarter shorter or longer
UNASKED_WORDS = {"cover_letter": (120, 450), "answer": (50, 400)}  # when nobody asked for a length


@dataclass(frozen=True)
class Part:
    """One part of a kind, and where its first sentence stands (its number from 0, -1 when it is missing)."""

    name: str
    at: int
    note: str = ""

    @property
    def found(self) -> bool:
        return self.at >= 0


@dataclass(frozen=True)
class Structure:
    """What was found. `length`, `low` and `high` are in `unit` ("words" or "characters")."""

    kind: str
    form: str
    parts: tuple[Part, ...]
    in_order: bool
    length: int
    low: int
    high: int
    unit: str

    @property
    def within(self) -> bool:
        return self.low <= self.length <= self.high

    @property
    def checks(self) -> tuple[tuple[str, bool, str], ...]:
        """(what is asked, whether it holds, a word of explanation), one for each check that counts."""
        band = f"{self.length} {self.unit}, should be {self.low} to {self.high}"
        return (*((part.name, part.found, part.note) for part in self.parts),
                ("in order", self.in_order, "" if self.in_order else "the parts stand in another order or are missing"),
                ("length", self.within, band))  # fmt: skip

    @property
    def share(self) -> float:
        """Share of the checks that hold, 0 to 1."""
        return sum(holds for _, holds, _ in self.checks) / len(self.checks)


@dataclass(frozen=True)
class Letter:
    """A text in pieces: subject line, greeting, sentences of the body, sign-off with name. Each may be empty."""

    subject: str
    greeting: str
    sentences: tuple[str, ...]
    sign_off: str


_SUBJECT = re.compile(r"(?i)^\W*(?:subject|betreff|objet|asunto|oggetto|件名)\W{0,3}\s*[:：]\W*(.*)$")
_GREETING = re.compile(
    r"(?i)^(?:dear(?:est)?|hello|hi|hey|good (?:day|morning|afternoon|evening)|greetings|to (?:the|whom)|sehr geehrte\w*|liebe\w*|"
    r"guten tag|hallo|bonjour|madame|monsieur|chers?|chères?|"
    r"estimad[oa]s?|hola|buen[oa]s|gentil[ei]|egregi\w*|beste|geachte|prezad[oa]s?|拝啓|您好|尊敬)"
    r"(?![a-zà-ÿ])"
)
_SIGN_OFF = re.compile(
    r"(?i)^(?:(?:with |my )?(?:many |kind|warm|best|sincere)?\w*\s?(?:regards|wishes|thanks)|"
    r"(?:yours |very )?(?:sincerely|truly|faithfully)(?: yours)?|respectfully(?: yours)?|cordially|cheers|"
    r"(?:until|speak|talk) (?:we speak|soon)|all the best|best|thank you|"
    r"mit (?:freundlichen|besten) grüßen|(?:freundliche|viele|herzliche) grüße|cordialement|"
    r"bien à vous|(?:un cordial )?saludos?(?: cordiales)?|atentamente|cordiali saluti|met vriendelijke groet(?:en)?|atenciosamente|敬具)\b"
)
_SENTENCE_END = re.compile(r"[.!?…。！？؟।][\"'”’»)]*$")
_NOT_AN_END = re.compile(r"(?:^|[\s(])(?:Mr|Mrs|Ms|Dr|Prof|St|No|vs|e\.g|i\.e|approx|(?:[A-Z]\.)*[A-Za-z])\.$")
_BREAK = re.compile(r"(?<=[。！？])|(?:(?<=[.!?…])|(?<=[.!?…][\"”’')]))\s+(?=[^\Wa-z_]|[\"“‘'(¿¡$£€])")


def sentences(text: str) -> list[str]:
    """The sentences of a text, line by line. "Ltd." before a capital ends one, "Dr." and initials do not."""
    found: list[str] = []
    for line in text.splitlines():
        pieces = [piece.strip() for piece in _BREAK.split(line) if piece.strip()]
        open_end = False
        for piece in pieces:
            if open_end:
                found[-1] += " " + piece
            else:
                found.append(piece)
            open_end = bool(_NOT_AN_END.search(piece))
    return found


def opens(line: str) -> bool:
    """Whether a letter begins with this line: a greeting or a subject."""
    return bool(_GREETING.match(line) or _SUBJECT.match(line))


def parse(text: str, name: str = "") -> Letter:
    """A text in pieces. `name` is the applicant's: alone on the last line it signs a text that has no "Kind regards"."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    subject = greeting = ""
    if lines and (match := _SUBJECT.match(lines[0])):
        subject, lines = match[1].strip(" *"), lines[1:]
    if lines and _GREETING.match(lines[0]):
        greeting, lines = _cut_greeting(lines)
    at = _sign_off_at(lines, name)
    return Letter(subject, greeting, tuple(sentences("\n".join(lines[:at]))), "\n".join(lines[at:]))


def _cut_greeting(lines: list[str]) -> tuple[str, list[str]]:
    """A greeting is a short line, or what stands before the comma of one: "Hi all, I saw your post"."""
    first, *rest = lines
    if len(first.split()) <= 12 and not re.search(r"[.?]$", first):
        return first, rest
    head, comma, tail = first.partition(",")
    return (head + comma, [tail.strip(), *rest]) if comma and len(head.split()) <= 8 else ("", lines)


def _sign_off_at(lines: list[str], name: str) -> int:
    """Number of the line where the sign-off begins; the number of lines when there is none."""
    for at in range(len(lines) - 1, max(-1, len(lines) - 6), -1):
        known = _SIGN_OFF.match(lines[at]) and len(lines[at].split()) <= 8 and not re.search(r"[?!.]$", lines[at])
        above = at == len(lines) - 2 and len(lines[-1].split()) <= 5  # a name may follow
        shaped = above and re.search(r"[,，]$", lines[at]) and len(lines[at].split()) <= 5
        if known or shaped:
            return at
    if lines and name and lines[-1].casefold().strip(" .,-–—") in (name.casefold(), name.casefold().split()[0]):
        return len(lines) - 1
    return len(lines)


# --- parts by their words ------------------------------------------------------------------------------------------------

_APPLYING = re.compile(
    r"(?i)\b(?:appl(?:y|ying|ication|icant)|position|role|posting|vacancy|opening|opportunity|posted|advert\w*|hiring|candidate|"
    r"interest(?:ed)? in|considered for|writing to|in response to|reaching out|getting in touch)\b"
)
_ABLE = re.compile(
    r"(?i)\b(?:experience[ds]?|skill(?:s|ed)|background|years|expertise|knowledge|degree|qualif\w+|certif\w+|proficien\w+|"
    r"i (?:have|led|built|managed|worked|designed|developed|ran|wrote|hold|bring|use|can)|i(?:'ve|’ve)|"
    r"my (?:work|time|role|career|current))\b"
)
_CLOSING = re.compile(
    r"(?i)\b(?:thank(?:s| you)|look(?:ing)? forward|interview|discuss\w*|talk|speak|meet(?:ing)?|conversation|call|hear (?:from|what|more)|"
    r"consider(?:ation|ing) (?:my|of my)|for your (?:time|consideration|attention)|at your disposal|contact me|get in touch|reach me|"
    r"welcome the (?:opportunity|chance)|let me know|questions?|put your|in person|chance to)\b"
)
_REQUEST = re.compile(
    r"(?i)\b(?:could (?:we|you|i)|would you|may i|might i|can (?:we|you|i)|shall we|will you|"
    r"please (?:let|send|tell|reply|get)|let me know|"
    r"i(?:'d| would) (?:love|like|welcome|be (?:glad|grateful|happy)) (?:to (?:talk|speak|meet|discuss|hear|have)|if|a|the))\b"
)
_ANYWHERE = {"own voice"}  # parts that have no place of their own
_FIRST_PERSON = re.compile(r"(?i)\b(?:i|my|me|mine|i['’]\w+)\b")


def _names(sentence: str, *names: str) -> bool:
    return any(name and re.search(rf"(?i)(?<!\w){re.escape(name)}(?!\w)", sentence) for name in names)


def _facts(profile: ResumeProfile) -> list[str]:
    return [*profile.skills, *(e.employer for e in profile.experience), *(e.title for e in profile.experience), *profile.certificates]


def _asks(body: tuple[str, ...]) -> list[int]:
    """Numbers of the sentences that ask for something: the questions, or, when there is none, the requests."""
    questions = [at for at, sentence in enumerate(body) if re.search(r"[?？؟]\W*$", sentence)]
    return questions or [at for at, sentence in enumerate(body) if _REQUEST.search(sentence)]


def check(
    letter: str, kind: str, words: int | None = None, profile: ResumeProfile | None = None, job: JobPosting | None = None
) -> Structure:
    """The parts of one text of a kind (see `KINDS`) that was asked to have `words` words.

    Raises UserError for an unknown kind. A text of any language and shape gives an answer, the empty one too.
    """
    if kind not in KINDS:
        raise UserError(f"There is no kind of text called {kind!r} - its parts cannot be checked - choose one of {', '.join(KINDS)}.")
    profile, job = profile or ResumeProfile(), job or JobPosting()
    pieces = parse(letter, profile.name)
    form, unit, length, low, high = _measured(letter, pieces, kind, words)
    parts = _parts(pieces, kind, form, profile, job)
    places = [part.at for part in parts if part.name not in _ANYWHERE]
    in_order = min(places) >= 0 and all(a <= b for a, b in zip(places, places[1:], strict=False))
    return Structure(kind, form, parts, in_order, length, low, high, unit)


def is_note(kind: str, words: int | None) -> bool:
    """Whether a LinkedIn message of so many words is to be a connection note, which LinkedIn limits by its characters."""
    return kind == "linkedin_message" and words is not None and words <= NOTE_WORDS


def band(kind: str, words: int | None) -> tuple[str, str, int, int]:
    """(form, unit, least, most) of a text of a kind that was asked to have `words` words."""
    if kind == "cold_email":
        return "email", "words", *EMAIL_WORDS
    if is_note(kind, words):
        return "connection note", "characters", 1, NOTE_CHARACTERS
    if kind == "linkedin_message":
        return "message", "words", 1, MESSAGE_WORDS
    low, high = (round(words * (1 - TOLERANCE)), round(words * (1 + TOLERANCE))) if words else UNASKED_WORDS[kind]
    return "letter" if kind == "cover_letter" else "answer", "words", low, high


def _measured(letter: str, pieces: Letter, kind: str, words: int | None) -> tuple[str, str, int, int, int]:
    """(form, unit, length, least, most). A subject line is not part of an email's length. A LinkedIn text that nobody asked a length
    of is a note when it could be sent as one."""
    characters = len(letter.strip())
    if kind == "linkedin_message" and words is None and characters <= NOTE_CHARACTERS:
        words = NOTE_WORDS
    form, unit, low, high = band(kind, words)
    count = word_count(letter) - (word_count(letter.strip().splitlines()[0]) if pieces.subject else 0)
    return form, unit, characters if unit == "characters" else count, low, high


def shortened(letter: str) -> tuple[str, str]:
    """A connection note: the greeting, as many first sentences as LinkedIn takes, the sign-off; and the sentences left out.

    A letter that fits, or of which not one sentence would fit, comes back as it is.
    """
    lines = [line.strip() for line in letter.splitlines() if line.strip()]
    if len(letter.strip()) <= NOTE_CHARACTERS:
        return letter, ""
    named = len(lines[-1].split()) <= 4 and not _SENTENCE_END.search(lines[-1])
    pieces = parse(letter, lines[-1] if named else "")
    for kept in range(len(pieces.sentences) - 1, 0, -1):
        note = "\n\n".join(filter(None, (pieces.greeting, " ".join(pieces.sentences[:kept]), pieces.sign_off)))
        if len(note) <= NOTE_CHARACTERS:
            return note, " ".join(filter(None, (pieces.subject, *pieces.sentences[kept:])))
    return letter, ""


def _parts(pieces: Letter, kind: str, form: str, profile: ResumeProfile, job: JobPosting) -> tuple[Part, ...]:
    body = pieces.sentences
    if kind == "answer":
        return _answer_parts(body, profile, job)
    opening = _first(body, lambda s: _names(s, job.title, job.company) or bool(_APPLYING.search(s)))
    fit = _fit_at(body, opening, profile, job)
    closing = max((at for at, s in enumerate(body) if _CLOSING.search(s)), default=-1)
    foreign = job.language not in ("", "English") and len(body) >= 3
    note = f"by place only: the words that mark it are not known in {job.language}" if foreign else ""
    if foreign:
        opening, fit, closing = 0, 1, len(body) - 1
    signed = Part("sign-off", len(body) if pieces.sign_off else -1, "" if pieces.sign_off else "no closing line such as Kind regards")
    start = Part("opening", opening, note or ("" if opening >= 0 else "no sentence says what the text is about"))
    middle = Part("fit", fit, note or ("" if fit >= 0 else "no sentence connects the person with the posting"))
    if kind == "cover_letter":
        return start, middle, Part("closing", closing, note or ("" if closing >= 0 else "no sentence that thanks or looks ahead")), signed
    if kind == "cold_email":
        return _subject(pieces.subject), start, middle, _one_ask(body, closing if foreign else -1, note), signed
    return (start, signed) if form == "connection note" else (start, middle, signed)


def _first(body: tuple[str, ...], holds: Callable[[str], bool]) -> int:
    return next((at for at, sentence in enumerate(body) if holds(sentence)), -1)


def _fit_at(body: tuple[str, ...], opening: int, profile: ResumeProfile, job: JobPosting) -> int:
    """The first sentence that says what the person brings: a fact of the résumé, words of a requirement, or "my experience".
    The opening may do both, when no other sentence does."""
    wanted = content_words(" ".join([*job.requirements, *job.duties]))
    facts = [fact for fact in _facts(profile) if fact.casefold() not in job.title.casefold()]  # to name the job is no fit yet

    def fits(sentence: str) -> bool:
        return bool(_ABLE.search(sentence)) or _names(sentence, *facts) or len(content_words(sentence) & wanted) >= 2

    found = [at for at, sentence in enumerate(body) if fits(sentence)]
    return next((at for at in found if at > opening), opening if opening in found else found[0] if found else -1)


def _subject(subject: str) -> Part:
    long = len(subject) > SUBJECT_CHARACTERS
    note = "no subject line" if not subject else f"{len(subject)} characters, should be at most {SUBJECT_CHARACTERS}" if long else ""
    return Part("subject", -1 if not subject or long else 0, note)


def _one_ask(body: tuple[str, ...], placed: int, note: str) -> Part:
    asks = _asks(body) or ([placed] if placed >= 0 else [])
    if len(asks) == 1:
        return Part("one ask", asks[0], note if asks == [placed] else "")
    return Part("one ask", -1, f"{len(asks)} asks: a reader answers one" if asks else "nothing is asked for")


def _answer_parts(body: tuple[str, ...], profile: ResumeProfile, job: JobPosting) -> tuple[Part, ...]:
    asked = content_words(job.question)
    point = _first(body, lambda s: bool(content_words(s) & asked)) if asked else (0 if body else -1)
    voice = _first(body, lambda s: bool(_FIRST_PERSON.search(s)) or _names(s, *_facts(profile)))
    ended = bool(body) and bool(_SENTENCE_END.search(body[-1]))
    return (Part("own voice", voice, "" if voice >= 0 else "no sentence speaks of the person"),
            Part("point", point, "" if point >= 0 else "no sentence takes up the question"),
            Part("complete end", len(body) - 1 if ended else -1, "" if ended else "the last sentence is not finished"))  # fmt: skip
