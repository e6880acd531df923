"""A résumé's text -> ResumeProfile, by section headings, dates and the words that occupations and employers use.

Three steps: cut the text into sections (also where headings are glued to other text); find positions around their
dates or labels; split skills, education and certificates into items. What is not found stays empty: a wrong
employer in a letter is worse than a missing one.
"""

from __future__ import annotations

import re

from ftapp import documents, layout, positions
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
_GLUED_SCHOOL = re.compile(r"(?<=[a-z)])(?=(?:(?:Mc)?[A-Z][a-z]+ )?University\b)")
_DUMP_HEADINGS = re.compile(
    r"\s+(?=(?:WORK EXPERIENCE|PROFESSIONAL EXPERIENCE|WORK HISTORY|EMPLOYMENT HISTORY|EXPERIENCE|EDUCATION|TECHNICAL SKILLS|KEY SKILLS|"
    r"SKILLS|CERTIFICATIONS?|SUMMARY|PROFESSIONAL SUMMARY|PROJECTS|REFERENCES|OBJECTIVE|PROFILE|LANGUAGES|HOBBIES|INTERESTS|"
    r"Work Experience|Professional Experience|Work History|Professional Summary|Technical Skills|Key Skills|Core Skills)\b:?\s)"
)
_NAME_TAIL = re.compile(
    r"(?i)\s*(?:featured resume|premium cv|[,|–—-]\s*(?:ph\.?\s?d|m\.?d|mba|rn|bsc|msc|cpa|pmp|esq|jr|sr|mph|llb|b\.?a|m\.?a|he/him|"
    r"she/her|they/them)\b.*|\((?:he|she|they)[^)]*\)|[\U0001F300-\U0001FAFF☎✉📍].*|\|.*|\s{2,}.*|\t.*|:.*)$"
)
_NAME_HEAD = re.compile(
    r"(?i)^(?:(?:full |candidate |applicant )?name\s*[:–-]\s*|r[ée]sum[ée] (?:of|for|-)\s+|curriculum vitae (?:of|-|–|:)?\s*|cv (?:of|-|"
    r"–|:)\s*|c\.?v\.?\s+(?=[A-Z])|(?:mr|mrs|ms|miss|dr|prof)\.?\s+|i am\s+|my name is\s+|hi,? i(?:'|’)m\s+)"
)
_PART = r"(?:(?:[A-ZÀ-ÞŁŚŻŞİ][\w'’.-]*)|(?:de|da|do|dos|van|von|der|den|bin|binti|al|el|la|le|di|du|ibn|ben|mac|y|e|o’|d’)\b)"
_PERSON = re.compile(rf"^[A-ZÀ-ÞŁŚŻŞİ][^\W\d_]*[\w'’.-]*(?:\s+{_PART}){{1,4}}$")

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
    headline = labelled.get("title", "") or _headline(sections[""] + sections["summary"]) or _headline([x for x in sections["education"] if x.gap])
    experience = positions.positions(sections["experience"]) or positions.positions([line for line in sections[""] + sections["other"] + sections["summary"] if line.text], strict=True)
    experience = _with_labels(experience, labelled, sections, headline)
    skills = _skills(sections["skills"]) + _skills([Line(labelled["skills"])] if labelled.get("skills") else []) + _skills_of_table(sections["skills"])
    return ResumeProfile(
        name=name, headline=positions.role(headline), experience=experience[:MOST_POSITIONS], education=_education(sections["education"], labelled),
        certificates=_certificates(sections["certificates"]), skills=_distinct(s for s in skills if s.lower() != name.lower())[:MOST_SKILLS],
    )  # fmt: skip


# ---- name and headline ----------------------------------------------------------------------------------------


def _opened(text: str) -> str:
    """The text with line breaks where headings, dates and contact labels were glued; a dump on few lines gets lines."""
    text = _GLUED_SCHOOL.sub(", ", _GLUED_ROLE.sub(r"\1 | ", _GLUED.sub("\n", text)))
    if len(text) > 300 and len(text) / (text.count("\n") + 1) > 250:
        text = _DUMP_HEADINGS.sub("\n", text)
    return re.sub(r"(?m)^(Education Details|Company Details|Skill Details)[ \t]+(?=\S)", r"\1\n", text)


def person(text: str) -> str:
    """A person's name as it is written in a letter, or "" when the line is not surely one."""
    text = _NAME_HEAD.sub("", text.strip(" *#_•-–—|,.:"))
    while (shorter := _NAME_TAIL.sub("", text).strip(" ,.|-–—")) != text:
        text = shorter
    text = one_spaced(_NAME_HEAD.sub("", text))
    if not 2 <= len(text.split()) <= 5 or len(text) > 45 or not _PERSON.match(text) or NO_PERSON.search(text) or OCCUPATION.search(text) or ORGANISATION.search(text):
        return ""
    if text.isupper():
        text = " ".join(_capitalised(word) for word in text.split())
    return text


