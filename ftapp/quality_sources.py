"""What an example's own fields say, as profile and posting: what its letter can be held against. Knows fields, judges nothing.

Fields are filled by people: lists come by lines, commas or semicolons, positions as "Analyst at Northwind for 3 years". A field
that holds "None" or "n/a" is empty. Without fields for the job, its title and employer are those that the letter says it applies to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ftapp import claims_facts as facts
from ftapp import documents, profiles
from ftapp.claims_find import NAME
from ftapp.claims_text import sentences
from ftapp.profiles import Experience, JobPosting, ResumeProfile
from ftapp.quality_items import Item
from ftapp.vocabulary import OCCUPATION

MOST_CHARACTERS = 20_000  # of a posting or a field; what goes beyond is not read
_NOTHING = re.compile(r"(?i)\W*(?:none|n/?a|nil|null|nan|unknown|not (?:given|available|specified|applicable)|-+)?\W*")
_LABEL = re.compile(r"(?im)^[ \t]*(?:hard|soft|technical|key|core)\s+skills\s*:")
_TURNED = re.compile(r"(?P<span>\d+\+? (?:years?|months?))(?: of)? (?:at|with) (?P<employer>.+?) as (?:an? )?(?P<title>.+)$")
_POSITION = re.compile(r"(?P<title>[^,]+?) (?:at|with|for) (?P<employer>.+?)(?: for .*|,? (?:since|from|until) .*| \(.*\))?$")
_NO_TITLE = re.compile(r"(?i)\d|\bexperience\b")
_POST = r"(?:position|role|job|post|opening|vacancy|opportunity|internship|team)"
_APPLIES = re.compile(
    r"(?i)\b(?:appl(?:y|ying|ication|ied)|interest(?:ed)?|position|role|vacancy|opening|opportunity|join\w*|excited|eager|thrilled|"
    r"contribut\w+|look(?:ing)? forward|bring|chance|help(?:ing)?|part of|consider\w*|fit|candidate|success|hiring|team at|writing|posting|"
    r"need\w*|search\w*|requires?|seek\w*|advert\w*)\b"
)
_CALLED = rf"(?:\d+[ ])?{NAME.pattern}"
_POST_AT = re.compile(
    rf"(?P<own>(?i:\b(?:my|current|previous|former|past|last)[ ]))?(?:[\w/&-]+[ ]){{0,3}}\b{_POST}[ ](?:here[ ]|available[ ]|open[ ])?"
    rf"(?:at|with|within)[ ](?:the[ ])?(?P<name>{_CALLED})"
)
_TO = re.compile(
    rf"(?:^|[ ])(?:at|to|with|join|joining|within|for|helps?|of|by)[ ](?:the[ ])?(?P<name>{_CALLED})|(?P<owner>{_CALLED})['’]s?(?!\w)"
)
_TITLED = re.compile(
    r"(?P<title>(?:[A-Z][\w/&+#.-]*[ ](?:of[ ]|and[ ]|in[ ]|for[ ])?){0,5}[A-Z][\w/&+#.-]*|(?:[a-z][\w/-]*[ ]){0,2}[a-z][\w/-]*)"
    rf",?[ ](?i:{_POST})\b"
)
# A title may be any words where a post is spoken of, in small letters too when they name an occupation.
_SOUGHT = re.compile(
    r"(?i:\b(?:position|role|post|job|posting|opening|vacancy|need|needs|requires?|search|searching|looking|hiring|hire|opportunity|appl\w+|"
    r"seek(?:ing)?|candidate|advert\w*|join\w*)\b[^.;,]{0,25}?\b(?:of|for|as|an?|the|your)[ ](?:an?[ ]|the[ ]|your[ ])?)"
    r"(?P<title>(?:[\w/&+-]+[ ]){0,5}?[\w/&+-]+)(?=[ ]*(?:[,.;:]|$|[ ](?:at|with|in|for|to|who|and|I|on|that|within)\b))"
)
_AS = re.compile(r"\b(?:as|for|of|be)[ ](?:an?|the|your(?:[ ]new)?)[ ](?P<title>(?:[A-Z][\w/&+#-]*[ ]?){1,6})")
_BEFORE_OWN = re.compile(  # what stands before a name that belongs to the applicant's past
    r"(?i)\b(?:my (?:\w+ )?(?:role|position|job|post|work|time|career|tenure|internship|years|degree)|current(?:ly)?|"
    r"previous(?:ly)?|past|former(?:ly)?|worked|working as|experience(?! to)|degree|graduat\w+|stud\w+|proficient|"
    r"knowledge|skilled|versed)\b"
    r"[^.;]{0,40}$"
)
_WAS = re.compile(r"(?i)\b(?:my|current(?:ly)?|previous(?:ly)?|past|former(?:ly)?|last|worked|working as|years as)\b[^.;]{0,40}$")
_HELD_POST = re.compile(OCCUPATION.pattern + r"\W*$")  # "a Staff Nurse" before "at Penmoor Clinic"
_JOINING = re.compile(r"(?i)\b(?:join\w*|appl\w+|become|becoming|position|role|interest\w*)\b")
_SMALL = frozenset("the a an and or of for in at to with by on my your our their this that i inc ltd llc corp co company".split())


@dataclass(frozen=True)
class Sources:
    """`profile` and `job` as far as the item says them; `told`: the applicant's own texts, `asked`: the posting's; `target_known`:
    title or employer come from fields or posting and not from the letter itself."""

    profile: ResumeProfile
    job: JobPosting
    told: tuple[str, ...]
    asked: tuple[str, ...]
    target_known: bool

    @property
    def resume_known(self) -> bool:
        return bool(self.told)


def value(item: Item, name: str) -> str:
    """A field's text, trimmed; "" when it says nothing."""
    text = (item.fields.get(name, "") or "")[:MOST_CHARACTERS].strip()
    return "" if _NOTHING.fullmatch(text) else text


