"""What a model writes around a letter is taken off; what must not be sent is flagged. Pure: no model, no database.

Taken off: talk to the person before the letter ("Sure! Here is ...") and after it ("Feel free to adjust ..."), code fences,
a reasoning model's thoughts; of a connection note, what LinkedIn would not take. Flagged, never changed: placeholders, an
employer or title that is not the posting's.
Does not know whether a claim about the person is true; the claim ledger does. The talk is known in English only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ftapp import structure
from ftapp.profiles import JobPosting, ResumeProfile


@dataclass(frozen=True)
class Stripped:
    """Text that was taken off, and why ("preamble", "postscript", "code fence", "thoughts", "ending")."""

    kind: str
    text: str


@dataclass(frozen=True)
class Flag:
    """A passage that should not be sent: `Cleaned.text[start:end]`, its kind, a sentence for the person, and what could
    stand there instead (empty when the fields do not say). The sentence quotes nothing of the letter."""

    kind: str  # "placeholder", "other employer", "other title"
    start: int
    end: int
    sentence: str
    suggestion: str = ""


@dataclass(frozen=True)
class Cleaned:
    text: str
    stripped: tuple[Stripped, ...] = ()
    flags: tuple[Flag, ...] = ()


def clean(letter: str, job: JobPosting, profile: ResumeProfile | None = None) -> Cleaned:
    """The letter alone, what was taken off it, and what in it must not be sent as it stands.

    Cleaning a cleaned letter changes nothing. A text that would be empty afterwards stays as it is.
    """
    profile = profile or ResumeProfile()
    text, stripped = _layers(letter.strip(), _ALL)
    flags = [*_placeholders(text, job, profile), *_other_employers(text, job, profile), *_other_titles(text, job)]
    return Cleaned(text, tuple(stripped), tuple(sorted(flags, key=lambda flag: flag.start)))


def strip(letter: str) -> tuple[str, tuple[Stripped, ...]]:
    """The letter alone, as it is shown, stored and learned from, and what was taken off it. Without any talk it is the very same text."""
    text, stripped = _layers(letter.strip(), _ALL)
    return (text, tuple(stripped)) if stripped else (letter, ())


def note(letter: str) -> tuple[str, tuple[Stripped, ...]]:
    """Like `strip`, for a connection note: whole sentences at its end go when LinkedIn would not take them."""
    text, taken = strip(letter)
    short, ending = structure.shortened(text)
    return (short, (*taken, Stripped("ending", ending))) if ending else (text, taken)


def begun(letter: str) -> str:
    """A letter that is still being written, without the talk before it. While its one line may yet turn out to be talk, nothing."""
    text, stripped = _layers(letter.strip(), _BEFORE)
    held = _MAY_BE_TALK.match(text) and ("\n" not in text or _THINKING.match(text))
    return "" if held else text if stripped else letter


def told(stripped: Sequence[Mapping[str, str]]) -> str:
    """What was taken off a letter ({kind, text} each), in one sentence that quotes nothing of it; empty when nothing was."""
    words: dict[str, int] = {}
    for piece in stripped:
        words[piece["kind"]] = words.get(piece["kind"], 0) + len(re.findall(r"\w[\w'’-]*", piece["text"]))
    parts = [_NAMES[kind] + (f" of {count} word{'s' * (count > 1)}" if count else "") for kind, count in words.items()]
    said = " and ".join(parts)
    why = f": a connection note holds {structure.NOTE_CHARACTERS} characters" if "ending" in words else ""
    return said and f"{said[0].upper()}{said[1:]} {'were' if len(parts) > 1 else 'was'} removed{why}."


# --- taken off -----------------------------------------------------------------------------------------------------------

_THING = r"(?:letters?|e-?mails?|messages?|drafts?|versions?|responses?|answers?|repl(?:y|ies)|posts?|notes?|text)"
_YES = r"(?:sure(?: thing)?|certainly|of course|absolutely|okay|ok|alright|great|no problem|definitely|gladly|happy to help)"
_OFFER = (
    r"(?:i(?:'d|’d| would| am|'m|’m)? (?:be )?(?:happy|glad|delighted) to (?:help|assist) you|i can help you|let me help you)"
    r" (?:with|write|draft|create|craft|prepare)\b"
)
_HERE = (
    rf"(?:here(?:'s|’s| is| are)|below is|this is|i(?:'ve|’ve| have) (?:written|drafted|prepared|created|put together)|the following is)"
    rf"(?: [\w'’-]+){{0,6}}? {_THING}\b"
)
# Only with a colon is "Here is a note ..." an announcement; without one it may be how the letter itself begins.
_PREAMBLE = re.compile(
    rf"""(?xi)^\W*(?:
    {_YES.replace(" ", r"[ ]")}\s*[!,.:–—-]+\s*(?:here\s+(?:you\s+go|it\s+is)\s*[:.!]\s*|
        (?:{_HERE.replace(" ", r"[ ]")}(?:(?!\bdear\b|\bhello\b|\bsubject:)[^\n:]){{0,200}}?(?::|[.!]?[ ]*(?=\n|$))[*]*\s*)|
        (?:{_OFFER.replace(" ", r"[ ]")}[^\n]{{0,200}}?(?:[.!:](?=\s|$))\s*)|(?=\n|(?:{_HERE.replace(" ", r"[ ]")})))|
    {_OFFER.replace(" ", r"[ ]")}[^\n]{{0,200}}?[.!:](?=\s|$)\s*|
    as[ ]an[ ]ai\b[^\n]{{0,200}}?[.:!](?=\s|$)\s*|
    {_HERE.replace(" ", r"[ ]")}[^\n:]{{0,200}}:[*]*\s*|
    (?:\*\*|\#+[ ]*)?(?:cover[ ]letter|cold[ ]e-?mail|linkedin[ ]message|answer|e-?mail|letter|message)\s*:?(?:\*\*)?\s*:?[ ]*(?=\n)|
    [-=*_]{{3,}}[ ]*(?=\n)
    )"""
)
# A line before the greeting that ends as a sentence does and says one of these is no letterhead.
_TALK = re.compile(
    rf"(?i)(?:^\W*{_YES}|\b(?:here|below|draft|requested|let me|let['’]s|(?:happy|glad) to|got it|came up with|put together|"
    r"you (?:asked|can|gave|provided)))\b.*[:.!][*_\s]*$"
)
# A first paragraph that hands a text over, whatever follows it.
_HANDED = re.compile(
    rf"(?i)\b(?:here|below)\b.*\b(?:{_THING}|result|up with|you go)\b.*:[*_\s]*$|\b{_THING} (?:is )?below\b.*[:.][*_\s]*$|"
    rf"^\W*below is (?:a|the|your)\b[^:.]*\b{_THING}\b"
)
_MAY_BE_TALK = re.compile(
    rf"(?i)\W*(?:<(?:think|thought|reasoning)|(?:{_YES}|i['’]d be|i would be|here|here['’]s|below|as an ai|as requested|"
    r"based on|thank you for the|let me|please (?:see|find)|the following|got it)\b)"
)
# The first line, or what stands in it before a greeting.
_FIRST = re.compile(r"(?i)(?:(?<![:.!])[^\n]|(?<=[:.!])(?![ ]+(?:dear|hello|hi|subject:)[ ,])[^\n])*")
MOST_TALK = 300  # characters of that line
_POSTSCRIPT = re.compile(
    rf"""(?xi)^\W*(?:
    (?:please\s+)?feel\ free\ to\ (?:customi[sz]e|adjust|modify|edit|tailor|adapt|change|replace|tweak|personali[sz]e|make)\b|
    (?:please\s+)?let\ me\ know\ if\ (?:you(?:'d|’d|\ would)?\ (?:like|need|want)|there(?:'s|\ is|\ are))\b[^\n]*\b(?:
        changes?|adjust\w*|revisions?|revised?|versions?|edits?|tweak\w*|modif\w+|shorter|longer|tone)\b|
    i\ hope\ (?:this|that|it)\ (?:{_THING}\ )?(?:helps|meets\ your|works\ for\ you|is\ what\ you)|
    \(?(?:please\s+)?(?:note|disclaimer)\b\s*[:—-]|
    (?:please\s+|remember\ to\s+|be\ sure\ to\s+|don['’]t\ forget\ to\s+)(?:replace|fill\ in|customi[sz]e|adjust|insert)\b|
    good\ luck\ with\ your\ (?:application|job|search)\b|
    i\ can\ also\ (?:write|draft|create|prepare|provide)\b|
    if\ there(?:'s|’s|\ is)\ anything\ else\ i\ can\ help\b|
    would\ you\ like\ me\ to\ (?:adjust|change|write|revise|make|shorten|add)\b|
    \(?word\ count\b|\(\d+\ words\)|
    (?:this|the\ above)\ (?:cover\ |cold\ )?{_THING}\ (?:highlights|emphasi[sz]es|showcases|is\ tailored|is\ written|aims|follows|uses)\b|
    [-=*_]{{3,}}$
    )"""
)
_THOUGHTS = re.compile(r"(?is)^\s*<(think|thinking|thought|reasoning)>.*?</\1>\s*")
_THINKING = re.compile(r"(?i)\s*<(?:think|thinking|thought|reasoning)>")
_FENCED = re.compile(r"(?s)^\s*(```[\w-]*[ ]*\n)(.*?)(\n[ ]*```)\s*$")


def _layers(text: str, layers: Sequence[Callable[[str, list[Stripped]], str]]) -> tuple[str, list[Stripped]]:
    """Layer by layer, until nothing more comes off: "Sure!", "Here is a letter:" and a fence may follow each other."""
    before, stripped = None, []
    while text != before:
        before = text
        for layer in layers:
            text = layer(text, stripped)
    return text, stripped


def _take(text: str, start: int, end: int, kind: str, stripped: list[Stripped]) -> str:
    """Keep text[start:end]; what stood around it is noted."""
    stripped += [Stripped(kind, piece.strip()) for piece in (text[:start], text[end:]) if piece.strip()]
    return text[start:end].strip()


def _without_thoughts(text: str, stripped: list[Stripped]) -> str:
    match = _THOUGHTS.match(text)
    return _take(text, match.end(), len(text), "thoughts", stripped) if match and text[match.end() :].strip() else text


def _without_fence(text: str, stripped: list[Stripped]) -> str:
    match = _FENCED.match(text)
    return _take(text, match.start(2), match.end(2), "code fence", stripped) if match and match[2].strip() else text


def _without_preamble(text: str, stripped: list[Stripped]) -> str:
    match = _PREAMBLE.match(text)
    if not match or not text[match.end() :].strip():
        return text
    return _take(text, match.end(), len(text), "preamble", stripped)


def _without_announcement(text: str, stripped: list[Stripped]) -> str:
    """Take off a first line that speaks to the person: in any wording before a greeting or subject, else when it hands a text over."""
    head = _FIRST.match(text)[0]
    rest = text[len(head) :]
    if len(head) > MOST_TALK or not rest.strip() or structure.opens(head):
        return text
    if structure.opens(rest.lstrip()) and _TALK.search(head) or rest.startswith("\n") and _HANDED.search(head):
        return _take(text, len(head), len(text), "preamble", stripped)
    return text


def _without_postscript(text: str, stripped: list[Stripped]) -> str:
    """Take off the last paragraph, or the last line, when it speaks about the letter."""
    for gap in ("\n\n", "\n"):
        body, cut, last = text.rpartition(gap)
        if cut and body.strip() and _POSTSCRIPT.match(last.strip()):
            return _take(text, 0, len(body), "postscript", stripped)
    return text


_NAMES = {
    "preamble": "a preamble",
    "postscript": "a remark after the letter",
    "code fence": "a code fence",
    "thoughts": "a train of thought",
    "ending": "an ending",
}
_BEFORE = (_without_thoughts, _without_preamble, _without_announcement)
_ALL = (*_BEFORE, _without_postscript, _without_fence)

# --- flagged: placeholders -----------------------------------------------------------------------------------------------

_SLOT = r"""(?:company|employer|organi[sz]ation|your|my|applicant|candidate|name|title|position|role|job|date|address|phone|e-?mail|
    city|state|zip|contact|recipient|hiring|manager|insert|number|skill|university|degree|industry|school|department|linkedin|website|portfolio|
    specific|previous|current|years?|x)"""
_PLACEHOLDER = re.compile(
    rf"""(?xi)
    \[(?!\d+\]|sic\]|\s*[x✓✔]?\s*\])[^\[\]\n]{{1,80}}\](?!\()|
    \{{+\s*[a-z][\w .'/-]{{0,60}}\}}+|
    <(?=[^<>\n]*\b{_SLOT}\b)[a-z][\w .'/-]{{1,60}}>|
    \((?:your|insert|company|employer|hiring\ manager)\ [\w '/-]{{2,40}}\)|
    \b(?:your|company|hiring\ manager)(?:'s)?\ name\b(?=\s*[,.]?\s*(?:\n|$))|\binsert\ [\w ]{{2,40}}\ here\b|
    _{{3,}}|(?-i:\bX{{3,}}\b|\bX{{1,2}}\ ?(?:%|(?:\+\ )?years\b|percent\b))
    """
)
_VALUES = (  # what a placeholder asks for -> where the fields say it; the first that fits
    (r"(?i)compan|employer|organi[sz]ation", lambda job, me: job.company),
    (r"(?i)(?:job|position|role)|^\W*title", lambda job, me: job.title),
    (r"(?i)(?:your|my|applicant|candidate)\W*(?:full )?name|^\W*name\W*$", lambda job, me: me.name),
)


def _placeholders(text: str, job: JobPosting, profile: ResumeProfile) -> Iterator[Flag]:
    for match in _PLACEHOLDER.finditer(text):
        suggestion = next((value(job, profile) for pattern, value in _VALUES if re.search(pattern, match[0])), "")
        yield Flag("placeholder", match.start(), match.end(), "A placeholder was left open. Fill it in or take it out.", suggestion)


# --- flagged: another posting --------------------------------------------------------------------------------------------

_WORD = r"(?:[A-Z][\w&'’.-]*[\w]|[A-Z])"
_NAME = rf"{_WORD}(?:[ ](?:(?:of|and|&|the|for|de|du|der)[ ])?{_WORD}){{0,4}}"
_POST = r"(?:position|role|job|post|posting|opening|opportunity|vacancy|team|internship)"
# Places where a letter names whom it is written to. Nothing else is read: a résumé's employers may stand anywhere.
_ADDRESSED = [
    re.compile(pattern.replace("NAME", f"(?P<name>{_NAME})"))
    for pattern in (
        rf"\b{_POST}[ ](?:at|with|within)[ ](?:the[ ])?NAME",
        rf"\b{_POST}[ ](?:here[ ])?(?:that[ ])?NAME(?='s|[ ](?:is|has|offers|posted|advertised))",
        r"\b(?:[Aa]pply(?:ing)?|[Aa]pplication)[ ]to[ ](?:the[ ])?NAME",
        r"\b(?:join(?:ing)?|contribut(?:e|ing)[ ]to|part[ ]of)[ ](?:the[ ])?NAME"
        r"(?='s|[ ]team|[ ]as\b|[ ]in[ ](?:the|this|its)|[.,;!]|[ ]and\b)",
        r"^(?:Dear|Hello|Hi|Good[ ]day,?|To)[ ](?:the[ ])?NAME(?=[ ](?:[Tt]eam|[Rr]ecruit|[Hh]iring|HR))",
        r"^(?:Dear|Hello|Hi|To)[ ](?:[\w-]+[ ]){0,4}(?:at|of)[ ]NAME",
        r"\bNAME['’]s[ ](?:commitment|mission|reputation|dedication|values|vision|culture|focus[ ]on|innovative|team)",
    )
]
_OWN_PAST = re.compile(r"(?i)\b(?:my|current|previous|past|former|last|an?|as)\b[^.\n]{0,30}$")  # "in my role at ..."
_NOBODY = set(
    "a an the your our my i we hiring recruiting recruitment manager managers team teams hr human resources sir madam dear department "
    "committee office it engineering sales marketing data finance company employer organisation organization personnel selection "
    "inc ltd limited llc llp plc corp corporation co gmbh ag group of and for de".split()
)


def _words(name: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in re.findall(r"[^\W_]+", name)) - _NOBODY


def _known(job: JobPosting, profile: ResumeProfile) -> frozenset[str]:
    """Words that may stand where an employer's name does without being another employer's."""
    fields = [job.company, job.title, job.location, *job.requirements, *job.duties, *profile.skills, *profile.education]
    held = [f"{e.title} {e.employer} {' '.join(e.achievements)}" for e in profile.experience]
    return _words(" ".join([*fields, *held, profile.name, profile.headline]))


def _other_employers(text: str, job: JobPosting, profile: ResumeProfile) -> Iterator[Flag]:
    if not _words(job.company):
        return  # nothing to compare with
    known = _known(job, profile)
    initials = "".join(word[0].casefold() for word in re.findall(r"[^\W_]+", job.company) if word.casefold() not in _NOBODY)
    seen: set[int] = set()
    for pattern in _ADDRESSED:
        for match in re.finditer(pattern.pattern, text, re.MULTILINE):
            name = _words(match["name"])
            if _OWN_PAST.search(text, max(0, match.start() - 40), match.start()):
                continue
            if name and not name & known and name != {initials} and match.start("name") not in seen:
                seen.add(match.start("name"))
                yield Flag("other employer", match.start("name"), match.end("name"),
                           "This names an employer that is not the posting's. Put the right name there.", job.company)  # fmt: skip


_FOR_TITLE = re.compile(
    rf"\b(?:apply(?:ing)?|application|interest(?:ed)?|candidate|considered|writing|forward)\b[^.\n]{{0,40}}?\b(?:for|in|about)[ ]"
    rf"(?:the|your|an?)[ ](?:position[ ]of[ ]|role[ ]of[ ]|post[ ]of[ ])?(?P<name>{_NAME})(?=[ ]{_POST}\b)"
)


def _other_titles(text: str, job: JobPosting) -> Iterator[Flag]:
    own = {word[:5] for word in _words(job.title)}
    company = _words(job.company)
    for match in _FOR_TITLE.finditer(text) if own else ():
        named = {word[:5] for word in _words(match["name"]) - company}
        if named and not named & own:
            yield Flag("other title", match.start("name"), match.end("name"),
                       "This applies for another job than the posting's. Put the right title there.", job.title)  # fmt: skip