def _capitalised(word: str) -> str:
    if re.match(r"^(?:[A-Z]\.)+$", word):
        return word
    return re.sub(r"(^|[-'’.]|^Mc)(\w)", lambda m: m.group(1) + m.group(2).upper(), word.lower().replace("mc", "Mc", 1) if word.lower().startswith("mc") else word.lower())


def _name(page: list[Line]) -> tuple[str, int]:
    """(name, index of its line): a "Name:" label, else the first of the top lines that reads like a person."""
    for i, line in enumerate(page[:30]):
        m = re.match(r"(?i)^(?:full |candidate(?:'s)? )?name\s*[:–-]+\s*(.+)$", line.text)
        if m and (found := person(m.group(1))):
            return found, i
    for i, line in enumerate(page[:4]):
        if line.bullet or line.words > 14:
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


def _headline(top: list[Line]) -> str:
    """The role a person gives themselves at the top, if it is short and names an occupation."""
    for line in top[:6]:
        text = re.split(r"(?i)\s+(?:seeking|looking for|with (?:over |more than |around )?\d+|having|searching)\b|\s+[|•·]\s+", line.text)[0]
        if OCCUPATION.search(text) and len(text.split()) <= 9 and not text.endswith(".") and not is_heading(text) and not re.match(r"(?i)(?:to|i|a|an|the|seeking|looking|actively|having|currently|over|experienced?|innovative|highly|results|dedicated|motivated|passionate|skilled|hard)\b", text) and ":" not in text:
            return text
    return ""


# ---- sections -------------------------------------------------------------------------------------------------


def _sections(page: list[Line]) -> dict[str, list[Line]]:
    """Lines by the heading above them; "" holds what stands before the first. "Skills: a, b" on one line counts too."""
    found: dict[str, list[Line]] = {kind: [] for kind in ("", "experience", "education", "skills", "certificates", "summary", "other")}
    kind = ""
    for line in page:
        heading = None if line.bullet and not line.text.isupper() and not line.text.endswith(":") else is_heading(line.text)
        if heading == "skills" and kind == "experience" and not line.text.isupper() and not line.gap and not re.search(r"(?i)skill|competenc", line.text):
            heading = None  # "Tools:" inside a position
        if heading == "other" and kind == "experience" and re.match(r"(?i)\W*(?:key |major )?(?:achievements?|accomplishments?|projects?|activities|awards?)\b.*$", line.text) and not line.text.isupper():
            heading = None
        if heading:
            kind = heading
            continue
        label, _, rest = line.text.partition(":")
        if rest.strip() and len(label.split()) <= 4 and not line.bullet and kind != "experience" and (named := is_heading(label)) in ("skills", "certificates", "education"):
            if named == "skills" and kind == "skills":
                found[kind].append(line)
                continue
            if rest.rstrip().endswith(","):  # the list goes on below
                kind = named
            found[named].append(Line(rest.strip(), line.bullet, line.gap))
            continue
        m = re.match(r"^(.{4,40}?)\s+[•–-]\s+\S|^((?:technical|it|software|computer|key) ?(?:skills?|expertise|skill set)|skills?|core competencies|skill set)\b[\s:~-]+\S", line.text, re.IGNORECASE)
        if m and m.group(2) and not kind and line.words > 5:
            kind = "skills"
            found[kind].append(Line(line.text[len(m.group(2)) :].strip(" :~-"), line.bullet, line.gap))
            continue
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


def _with_labels(experience: list[Experience], labelled: dict[str, str], sections: dict[str, list[Line]], headline: str) -> list[Experience]:
    """Complete positions by "Current Company: X" and by a "Role - Employer" headline that names one of them."""
    company = positions.employer(labelled.get("employer", ""))
    if company and not any(company.lower() in e.employer.lower() or e.employer.lower() in company.lower() for e in experience if e.employer):
        experience = [Experience(title=positions.role(labelled.get("title", "")), employer=company, end="present"), *experience]
    every = [line for block in sections.values() for line in block]
    for e in experience:
        if e.employer and not e.title:
            line = next((x.text for x in every if e.employer in x.text and OCCUPATION.search(x.text) and x.words <= 12 and re.search(r"\s[-–—|]\s|\bat\b", x.text)), "")
            parts = [p for p in positions.parts(line) if OCCUPATION.search(p) and p != e.employer]
            if parts:
                e.title = positions.role(parts[0])
    return experience


# ---- skills, education, certificates --------------------------------------------------------------------------


