"""A résumé's text -> ResumeProfile, by section headings, dates and the words that occupations and employers use.

Three steps: cut the text into sections (also where headings are glued to other text); find positions around their
dates or labels; split skills, education and certificates into items. What is not found stays empty: a wrong
employer in a letter is worse than a missing one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ftapp import documents, layout, positions, scripts
from ftapp.layout import Line, one_spaced
from ftapp.positions import LABELLED, NOT_DONE, PLACE_TAIL, is_heading
from ftapp.profiles import Experience, ResumeProfile
from ftapp.vocabulary import NO_PERSON, OCCUPATION, ORGANISATION

MOST_POSITIONS, MOST_SKILLS = 10, 40

# Headings that are often glued to the text before them ("monthsCompany Details", "2019EDUCATION").
_GLUED = re.compile(
    r"(?<=\S)[ \t]*(?=(?:Education|Company|Skill) Details\b)|(?<=[a-z0-9.)\]])(?=(?:WORK EXPERIENCE|PROFESSIONAL EXPERIENCE|EDUCATION|"
    r"TECHNICAL SKILLS|CERTIFICATIONS)\b)|"
    r"(?<=[^\W\d_])(?=(?:Email|E-mail|Phone|Mobile|LinkedIn)\s?[:：])|(?<=[a-z]{2}|[A-Z]{2})(?=(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|"
    r"Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\s\d{4}\s*[–—-])|"
    r"(?<=\S)\s*(?=Jump to Section|Last Active:|Last Modified:)"
)
_GLUED_ROLE = re.compile(
    r"(?<=\w )((?:Engineer|Developer|Manager|Analyst|Consultant|Assistant|Officer|Nurse|Director|Designer|Specialist|Coordinator|"
    r"Administrator|"
    r"Technician|Teacher|Scientist|Architect|Representative|Supervisor|Accountant)s?)(?=[A-Z][a-z]|[A-Z]{2,}\s)"
)
# "BScLeeds University" is glued; in "McGill", "DeMontfort" and "LaTrobe" a short word-beginning belongs to the name.
_GLUED_SCHOOL = re.compile(
    r"(?<=[a-z)])(?:(?=University\b)|(?<!\b[A-Z][a-z])(?<!\b[A-Z][a-z]{2})(?<!Mc)(?=(?:Mc)?[A-Z][a-z]+ University\b))"
)
_DUMP_HEADINGS = re.compile(
    r"\s+((?:WORK EXPERIENCE|PROFESSIONAL EXPERIENCE|WORK HISTORY|EMPLOYMENT HISTORY|EXPERIENCE|EDUCATION|TECHNICAL SKILLS|KEY SKILLS|"
    r"SKILLS|CERTIFICATIONS?|SUMMARY|PROFESSIONAL SUMMARY|PROJECTS|REFERENCES|OBJECTIVE|PROFILE|LANGUAGES|HOBBIES|INTERESTS|"
    r"Work Experience|Professional Experience|Work History|Professional Summary|Technical Skills|Key Skills|Core Skills)\b):?\s"
)
_NAME_TAIL = re.compile(
    r"(?i)\s*(?:featured resume|premium cv|[,|–—-]\s*(?:ph\.?\s?d|m\.?d|mba|rn|bsc|msc|cpa|pmp|esq|jr|sr|mph|llb|b\.?a|m\.?a|he/him|"
    r"she/her|they/them)\b.*|\((?:he|she|they)[^)]*\)|[\U0001F300-\U0001FAFF☎✉📍].*|\|.*|\s{2,}.*|\t.*|:.*)$"
)
_NAME_HEAD = re.compile(
    r"(?i)^(?:(?:full |candidate |applicant )?name\s*[:–-]\s*|r[ée]sum[ée] (?:of|for|-)\s+|curriculum vitae (?:of|-|–|:)?\s*|cv (?:of|-|"
    r"–|:)\s*|c\.?v\.?\s+(?=[A-Z])|(?:mr|mrs|ms|miss|dr|prof)\.?\s+|i am\s+|my name is\s+|hi,? i(?:'|’)m\s+)"
)
_NAME_WORD = re.compile(r"[^\W\d_][\w'’ʼ.-]*")
_PARTICLE = re.compile(r"(?:de|da|do|dos|van|von|der|den|bin|binti|al|el|la|le|di|du|ibn|ben|mac|y|e)|[od]['’].*")
_SURNAMES = re.compile(r"(?i)(?<=\w )(?:cook|baker|porter|gardener|steward|warden|church|bank|fisher|butler|lawyer|buyer|guard)$")

_DEGREE = re.compile(
    r"(?i)\b(?:bachelor\w*|master\w*|ph\.?\s?d|doctor(?:ate)?|diploma|degree|b\.?\s?(?:sc|tech|com|eng|ed|arch|pharm|ca|ba|e|a|s)\b\.?|"
    r"m\.?\s?(?:sc|tech|com|eng|ed|ca|ba|phil|s|a|e)\b\.?|llb|mba|pgdm|bca|mca|hsc|ssc|gcse|a-levels?|nvq|btec|hnd|"
    r"associate(?:'s)? (?:of|in|degree)|high school|secondary|ged|certificate|bba|pgdca|ug|pg|postgraduate|b\.?f\.?a|ll\.?m|"
    r"foundation degree)(?=\W|$)"
)
_SCHOOL = re.compile(
    r"(?i)\b(?:universit\w+|college|institut\w*|school|academy|polytechnic|faculty|vidyalaya|vidyapee?th|iit|nit|iiit|board|campus|coe)\b"
)


def parse_resume(text: str) -> ResumeProfile:
    """Fields of a résumé, positions in the order of the text (newest first in most). Contact data enters no field."""
    page = layout.lines(_opened(documents.clean(text)))
    name, at = _name(page)
    sections = _sections(page[at + 1 :] if name else page)
    labelled = _labelled(page)
    headline = labelled.get("title", "") or _headline(sections[""] + sections["summary"])
    headline = headline or _headline([line for line in sections["education"] if line.gap])
    elsewhere = sections[""] + sections["other"] + sections["summary"]
    experience = positions.positions(sections["experience"]) or positions.positions(elsewhere, strict=True)
    skills = _skills(sections["skills"]) + _skills([Line(labelled.get("skills", ""))]) + _skills_of_table(sections["skills"])
    return ResumeProfile(
        name=name,
        headline=positions.role(headline),
        experience=_with_labels(experience, labelled, sections)[:MOST_POSITIONS],
        education=_education(sections["education"], labelled.get("education", "")),
        certificates=_certificates(sections["certificates"]),
        skills=_distinct(s for s in skills if s.lower() != name.lower())[:MOST_SKILLS],
    )


# ---- name and headline ----------------------------------------------------------------------------------------


def _opened(text: str) -> str:
    """The text with line breaks where headings, dates and contact labels were glued; a dump on few lines gets lines."""
    text = _GLUED_SCHOOL.sub(", ", _GLUED_ROLE.sub(r"\1 | ", _GLUED.sub("\n", text)))
    if len(text) > 300 and len(text) / (text.count("\n") + 1) > 250:
        text = _DUMP_HEADINGS.sub(r"\n\n\1\n", text)
    return re.sub(r"(?m)^(Education Details|Company Details|Skill Details)[ \t]+(?=\S)", r"\1\n", text)


def person(text: str) -> str:
    """A person's name as it is written in a letter, or "" when the line is not surely one."""
    text = _NAME_HEAD.sub("", re.sub(r"^[\W_]+|[^\w.)]+$", "", text))
    while (shorter := _NAME_TAIL.sub("", text).strip(" ,.|-–—")) != text:
        text = shorter
    text = one_spaced(_NAME_HEAD.sub("", text))
    telling = re.sub(_SURNAMES, "", text)  # "James Cook" is a person
    other = NO_PERSON.search(text) or OCCUPATION.search(telling) or ORGANISATION.search(telling)
    if not 2 <= len(text.split()) <= 5 or len(text) > 45 or not _reads_as_name(text.split()) or other:
        return scripts.name(text)
    return " ".join(_capitalised(word) if word.isupper() and (text.isupper() or len(word) > 3) else word for word in text.split())