def pieces(text: str) -> list[str]:
    """The entries of a field that lists something."""
    bare = re.sub(r"(?m)^[ \t]*(?:[-•*]|\d{1,2}[.)])\s+", "", _LABEL.sub("", text))
    return [p.strip(" .") for p in re.split(r"\n|;|,(?![^(]*\))", bare) if p.strip(" .")]


def position(text: str) -> Experience:
    """ "Analyst at Northwind for 3 years" as a position; the whole text stays as its first line."""
    m = _TURNED.match(text) or _POSITION.match(text)
    if not m or _NO_TITLE.search(m["title"]):
        return Experience(achievements=[text])
    return Experience(title=m["title"].strip(), employer=m["employer"].strip(), achievements=[text])


def of(item: Item) -> Sources:
    """Everything that the item says about the applicant and about the job."""
    given = {name: value(item, name) for name in ("applicant", "past", "current", "skills", "qualifications", "preferred")}
    held = [p for name in ("current", "past") for line in given[name].split("\n") for p in _positions(line)]
    profile = ResumeProfile(name=given["applicant"], experience=[position(p) for p in held],
                            education=pieces(given["qualifications"]), skills=pieces(given["skills"]))  # fmt: skip
    posted = profiles.parse_job(documents.clean(item.posting[:MOST_CHARACTERS])) if item.posting.strip() else JobPosting()
    title, company = value(item, "title") or posted.title, value(item, "company") or posted.company
    known = bool(title or company)
    if not known and item.kind in ("cover_letter", "cold_email"):
        title, company = target_of(item.letter, held)
    job = posted.model_copy(update={"title": title, "company": company,
                                    "requirements": [*posted.requirements, *pieces(given["preferred"])]})  # fmt: skip
    told = tuple(given[name] for name in ("past", "current", "skills", "qualifications") if given[name])
    told += tuple(text for role, text in item.turns if role == "user" and item.kind != "answer")
    asked = tuple(filter(None, (item.posting, given["preferred"])))
    return Sources(profile, job, told, asked, known)


def _positions(line: str) -> list[str]:
    """Several positions on one line are parted by commas; a comma inside one ("Analyst, Northwind") is kept."""
    parts = [p.strip() for p in re.split(r";|,(?![^(]*\))", line) if p.strip()]
    if len(parts) > 1 and all(_POSITION.match(p) or _TURNED.match(p) for p in parts):
        return parts
    return [line.strip()] if line.strip() else []


def target_of(letter: str, held: Sequence[str]) -> tuple[str, str]:
    """(title, employer) that a letter says it applies for and to, each "" when it names none. `held`: positions the applicant has held,
    whose employers are not the target."""
    return next(_titles(letter), ""), next(_targets(letter, held), "")


def _titles(letter: str) -> Iterator[str]:
    for text in _applying(letter):
        for m in [*_TITLED.finditer(text), *_AS.finditer(text), *_SOUGHT.finditer(text)]:
            if OCCUPATION.search(m["title"]) and not _WAS.search(text[: m.start()]):
                yield m["title"].strip()


def _targets(letter: str, held: Sequence[str]) -> Iterator[str]:
    """Employers of "the position at X" first, then other names that the letter looks ahead to and that are none of the applicant's."""
    own = [name for p in held if (name := words(position(p).employer))]
    for text in _applying(letter):
        yield from (m["name"] for m in _POST_AT.finditer(text) if not m["own"] and not OCCUPATION.search(m["name"]))
    for text in _applying(letter):
        for m in _TO.finditer(text):
            found = m["name"] or m["owner"]
            name = words(found)
            before = text[: m.start()]
            to_name = text[: m.start("name" if m["name"] else "owner")]
            past = _BEFORE_OWN.search(to_name) or _HELD_POST.search(before) and not _JOINING.search(before)
            if name and not any(name <= o for o in own) and not OCCUPATION.search(found) and not past:
                yield found


def _applying(letter: str) -> Iterator[str]:
    """The sentences that look ahead to the job."""
    for start, end in sentences(letter):
        if _APPLIES.search(letter, start, end):
            yield letter[start:end]


def words(name: str) -> frozenset[str]:
    """The words of a name that tell it from others, in lower case."""
    return frozenset(w.casefold() for w in re.findall(r"[^\W_]+", name)) - _SMALL


def said(text: str) -> frozenset[str]:
    """The keys of a text, as the claim ledger compares them."""
    return frozenset(facts.content(text))
