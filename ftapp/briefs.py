"""What a letter was written for, as the few texts that structured data sets give: read out of the letter when nothing else is known,
and turned into the fields that a prompt is made of.

Reads by the rules that the claim ledger and the posting parser have; what they do not find stays empty, since a brief must ask for
nothing that the letter does not say. English letters only. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ftapp import claims_find as find
from ftapp import profiles_job, structure
from ftapp.claims_facts import DEGREE
from ftapp.profiles import Experience, JobPosting, ResumeProfile, parse_job
from ftapp.profiles_resume import person
from ftapp.prompts import one_line
from ftapp.vocabulary import OCCUPATION

MOST_SKILLS, MOST_DEEDS, MOST_POSITIONS = 12, 4, 3
Fields = dict[str, str]  # by the names of quality.FIELDS

# ---- out of a letter ------------------------------------------------------------------------------------------------

_WORD = r"(?:[A-Z][\w&+#/'’.-]*\w|[A-Z&](?!\w))"
_NAME = rf"(?:\d+[ ])?{_WORD}(?:,?[ ](?:(?:of|and|&|the|for|de|in)[ ])?(?!I\b){_WORD}){{0,6}}"
_ENDS = r"position|role|job|post|opening|opportunity|vacancy|internship|apprenticeship|placement"
_POST = rf"(?:{_ENDS})"
_STOPS = rf"[ ](?:to|for|with|at|in|on|within|you|{_ENDS})\b|[.,;:!?]|[ ][-–—]|$"
_ROLE = rf"(?P<x>{_NAME}|[a-z][\w-]+(?:,?[ ](?:and[ ])?[a-z][\w-]+){{0,5}}?(?={_STOPS}))"
_THE = r"(?:the|your|an?|this)[ ](?:(?:open|advertised|available|vacant|next|new)[ ])?"
_TITLES = [
    re.compile(pattern.replace("ROLE", _ROLE).replace("NAME", f"(?P<x>{_NAME})"), re.MULTILINE)
    for pattern in (
        rf"\b{_POST}[ ](?:of|as)[ ](?:an?[ ]|the[ ])?ROLE",
        rf"\b(?:for|in|about|to|of|as|regarding|against)[ ]{_THE}(?:position[ ]of[ ]|role[ ]of[ ])?ROLE[ ](?=(?:{_ENDS})\b)",
        rf"\bNAME[ ]{_POST}\b",
        r"\b(?:apply(?:ing)?|application|applied|candidate|candidacy)[ ](?:for|as)[ ](?:the[ ]|your[ ]|an?[ ])?ROLE",
        r"\b(?:posting|need|search|advert(?:isement)?|hiring|seeking|looking|opening|vacancy|recruiting)[ ](?:for[ ])?(?:an?|your|the)[ ]"
        r"(?:new[ ])?ROLE",
        rf"\b(?:as|become|becoming)[ ](?:{_THE}|{_NAME}['’]s[ ](?:next|new)[ ])ROLE",
        r"\bjoin[ ][\w &.-]{2,40}[ ]as[ ](?:an?|the|your)[ ]ROLE",
        rf"\b(?:company|organi[sz]ation|firm|team|skills|school)[ ]as[ ](?:{_THE})?NAME",
        r"^(?:Re|RE|Subject)\s*:[^\n]{0,20}?\b(?:[Aa]pplication|[Aa]pplying)[ ]for[ ](?:the[ ]|your[ ])?NAME",
    )
]
_PRAISE = re.compile(
    r"(?i)^(?:(?:new|next|skilled|experienced|talented|qualified|dedicated|motivated|passionate|accomplished|knowledgeable|reliable|\w+-\w+)"
    r"\b,?\s*(?:and\s)?)+(?=\w)"
)
_OWN = re.compile(  # "in my role as ..."
    r"(?i)\b(?:my(?=\s(?:role|position|job|post|work|time|career|years|most|first|recent))|previous|current|past|former|last|prior|"
    r"working|worked|served|serving|years)\b[^.\n]{0,24}$"
)
_EMPLOYERS = [
    re.compile(pattern.replace("NAME", f"(?P<x>{_NAME})"), re.MULTILINE)
    for pattern in (
        rf"\b{_POST}(?:[ ][\w-]+){{0,3}}?[ ](?:at|with|within)[ ](?:the[ ])?NAME",
        r"\b(?:join(?:ing)?|contribut(?:e|ing)[ ]to|part[ ]of|asset[ ]to|addition[ ]to|fit[ ]for|work(?:ing)?[ ](?:for|at|with))[ ]"
        r"(?:the[ ])?NAME(?=['’]s?|[ ]team|[ ]as\b|[ ]and\b|[ ]in[ ](?:the|this|its)\b|[.,;!])",
        r"^(?:Dear|Hello|Hi|To)[ ](?:the[ ])?NAME(?=[ ](?:[Tt]eam|[Rr]ecruit|[Hh]iring|HR|[Mm]anage|[Ss]election))",
        r"^(?:Dear|Hello|Hi|To)[ ](?:[\w-]+[ ]){0,4}(?:at|of)[ ]NAME",
        r"\bNAME['’]s[ ](?:commitment|mission|reputation|dedication|values|vision|culture|focus|innovative|team|work|success|growth|goals)",
        r"\b(?:interest(?:ed)?[ ]in|excited[ ]about|to[ ]work[ ](?:at|for|with)|employment[ ](?:at|with))[ ]NAME(?=[.,]|[ ]and\b)",
    )
]
_NO_TITLE = re.compile(r"(?i)^(?:the|this|your|my|our|dear|i|it|sir|madam)$")
_NOBODY = re.compile(r"(?i)^(?:the |your |our |my )?(?:hiring|recruit\w+|human|hr|team|manager|managers|company|department|sir|madam|i)\b")
_DID = re.compile(
    r"\bI(?:\s(?:have|also|then|successfully|have also))*\s"
    r"(?P<deed>(?:[a-z]+ed|led|built|ran|wrote|made|taught|won|grew|cut|set up|brought|sold|kept|oversaw|took)\s[^;]{12,}?)(?=[.!;]|$)"
)
_AT = re.compile(rf"(?P<title>{_NAME}|[a-z]+(?:[ ][a-z]+){{0,3}})[ ](?:at|with|for)[ ](?:the[ ])?(?P<employer>{_NAME})")
_NOW = re.compile(r"(?i)\b(?:current(?:ly)?|now|at present|presently)\b")
_FEELING = re.compile(r"(?i)^(?:excited|interested|impressed|thrilled|pleased|delighted|inspired|attached|enclosed|convinced|intrigued)\b")


def rebuilt(letter: str) -> Fields:
    """Title, company, applicant, past, current, skills and qualifications as far as the letter itself says them."""
    pieces = structure.parse(letter)
    title, company = target(letter)
    found = {"title": title, "company": company, "applicant": _signed(pieces.sign_off)}
    return {name: text for name, text in (found | _facts(pieces.sentences, title, company)).items() if text}


def target(letter: str) -> tuple[str, str]:
    """(title, employer) that a letter says it is written for; "" for what it does not say."""
    company = next(filter(None, (_company(m["x"]) for pattern in _EMPLOYERS for m in pattern.finditer(letter) if not _own(letter, m))), "")
    found = sorted((m.start("x"), m["x"]) for pattern in _TITLES for m in pattern.finditer(letter) if not _own(letter, m))
    named = (profiles_job.clean_title(re.split(r"\s(?:at|with)\s", _PRAISE.sub("", text))[0]) for _, text in found)
    good = [title for title in named if title and not _NO_TITLE.match(title) and not _NOBODY.match(title) and title != company]
    return next((title for title in good if OCCUPATION.search(title)), next((title for title in good if title[0].isupper()), "")), company


def _own(letter: str, m: re.Match[str]) -> bool:
    """Whether the words before say that this is a post that was held."""
    return bool(_OWN.search(letter, max(0, m.start("x") - 40), m.start("x")))


def _company(name: str) -> str:
    return "" if _NOBODY.match(name) else profiles_job.company_name(re.sub(r"['’]s?$", "", name))


def _signed(sign_off: str) -> str:
    """The name under a letter."""
    return next((name for line in reversed(sign_off.splitlines()) if (name := person(line))), "")


def _facts(said: Iterable[str], title: str, company: str) -> Fields:
    skills: list[str] = []
    learned: list[str] = []
    held: dict[str, list[str]] = {"current": [], "past": []}
    deeds: list[str] = []
    for sentence in said:
        if find.silent(sentence):
            continue
        if find.personal(sentence) and not find.WISH.search(sentence):
            learned += [one.text for one, _ in find.degrees(sentence) if find.of_person(sentence, one.start)]
            deeds += [f"{deed[0].upper()}{deed[1:]}" for m in _DID.finditer(sentence) if not _FEELING.match(deed := one_line(m["deed"]))]
            for m in _AT.finditer(sentence):
                if _company(m["employer"]) and m["employer"] != company and OCCUPATION.search(m["title"]):
                    held["current" if _NOW.search(sentence[: m.start()]) else "past"].append(f"{m['title']} at {_company(m['employer'])}")
        for one in [*find.listed(sentence), *find.names(sentence)]:
            if one.kind == "skill" and find.of_person(sentence, one.start) and find.telling(one.text):
                skills.append(one.text)
            elif one.kind == "certificate" and find.of_person(sentence, one.start):
                learned.append(one.text)
            elif one.kind == "employer" and find.personal(sentence) and not find.WISH.search(sentence) and find.firm(sentence, one):
                if one.text.casefold() not in f"{company} {held}".casefold():
                    held["current" if _NOW.search(sentence[: one.start]) else "past"].append(f"Work at {one.text}")
    skills = [skill for skill in _distinct(skills) if skill.casefold() not in f"{title} {company}".casefold()]
    now, before = _distinct(held["current"])[:1], _distinct(held["past"])[:MOST_POSITIONS]
    (now if now and not before else before).extend(f"- {deed}" for deed in _distinct(deeds)[:MOST_DEEDS])
    return {
        "current": "\n".join(now), "past": "\n".join(before), "skills": ", ".join(skills[:MOST_SKILLS]),
        "qualifications": "\n".join(_distinct(learned)[:MOST_POSITIONS]),
    }  # fmt: skip


def _distinct(found: Iterable[str]) -> list[str]:
    """Each once, whatever its case; what another entry says in more words goes."""
    once = list({text.casefold(): text for text in found}.values())
    return [text for text in once if not any(text != other and _within(text, other) for other in once)]


def _within(text: str, other: str) -> bool:
    return text.casefold() in other.casefold() and bool(re.search(rf"(?i)(?<!\w){re.escape(text)}(?![\w+#])", other))


# ---- to the fields of a prompt --------------------------------------------------------------------------------------

_HELD = re.compile(
    r"^(?P<title>.+?)\s+(?:at|with|for|@)\s+(?P<employer>[A-Z].*?)(?:\s*[,(]?\s*(?:for|over)?\s*(?P<time>\d[\d+.]*\s*years?.*))?$"
)
_NEXT = re.compile(r",\s+(?:and\s+)?(?=[^,;\n]{3,40}\s(?:at|with)\s+[A-Z])")  # "Analyst at A, Engineer at B"
_EACH = re.compile(r"\n|;|\s[•·▪*]\s")
_CERTIFIED = re.compile(r"(?i)\bcertif|\blicen[cs]|\baccredit")
_NONE = re.compile(r"(?i)^(?:none|n/?a|nil|not (?:applicable|specified|given)|no (?:past|current|previous).*|-+)?$")


def job(fields: Mapping[str, str]) -> JobPosting:
    """The posting that the fields tell of; its requirements are read as those of a pasted posting."""
    wanted = [line.strip(" -*•·▪") for line in _EACH.split(fields.get("preferred", "")) if not _NONE.match(line.strip())]
    listed = parse_job("Requirements\n" + "\n".join(f"- {line}" for line in wanted)).requirements if wanted else []
    return JobPosting(title=one_line(fields.get("title", "")), company=one_line(fields.get("company", "")), requirements=listed)


def profile(fields: Mapping[str, str]) -> ResumeProfile:
    """The applicant that the fields tell of, the present position first."""
    learned = _lines(fields.get("qualifications", ""))
    return ResumeProfile(
        name=one_line(fields.get("applicant", "")),
        experience=[*_positions(fields.get("current", ""), "present"), *_positions(fields.get("past", ""), "")],
        skills=_distinct(filter(None, (one.strip(" .-*•") for one in re.split(r"[,\n;•]", fields.get("skills", ""))))),
        education=[line for line in learned if DEGREE.search(line) or not _CERTIFIED.search(line)],
        certificates=[line for line in learned if _CERTIFIED.search(line) and not DEGREE.search(line)],
    )


def _lines(text: str) -> list[str]:
    return [said for line in _EACH.split(text) if not _NONE.match(said := one_line(line))]


def _positions(text: str, until: str) -> list[Experience]:
    found: list[Experience] = []
    for line in _lines(_NEXT.sub("\n", text)):
        if line.startswith("- "):
            found = found or [Experience(title="Earlier work")]
            found[-1].achievements.append(line[2:])
        elif m := _HELD.match(line):
            found.append(Experience(title=m["title"], employer=m["employer"], end=m["time"] or until))
        else:
            found.append(Experience(title=line, end=until))
    return found


def fields_of(posting: JobPosting, person: ResumeProfile) -> Fields:
    """The same texts of a posting and a résumé that were given whole."""
    now, *before = [*person.experience, *[None] * (not person.experience)]
    texts = {
        "title": posting.title, "company": posting.company, "preferred": "\n".join(posting.requirements), "applicant": person.name,
        "current": _held(now) if now else "", "past": "\n".join(map(_held, before)), "skills": ", ".join(person.skills),
        "qualifications": "\n".join([*person.education, *person.certificates]),
    }  # fmt: skip
    return {name: text for name, text in texts.items() if text}


def _held(one: Experience) -> str:
    dates = " to ".join(filter(None, (one.start, one.end)))
    head = " at ".join(filter(None, (one.title, one.employer))) + (f" ({dates})" if dates else "")
    return "\n".join([head, *(f"- {deed}" for deed in one.achievements)])