def _reads_as_name(words: list[str]) -> bool:
    """Whether all words begin with a capital of any alphabet, but for "van", "de" and the like behind the first."""
    capital = [bool(_NAME_WORD.fullmatch(word)) and word[0].isupper() for word in words]
    return capital[0] and all(ok or _PARTICLE.fullmatch(word) for ok, word in zip(capital, words, strict=True))


def _capitalised(word: str) -> str:
    """A word of a name in capitals as it is usually written: "O'NEILL-MCKAY" -> "O'Neill-McKay", "J.R." stays."""
    scots = re.compile("MC(?=[^AEIOU])")
    parts = re.split(r"([-'’.])", word)
    return "".join("Mc" + part[2:].capitalize() if scots.match(part) else part.capitalize() for part in parts)


def _name(page: list[Line]) -> tuple[str, int]:
    """(name, index of its line): a "Name:" label, else the first of the top lines that reads like a person."""
    for i, line in enumerate(page[:30]):
        m = re.match(rf"(?i)^(?:(?:full |candidate(?:'s)? )?name\s*[:–-]+|{scripts.NAME_LABEL}\s*(?:[:：]|\s))\s*(.+)$", line.text)
        if m and (found := person(m.group(1))):
            return found, i
    for i, line in enumerate(page[:4]):
        if line.bullet and i or line.words > 14:  # a sign before the first line is an ornament
            continue
        if found := person(line.text):
            return found, i
        if is_heading(line.text) and i or OCCUPATION.search(line.text) and i > 1:
            break
    if page and len(page[0].text) > 120:  # a dump on one line: the name stands before a label or bar
        first = re.split(r"\s+[|•·–—-]\s+|\s{2,}|(?i:\s(?=e-?mail|phone|address|tel|linkedin|mobile|summary|profile))", page[0].text)[0]
        if found := person(first):
            return found, -1
    return "", -1