def _skills(block: list[Line]) -> list[str]:
    """Single skills: split at commas and bullets, without brackets, levels, categories and sentences."""
    out = []
    for line in block:
        text = re.sub(r"(?i)[-–:\s]*\bexpe?rience\s*[-–:].*$", "", line.text)
        if re.search(r"(?i)\d+\s*year\(s\)|^skill name|^(?:\^|verified)", text):
            continue
        if line.words > 12 and text.count(",") < 2 and not line.text.count("|"):
            continue  # a sentence
        text = re.sub(r"\((?![^)]*$)[^()]*\)|\([^()]*$|^[^()]*\d+\s*years?\)", "", text)
        text = re.sub(r"^[A-Z][\w&/ .-]{2,40}?\s*[:：][-–]?\s*", "", text) if len(text.split(":")[0].split()) <= 5 else text
        for piece in re.split(r"[,;|•●▪~\t/](?!\w)|[,;|•]|\s{2,}|\s[-–]\s|\s+(?:and|&)\s+(?=\w+[.\s]*$)", text):
            item = re.sub(r"(?i)^(?:and|etc|good|excellent|strong|basic|knowledge (?:of|in)|experience (?:in|with|of)|proficient (?:in|with)|familiar with|expertise in|working knowledge of|hands[- ]on(?: experience)?(?: (?:on|in|with))?|understanding of|skilled in)\b\s*", "", piece.rstrip(" .:-–—*•\"'").lstrip(" :-–—*•\"'"))
            item = re.sub(r"(?i)\s+etc\.?$", "", item)
            if item and len(item.split()) <= 5 and len(item) <= 45 and re.search(r"[^\W_]", item) and not re.match(r"\w+(?:ing|ed)(?:\s\S+){3,}$|(?i:worked|possess)\b", item) and not re.match(r"(?i)(?:\d+|years?|months?|less than.*|etc|and|i|to|the|yes|no)$", item) and not layout.date_range(item):
                out.append(item)
    return out


def _skills_of_table(block: list[Line]) -> list[str]:
    """Skills of a table that lost its columns: "Name2020" followed by "4 Year(s)"."""
    out = []
    for line in block:
        m = re.match(r"(?i)^(.+?)\s*(?:(?:19|20)\d{2})?\s*\d{1,2}\s*year\(s\)", line.text)
        if m:
            out.extend(_skills([Line(re.sub(r"[\d.]+$", "", m.group(1)))]))
    return out


def _education(block: list[Line], labelled: dict[str, str]) -> list[str]:
    """One line a degree: what it is and where it was taken."""
    out: list[str] = []
    open_line = ""
    for line in block:
        dated = layout.date_range(line.text)
        text = dated[2] if dated else line.text
        text = re.sub(r"\s+in 0$|\^.*$|(?<=[A-Z]{2})\d{4}$", "", text)
        if re.match(r"(?i)from\b", text):
            continue
        text = re.sub(r"(?i)^(?:ug|pg|doctorate|highest degree|degree|course|institution|university)\s*[:–-]\s*", "", text)
        text = re.sub(rf"(?i)^(?:{layout.DATE}\s*(?:to|-|–)?\s*)+|[\s,(–-]*(?:in )?(?:{layout.DATE})[\s).]*$", "", text)
        text = one_spaced(PLACE_TAIL.sub("", text.strip(" ,-–—|"))).strip(" ,.-–—|")
        if not text or len(text.split()) > 18 or re.search(r"(?i)\b(?:cgpa|gpa|percent\w*|%|marks|score|grade)\b", text) and not _DEGREE.search(text):
            continue
        degree, school = bool(_DEGREE.search(text)), bool(_SCHOOL.search(text))
        if open_line and school != bool(_SCHOOL.search(open_line)) and not (degree and _DEGREE.search(open_line)):
            out.append(f"{text}, {open_line}" if degree else f"{open_line}, {text}")
            open_line = ""
        elif degree and school:
            out.append(text)
        elif degree or school:
            if open_line and _DEGREE.search(open_line):
                out.append(open_line)
            open_line = text
    if open_line and (_DEGREE.search(open_line) or not out):
        out.append(open_line)
    if not out and labelled.get("education"):
        out.append(re.sub(r"\s*\[(.+?)\]", r" \1", labelled["education"]))
    return list(dict.fromkeys(o for o in out if len(o) > 3))


def _certificates(block: list[Line]) -> list[str]:
    out = []
    for line in block:
        dated = layout.date_range(line.text)
        text = one_spaced((dated[2] if dated else line.text)).strip(" .,;:-–—")
        if 1 < len(text.split()) <= 14 and not re.match(r"(?i)(?:i|to|the|my|have|name|grade|company)\b", text) and not NOT_DONE.match(text):
            out.append(text)
    return list(dict.fromkeys(out))[:10]


def _distinct(items) -> list[str]:
    kept: dict[str, str] = {}
    for item in items:
        kept.setdefault(item.lower(), item)
    return list(kept.values())