_BEHIND_ROLE = re.compile(r"(?i)\s+(?:seeking|looking for|with (?:over |more than |around )?\d+|having|searching)\b|\s+[|•·]\s+")
_NO_ROLE = re.compile(
    r"(?i)(?:to|i|a|an|the|seeking|looking|actively|having|currently|over|experienced?|innovative|highly|results|dedicated|motivated|"
    r"passionate|skilled|hard)\b|.*(?::|\.$)"
)


def _headline(top: list[Line]) -> str:
    """The role a person gives themselves at the top, if it is short and names an occupation."""
    roles = (_BEHIND_ROLE.split(line.text)[0] for line in top[:6])
    named = (r for r in roles if OCCUPATION.search(r) and not _SCHOOL.search(r) and len(r.split()) <= 9)
    return next((r for r in named if not _NO_ROLE.match(r) and not is_heading(r)), "")


# ---- sections -------------------------------------------------------------------------------------------------

# Headings that stand inside a position and do not end the section of experience.
_INSIDE = re.compile(r"(?i)\W*(?:key |major )?(?:achievements?|accomplishments?|projects?|activities|awards?|tools|technologies)\b")
_SKILLS_AHEAD = re.compile(
    r"(?i)^((?:technical|it|software|computer|key) ?(?:skills?|expertise|skill set)|skills?|core competencies|skill set)\b[\s:~-]+(?=\S)"
)


def _sections(page: list[Line]) -> dict[str, list[Line]]:
    """Lines by the heading above them; "" holds what stands before the first. "Skills: a, b" on one line counts too."""
    found: dict[str, list[Line]] = {kind: [] for kind in ("", "experience", "education", "skills", "certificates", "summary", "other")}
    kind = ""
    for line in page:
        heading = None if line.bullet and not line.text.isupper() and not line.text.endswith(":") else is_heading(line.text)
        if heading and not (kind == "experience" and _INSIDE.match(line.text) and not line.text.isupper()):
            kind = heading
            continue
        label, _, rest = line.text.partition(":")
        labels = rest.strip() and len(label.split()) <= 4 and not line.bullet and kind not in ("experience", "skills")
        named = is_heading(label) if labels else None
        if named in ("skills", "certificates", "education"):
            found[named].append(Line(rest.strip(), line.bullet, line.gap))
            kind = named if rest.rstrip().endswith(",") else kind  # the list goes on below
        elif not kind and line.words > 3 and (ahead := _SKILLS_AHEAD.match(line.text)):
            kind = "skills"
            found[kind].append(Line(line.text[ahead.end() :], line.bullet, line.gap))
        else:
            found[kind].append(line)
    return found


def _labelled(page: list[Line]) -> dict[str, str]:
    """Values of "Current Company: X" and the like that stand in the first lines."""
    found: dict[str, str] = {}
    for line in page[:40]:
        m = LABELLED.match(line.text)
        if m and m.group("value").strip():
            label = next(k for k in ("title", "employer", "when", "skills", "education", "description") if m.group(k))
            if label in ("title", "employer") and not re.match(r"(?i)current|present|last", m.group(label)):
                continue
            found.setdefault(label, m.group("value").strip(" ,."))
    return found


def _with_labels(experience: list[Experience], labelled: dict[str, str], sections: dict[str, list[Line]]) -> list[Experience]:
    """Complete positions by "Current Company: X" and by a "Role - Employer" line elsewhere that names one of them."""
    company = positions.employer(labelled.get("employer", ""))
    known = [e.employer.lower() for e in experience if e.employer]
    if company and not any(company.lower() in k or k in company.lower() for k in known):
        experience = [Experience(title=positions.role(labelled.get("title", "")), employer=company, end="present"), *experience]
    lines = [line.text for block in sections.values() for line in block if line.words <= 12 and re.search(r"\s[-–—|]\s|\bat\b", line.text)]
    for e in experience:
        if e.employer and not e.title:
            pieces = [p for text in lines if e.employer in text for p in positions.parts(text)]
            e.title = positions.role(next((p for p in pieces if OCCUPATION.search(p) and p != e.employer), ""))
    return experience


# ---- skills, education, certificates --------------------------------------------------------------------------

_BETWEEN = re.compile(r"(?<=\w)\.\s+(?=[A-Z])|[●▪~\t/](?!\w)|[,;|•]|\s{2,}|\s[-–]\s|\s+(?:and|&)\s+(?=\w+[.\s]*$)")
_BEFORE_SKILL = re.compile(
    r"(?i)^(?:and|etc|good|excellent|strong|basic|knowledge (?:of|in)|experience (?:in|with|of)|proficient (?:in|with)|familiar with|"
    r"expertise in|working knowledge of|hands[- ]on(?: experience)?(?: (?:on|in|with))?|understanding of|skilled in)\b\s*"
)
_CATEGORY = re.compile(r"^[A-Z][\w&/ .-]{2,40}?\s*[:：][-–]?\s*|(?i:\s+etc\.?)$")
_NO_SKILL = re.compile(
    r"(?i)(?:\d+|years?|months?|less than.*|etc|and|i|to|the|yes|no|belief|"
    r".*\b(?:developer|engineer|manager|executive|analyst|trainee|architect|officer))$|"
    r"\w+(?:ing|ed)(?:\s\S+){3,}$|(?:worked|possess)\b"
)


def _skills(block: list[Line]) -> list[str]:
    """Single skills: split at commas and bullets, without brackets, levels, categories, roles and sentences."""
    found = []
    for line in block:
        text = re.sub(r"(?i)[-–:\s]*\bexpe?rience\s*[-–:].*$", "", line.text)
        sentence = line.words > 12 and text.count(",") < 2 and "|" not in text
        if sentence or re.search(r"(?i)\d+\s*year\(s\)|^skill name|^(?:\^|verified)", text):
            continue
        text = re.sub(r"\((?![^)]*$)[^()]*\)|\([^()]*$|^[^()]*\d+\s*years?\)", "", text)
        for piece in _BETWEEN.split(text):
            item = _CATEGORY.sub("", _BEFORE_SKILL.sub("", piece.rstrip(" .:-–—*•\"')").lstrip(" :-–—*•\"'")))
            short = len(item.split()) <= 5 and len(item) <= 45
            if short and re.search(r"[^\W_]", item) and not _NO_SKILL.match(item) and not layout.date_range(item):
                found.append(item)
    return found


def _skills_of_table(block: list[Line]) -> list[str]:
    """Skills of a table that lost its columns: the name, then "2020" and "4 Year(s)" glued to it."""
    rows = (re.match(r"(?i)^(.+?)\s*(?:(?:19|20)\d{2})?\s*\d{1,2}\s*year\(s\)", line.text) for line in block)
    return _skills([Line(re.sub(r"[\d.]+$", "", row.group(1))) for row in rows if row])


_EDUCATION_LABEL = re.compile(r"(?i)^(?:ug|pg|doctorate|highest degree|degree|course|institution|university)\s*[:–-]\s*")
_DATES_ABOUT = re.compile(rf"(?i)^(?:{layout.DATE}\s*(?:to|-|–)?\s*)+|[\s,(–-]{{0,6}}(?:in )?(?:{layout.DATE})[\s).]{{0,6}}$")
_MARKS = re.compile(r"(?i)\b(?:cgpa|gpa|percent\w*|%|marks|score|grade)\b")
_SCHOOLDAYS = re.compile(r"(?i)\b(?:h\.?s\.?c|s\.?s\.?c|10th|12th|x|xii|high school|higher secondary|secondary|intermediate|matric\w*)\b")


def _education(block: list[Line], labelled: str) -> list[str]:
    """One line a degree: what it is and where it was taken. School certificates are left out beside a degree."""
    found: list[str] = []
    waiting = ""  # a degree without its school, or a school without its degree
    for i, line in enumerate(block):
        dated = layout.date_range(line.text)
        text = re.sub(r"\s+in 0$|\^.*$|(?<=[A-Z]{2})\d{4}$", "", dated[2] if dated else line.text)
        text = _DATES_ABOUT.sub("", _EDUCATION_LABEL.sub("", text))
        text = one_spaced(PLACE_TAIL.sub("", text.strip(" ,-–—|"))).strip(" ,.-–—|")
        degree, school = bool(_DEGREE.search(text)), bool(_SCHOOL.search(text))
        if not (degree or school) or len(text.split()) > 18 or text.lower().startswith("from ") or _MARKS.search(text) and not degree:
            continue
        if degree and not school and not waiting and (above := _school_above(block, i)):
            text, school = f"{text}, {above}", True
        waits_degree, waits_school = bool(_DEGREE.search(waiting)), bool(_SCHOOL.search(waiting))
        if waiting and school != waits_school and not (degree and waits_degree):
            found.append(f"{text}, {waiting}" if degree else f"{waiting}, {text}")
            waiting = ""
        elif degree and school:
            found.append(text)
        else:
            if waits_degree:
                found.append(waiting)
            waiting = text
    if _DEGREE.search(waiting) or waiting and not found:
        found.append(waiting)
    if labelled and not found:
        found.append(re.sub(r"\s*\[(.+?)\]", r" \1", labelled))
    higher = [f for f in found if not _SCHOOLDAYS.search(f)]
    return list(dict.fromkeys(f for f in higher or found if len(f) > 3))


def _school_above(block: list[Line], i: int) -> str:
    """A school that no word of it tells ("UC Berkeley"): the capitalised line that opens an entry over a degree without a school."""
    j = i - 1
    while j >= 0 and not _DATES_ABOUT.sub("", block[j].text).strip(" -–—|,"):  # its dates stand between the two
        j -= 1
    if j < 0 or not (j == 0 or block[j].gap) or i + 1 < len(block) and not block[i + 1].gap and _SCHOOL.search(block[i + 1].text):
        return ""
    line = block[j]
    name = one_spaced(PLACE_TAIL.sub("", line.text.strip(" ,-–—|"))).strip(" ,.-–—|")
    capital = all(word[0].isupper() or word in ("of", "the", "and", "for", "at", "de") for word in name.split())
    other = line.bullet or OCCUPATION.search(name) or re.search(r"[\d:]", name) or _DEGREE.search(name)
    return "" if other or not capital or not name or len(name.split()) > 6 else name


def _certificates(block: list[Line]) -> list[str]:
    found = []
    for line in block:
        dated = layout.date_range(line.text)
        text = one_spaced(dated[2] if dated else line.text).strip(" .,;:-–—")
        other = NOT_DONE.match(text) or re.match(r"(?i)(?:i|to|the|my|have|name|grade|company)\b", text)
        if 1 < len(text.split()) <= 14 and not other:
            found.append(text)
    return list(dict.fromkeys(found))[:10]


def _distinct(items: Iterable[str]) -> list[str]:
    kept: dict[str, str] = {}
    for item in items:
        kept.setdefault(item.lower(), item)
    return list(kept.values())
