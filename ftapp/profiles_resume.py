"""A résumé's text -> ResumeProfile, by section headings, dates and the words that occupations and employers use.

Three steps: cut the text into sections (also where headings are glued to other text); find positions around their
dates or labels; split skills, education and certificates into items. What is not found stays empty: a wrong
employer in a letter is worse than a missing one.
"""

from __future__ import annotations

import re

from ftapp import documents, layout
from ftapp.layout import Line, one_spaced
from ftapp.profiles import Experience, ResumeProfile
from ftapp.vocabulary import OCCUPATION as TITLE_NOUN, ORGANISATION

MOST_POSITIONS, MOST_ACHIEVEMENTS, MOST_SKILLS = 10, 8, 40

_HEADINGS = [(kind, re.compile(rf"(?i)^(?:{p})\W*$")) for kind, p in (
    ("experience", r"(?:(?:work|professional|employment|relevant|career|job|industry|industrial|teaching|research|clinical|volunteer(?:ing)?|other|additional|previous|total|key|selected|management|organi[sz]ational|corporate|freelance|internship) ?)*(?:experiences?|employment|history|work|internships?)(?: (?:details?|history|summary|profile|and .*|& .*|[–(-].*))?|company details|positions held|career (?:graph|progression|contour|path)|work experience \(.*|employment (?:record|details)|where i'?ve worked|professional background"),
    ("education", r"(?:basic |academic |educational? |professional |technical )*(?:education|qualifications?|academics?|academia|scholastics?|credentials)(?: (?:details?|profile|background|qualifications?|history|record|credentials|chronicle|and .*|& .*))?|(?:academic|educational|scholastic) (?:details?|profile|background|record|history|credentials|achievements)|degrees?"),
    ("skills", r"(?:(?:core|key|technical|it|software|computer|professional|relevant|personal|additional|other|soft|hard|main|business|functional|primary|areas? of|programming|management|language) ?(?:and |& )?)*(?:skills?|competenc(?:y|ies|es)|proficienc(?:y|ies)|expertise|technologies|strengths|skill ?sets?|tools|capabilities|highlights|knowledge)(?: (?:details?|sets?|summary|matrix|highlights|profile|areas|and .*|& .*))?|technologies(?: used)?|tech stack|skills?/.*|it knowledge|tools (?:and|&) .*|languages (?:and|&) (?:tools|software|technologies|frameworks)|technical (?:environment|profile|summary)|programming languages?|software"),
    ("certificates", r"(?:(?:professional|technical|key|additional|other|it) )*(?:certifications?|certificates?|licen[cs](?:es?|ures?)|accreditations?|courses?|trainings?|registrations?)(?: (?:details?|attended|completed|undertaken|and .*|& .*|/.*))?|(?:professional )?(?:training|courses) .{0,30}certifi\w+"),
    ("summary", r"(?:(?:professional|career|executive|personal|profile|brief|work|resume|experience|my) ?)*(?:summary|objectives?|profile|overview|statement|synopsis|snapshot|goals?|about me|snaps)|about(?: me)?|professional headline|introduction"),
    ("other", r"(?:(?:academic|key|personal|side|open source|major|relevant|recent|college|professional|selected|live|mini|it|main) )*projects?(?: (?:details?|undertaken|handled|experience|summary|profile|report|and .*|worked .*|[–(-].*))?|projects report|hobbies.*|interests.*|personal (?:details?|information|profile|particulars|data|interests?|traits|dossier|vitae)|references?|referees|declaration.*|languages?(?: known.*| proficiency)?|"
              r"additional information|(?:honou?rs?|awards?|achievements?|accomplishments?|recognition)(?:(?:,| and| &|/) .*)?|key achievements|extra[- ]?curricular.*|co-?curricular.*|activities.*|publications?.*|patents?|volunteer(?:ing)?|links?|contact(?: (?:details?|info\w*))?|strengths?|affiliations?|memberships?|military service|visa.*|websites?|portfolio|test scores?|back to top|jump to section.*|work authorization|desired .*|conferences.*|presentations.*|leadership(?: .*)?|groups|certified skills|workshops?.*|area of interest"),
)]  # fmt: skip
# Headings that are often glued to the text before them ("monthsCompany Details", "2019EDUCATION").
_GLUED = re.compile(
    r"(?<=[a-z0-9.)\]])(?=(?:Education|Company|Skill) Details\b|(?:WORK EXPERIENCE|PROFESSIONAL EXPERIENCE|EDUCATION|TECHNICAL SKILLS|CERTIFICATIONS)\b)|"
    r"(?<=[^\W\d_])(?=(?:Email|E-mail|Phone|Mobile|LinkedIn)\s?[:：])|(?<=[a-z]{2}|[A-Z]{2})(?=(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\s\d{4}\s*[–—-])|"
    r"(?<=\S)\s*(?=Jump to Section|Last Active:|Last Modified:)"
)
_DUMP_HEADINGS = re.compile(
    r"\s+(?=(?:WORK EXPERIENCE|PROFESSIONAL EXPERIENCE|WORK HISTORY|EMPLOYMENT HISTORY|EXPERIENCE|EDUCATION|TECHNICAL SKILLS|KEY SKILLS|SKILLS|CERTIFICATIONS?|SUMMARY|PROFESSIONAL SUMMARY|PROJECTS|REFERENCES|OBJECTIVE|PROFILE|LANGUAGES|HOBBIES|INTERESTS|"
    r"Work Experience|Professional Experience|Work History|Professional Summary|Technical Skills|Key Skills|Core Skills)\b:?\s)"
)
_NOT_A_PERSON = re.compile(
    r"(?i)\b(?:r[ée]sum[ée]|curriculum|vitae|cv|bio-?data|profile|summary|objective|contact|page|address|street|road|university|college|school|institute|skills?|education|experience|work|project|career|technical|professional|personal|details?|languages?|"
    r"hobbies|company|references?|email|phone|mobile|date|declaration|india|usa|uk|street|city|state|software|java|python|data|web|computer|business|information|confidential|highlights|accomplishments|qualifications?|core|competenc\w+|sales|marketing|finance|"
    r"science|engineering|management|health|security|network|testing|cloud|hr|it|operations|digital|public|administration|certified|development|strengths?|expertise|achievements?|bachelor\w*|master\w*|diploma|degree|limited|ltd|pvt|inc|employee|total|years?|"
    r"advocate|teacher|nurse|banking|accountant|arts|apparel|aviation|construction|designer|agriculture|automobile|fitness|chef|bpo|human|resources|customer|services?|location|functional|industry|role|key|notice|highest|current|operating|systems?|hobby|social|media|of|the|and|for|with|in|to)\b"
)
_NAME_TAIL = re.compile(r"(?i)\s*(?:featured resume|premium cv|[,|–—-]\s*(?:ph\.?\s?d|m\.?d|mba|rn|bsc|msc|cpa|pmp|esq|jr|sr|mph|llb|b\.?a|m\.?a|he/him|she/her|they/them)\b.*|\((?:he|she|they)[^)]*\)|[\U0001F300-\U0001FAFF☎✉📍].*|\|.*|\s{2,}.*|\t.*|:.*)$")
_NAME_HEAD = re.compile(r"(?i)^(?:(?:full |candidate |applicant )?name\s*[:–-]\s*|r[ée]sum[ée] (?:of|for|-)\s+|curriculum vitae (?:of|-|–|:)?\s*|cv (?:of|-|–|:)\s*|c\.?v\.?\s+(?=[A-Z])|(?:mr|mrs|ms|miss|dr|prof)\.?\s+|i am\s+|my name is\s+|hi,? i(?:'|’)m\s+)")
_PART = r"(?:(?:[A-ZÀ-ÞŁŚŻŞİ][\w'’.-]*)|(?:de|da|do|dos|van|von|der|den|bin|binti|al|el|la|le|di|du|ibn|ben|mac|y|e|o’|d’)\b)"
_PERSON = re.compile(rf"^[A-ZÀ-ÞŁŚŻŞİ][^\W\d_]*[\w'’.-]*(?:\s+{_PART}){{1,4}}$")

_LABELLED = re.compile(
    r"(?i)^(?:(?P<title>(?:current |last )?(?:designation|job title|position(?: held)?|title|post)|job profile|role)|(?P<employer>(?:current |last |present )?(?:company|employer|organi[sz]ation|client company)(?: name)?)|(?P<when>duration|period|tenure|from|dates?|worked from|time period)|"
    r"(?P<skills>key skills|skills?|technical skills|skill set|technologies|tech stack|tools)|(?P<education>highest degree|ug|pg|doctorate|education|degree)|(?P<description>description))\s*\.?\s*(?::-?|[–-](?=\s)|:)\s*(?P<value>.*)$"
)
_NOT_DONE = re.compile(
    r"(?i)^(?:(?:key |main |roles? (?:and|&) |job |my |brief )*(?:responsibilit\w+|duties|roles?|achievements?|profile|descriptions?|deliverables?|projects?(?: (?:name|title|details?|description|handled))?|client(?: name)?|environment|technolog(?:y|ies)(?: ?/ ?tools)?|tools?(?: used)?|team size|duration|location|platform|period|"
    r"operating system|database|domain|industry|reporting to|notice period|designation|organi[sz]ation|company|title|languages?|framework|software|hardware|skills?|url|website|ctc|location|front end|back end|server|os|technical environment|product|module|customer|details|employer|ide)\b(?: used| name| details| description)?\s*(?:\W*$|\s*[:–-]+.*)|company name|city,? state.*|page \d+|\d+$|\^.*)"
)
_PLACE_TAIL = re.compile(r"\s*(?:[-–—|,(]\s*(?:[A-Z][\w.]+(?:\s[A-Z][\w.]+){0,2}(?:\s*/\s*[A-Z]\w+)*,\s*(?:[A-Z]{2,3}|[A-Z][a-z]+(?:\s[A-Z][a-z]+){0,2})|remote|hybrid|on-?site)\)?)\s*[-–—,]*\s*$", re.IGNORECASE)
_DEGREE = re.compile(
    r"(?i)\b(?:bachelor\w*|master\w*|ph\.?\s?d|doctor(?:ate)?|diploma|degree|b\.?\s?(?:sc|tech|com|eng|ed|arch|pharm|ca|ba|e|a|s)\b\.?|m\.?\s?(?:sc|tech|com|eng|ed|ca|ba|phil|s|a|e)\b\.?|llb|mba|pgdm|bca|mca|hsc|ssc|gcse|a-levels?|nvq|btec|hnd|associate(?:'s)? (?:of|in|degree)|high school|secondary|ged|certificate|bba|pgdca|ug|pg|postgraduate|b\.?f\.?a|ll\.?m|foundation degree)(?=\W|$)"
)
_SCHOOL = re.compile(r"(?i)\b(?:universit\w+|college|institut\w*|school|academy|polytechnic|faculty|vidyalaya|vidyapee?th|iit|nit|iiit|board|campus|coe)\b")


def parse_resume(text: str) -> ResumeProfile:
    """Fields of a résumé, positions in the order of the text (newest first in most). Contact data enters no field."""
    page = layout.lines(_opened(documents.clean(text)))
    name, at = _name(page)
    sections = _sections(page[at + 1 :] if name else page)
    labelled = _labelled(page)
    headline = labelled.get("title", "") or _headline(sections[""] + sections["summary"])
    experience = _positions(sections["experience"]) or _positions([line for line in sections[""] + sections["other"] + sections["summary"] if line.text], strict=True)
    experience = _with_labels(experience, labelled, sections, headline)
    skills = _skills(sections["skills"]) + _skills([Line(labelled["skills"])] if labelled.get("skills") else []) + _skills_of_table(sections["skills"])
    return ResumeProfile(
        name=name, headline=_role(headline), experience=experience[:MOST_POSITIONS], education=_education(sections["education"], labelled),
        certificates=_certificates(sections["certificates"]), skills=_distinct(s for s in skills if s.lower() != name.lower())[:MOST_SKILLS],
    )  # fmt: skip


# ---- name and headline ----------------------------------------------------------------------------------------


def _opened(text: str) -> str:
    """The text with line breaks where headings, dates and contact labels were glued; a dump on few lines gets lines."""
    text = _GLUED.sub("\n", text)
    if len(text) > 300 and len(text) / (text.count("\n") + 1) > 250:
        text = _DUMP_HEADINGS.sub("\n", text)
    return re.sub(r"(?m)^(Education Details|Company Details|Skill Details)[ \t]+(?=\S)", r"\1\n", text)


def person(text: str) -> str:
    """A person's name as it is written in a letter, or "" when the line is not surely one."""
    text = _NAME_HEAD.sub("", text.strip(" *#_•-–—|,.:"))
    while (shorter := _NAME_TAIL.sub("", text).strip(" ,.|-–—")) != text:
        text = shorter
    text = one_spaced(_NAME_HEAD.sub("", text))
    if not 2 <= len(text.split()) <= 5 or len(text) > 45 or not _PERSON.match(text) or _NOT_A_PERSON.search(text) or TITLE_NOUN.search(text) or ORGANISATION.search(text):
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
        if _heading(line.text) and i or TITLE_NOUN.search(line.text) and i > 1:
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
        if TITLE_NOUN.search(text) and len(text.split()) <= 9 and not text.endswith(".") and not _heading(text) and not re.match(r"(?i)(?:to|i|a|an|the|seeking|looking|actively|having|currently|over|experienced?)\b", text) and ":" not in text:
            return text
    return ""


def _role(text: str) -> str:
    """A role without the employer behind it and without label, quotes and brackets at its end."""
    text = re.sub(r"^[\"“”'\s]+|[\"“”'\s]+$", "", one_spaced(text))
    text = re.split(r"\s+(?:[-–—|@]|at|in|with|for)\s+(?=[A-Z])", text)[0] if re.search(r"\s(?:[-–—|@]|at|in|with)\s+[A-Z]", text) and TITLE_NOUN.search(re.split(r"\s+(?:[-–—|@]|at|in|with|for)\s+(?=[A-Z])", text)[0]) else text
    text = re.sub(r"^(?:as|an?)\s+|\s*[,(]$", "", text).strip(" .,;:-–—|\"“”")
    return " ".join(w if len(w) <= 3 else _capitalised(w) for w in text.split()) if text.isupper() and len(text) > 6 else text


# ---- sections -------------------------------------------------------------------------------------------------


def _heading(text: str) -> str | None:
    bare = re.sub(r"^[\d.)#*\s=_-]+|[:*\s=_.–-]+$", "", text)
    if not bare or len(bare.split()) > 7:
        return None
    return next((kind for kind, pattern in _HEADINGS if pattern.match(bare)), None)


def _sections(page: list[Line]) -> dict[str, list[Line]]:
    """Lines by the heading above them; "" holds what stands before the first. "Skills: a, b" on one line counts too."""
    found: dict[str, list[Line]] = {kind: [] for kind in ("", "experience", "education", "skills", "certificates", "summary", "other")}
    kind = ""
    for line in page:
        heading = None if line.bullet and not line.text.isupper() and not line.text.endswith(":") else _heading(line.text)
        if heading == "skills" and kind == "experience" and not line.text.isupper() and not line.gap and not re.search(r"(?i)skill|competenc", line.text):
            heading = None  # "Tools:" inside a position
        if heading == "other" and kind == "experience" and re.match(r"(?i)\W*(?:key )?(?:achievements?|accomplishments|projects?|project details|activities|awards?)\W*$", line.text) and not line.text.isupper():
            heading = None
        if heading:
            kind = heading
            continue
        label, _, rest = line.text.partition(":")
        if rest.strip() and len(label.split()) <= 4 and not line.bullet and kind != "experience" and (named := _heading(label)) in ("skills", "certificates", "education"):
            if named == "skills" and kind == "skills":
                found[kind].append(line)
                continue
            kind = named if kind in ("", "summary", "other") else kind
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
        m = _LABELLED.match(line.text)
        if m and m.group("value").strip():
            label = next(k for k in ("title", "employer", "when", "skills", "education", "description") if m.group(k))
            if label in ("title", "employer") and not re.match(r"(?i)current|present|last", m.group(label)):
                continue
            found.setdefault(label, m.group("value").strip(" ,."))
    return found


# ---- positions ------------------------------------------------------------------------------------------------


def _positions(block: list[Line], strict: bool = False) -> list[Experience]:
    """Positions around their dates. `strict` (text that is not under an experience heading): title and employer both."""
    heads = _heads(block)
    found: list[Experience] = []
    for n, (start, end, position) in enumerate(heads):
        stop = heads[n + 1][0] if n + 1 < len(heads) else len(block)
        position.achievements = _achievements(block[end:stop])
        if strict and not (position.title and position.employer):
            continue
        if position.title or position.employer:
            found.append(position)
    return found


def _heads(block: list[Line]) -> list[tuple[int, int, Experience]]:
    """(first line, line after the last, position) of each header; lines between headers belong to the one above."""
    heads: list[tuple[int, int, Experience]] = []
    used = 0
    for i, line in enumerate(block):
        if i < used:
            continue
        labelled = _labelled_head(block, i)
        if labelled:
            heads.append(labelled)
            used = labelled[1]
            continue
        dated = layout.date_range(line.text) if line.words <= 22 else None
        if dated and (not line.bullet or len(dated[2].split()) <= 12 and (TITLE_NOUN.search(dated[2]) or ORGANISATION.search(dated[2]))):
            head = _dated_head(block, i, used, dated)
        else:
            head = _undated_head(block, i, used)
        if head:
            heads.append(head)
            used = head[1]
    return heads


def _labelled_head(block: list[Line], i: int) -> tuple[int, int, Experience] | None:
    """"company - X" / "Company: X" with its designation and period on the lines below."""
    m = _LABELLED.match(block[i].text)
    if not m or not m.group("employer"):
        return None
    position = Experience(employer=_employer(m.group("value")))
    end = i + 1
    for j in range(i + 1, min(i + 8, len(block))):
        text = block[j].text
        again = _LABELLED.match(text)
        if again and again.group("employer"):
            break
        inner = _LABELLED.match(again.group("value")) if again and again.group("description") else again
        if inner and inner.group("title") and not position.title and len(inner.group("value").split()) <= 8:
            position.title = _role(inner.group("value"))
            end = j + 1
        elif inner and inner.group("when") and (dated := layout.date_range(inner.group("value"))):
            position.start, position.end = dated[:2]
            end = j + 1
    return (i, end, position) if position.employer else None


def _fits(line: Line) -> bool:
    """Whether a line may belong to a position's header: short, no bullet, no sentence."""
    return not line.bullet and line.words <= 12 and line.text[-1] not in ".;:!?" and not _NOT_DONE.match(line.text) and not _heading(line.text)


def _dated_head(block: list[Line], i: int, used: int, dated: tuple[str, str, str]) -> tuple[int, int, Experience] | None:
    """A header around a line with dates: what stands beside them, up to two lines above, or the line below."""
    start, end, rest = dated
    position = Experience(start=start, end=end)
    first, last = i, i + 1
    parts = _parts(rest) if re.search(r"[^\W\d_]{2}", rest) and len(rest.split()) <= 14 else []
    _assign(position, parts)
    above = [j for j in (i - 1, i - 2) if j >= used and _fits(block[j])]
    if above and above[0] == i - 1 and not (position.title and position.employer):
        near = [i - 1] + ([i - 2] if above[1:] and _header_above(block, i, used) else [])
        before = [part for j in sorted(near) for part in _parts(block[j].text)]
        _assign(position, before)
        if position.title or position.employer:
            first = min(near)
    if not (position.title and position.employer) and i + 1 < len(block) and _fits(block[i + 1]) and not layout.date_range(block[i + 1].text):
        after = _parts(block[i + 1].text)
        if any(TITLE_NOUN.search(p) if not position.title else ORGANISATION.search(p) for p in after) and block[i + 1].words <= 9:
            _assign(position, after)
            last = i + 2
    if not (position.title or position.employer):
        return None
    return first, last, position


def _header_above(block: list[Line], i: int, used: int) -> bool:
    """Whether the line two above the dates is a header line too, not the end of the position before it."""
    far, near = block[i - 2], block[i - 1]
    return (far.gap or i - 2 == used or bool(TITLE_NOUN.search(far.text)) or bool(ORGANISATION.search(far.text))) and len(_parts(near.text)) < 2 and far.words <= 9


def _undated_head(block: list[Line], i: int, used: int) -> tuple[int, int, Experience] | None:
    """A header without dates: a title line and an employer line before bullets or text, or both in one line."""
    line = block[i]
    if not _fits(line) or not (line.gap or i == 0) or i < used or line.words > 9:
        return None
    dated_soon = any(layout.date_range(block[j].text) for j in range(i + 1, min(i + 3, len(block))) if _fits(block[j]))
    if dated_soon:
        return None
    parts = _parts(line.text)
    if len(parts) >= 2 and TITLE_NOUN.search(line.text) and re.search(r"\s[-–—|]\s|\bat\b|\bas\b", line.text):
        position = Experience()
        _assign(position, parts)
        return (i, i + 1, position) if position.title and position.employer else None
    below = block[i + 1] if i + 1 < len(block) else None
    if below and TITLE_NOUN.search(line.text) and below.gap and _fits(below) and below.words <= 7 and not TITLE_NOUN.search(below.text) and below.text[0].isupper():
        position = Experience()
        _assign(position, parts + _parts(below.text))
        return (i, i + 2, position) if position.title and position.employer else None
    return None


def _parts(text: str) -> list[str]:
    """The pieces of a header line: title, employer, place, in whatever order and with whatever between them."""
    text = re.sub(r"[\"“”]", "", _PLACE_TAIL.sub("", text.strip(" -–—|,")))
    text = re.sub(r"\s*\((?:[^()]*\b(?:yrs?|years?|months?|full|part|contract|remote|client)\b[^()]*)\)", "", text, flags=re.IGNORECASE)
    pieces = re.split(r"\s+[|•·@]\s*|\s+[-–—]+\s+|\s{2,}|\t|(?<=\w)[–—](?=\s)", text)
    out: list[str] = []
    for piece in pieces:
        for wide in re.split(r",?\s+(?:as an?|as|at|with)\s+(?=[A-Z])", piece):
            halves = re.split(r",\s+", wide)
            if len(halves) > 1 and any(TITLE_NOUN.search(h) for h in halves) and not all(TITLE_NOUN.search(h) for h in halves) and not re.search(r",\s+(?:Inc|LLC|Ltd|LLP)", wide):
                out.extend(halves)
            else:
                out.append(wide)
    return [p.strip(" ,-–—|()") for p in out if re.search(r"[^\W\d_]{2}", p)]


def _assign(position: Experience, parts: list[str]) -> None:
    """Give each piece to the empty field it fits: words of occupations to the title, the rest to the employer."""
    free = [p for p in parts if not re.match(r"(?i)^(?:company name|city|state|full[- ]time|part[- ]time|contract|remote|internship|permanent)$", p) and not re.match(r"^[A-Z][\w. ]+, [A-Z]{2}$", p)]
    if not position.title:
        scored = [p for p in free if TITLE_NOUN.search(p) and len(p.split()) <= 9]
        scored.sort(key=lambda p: bool(ORGANISATION.search(p)))
        if scored:
            position.title = _role(scored[0])
            inside = re.search(r"\s(?:in|at|of|for|@)\s+([A-Z].*)$", scored[0])
            if inside and not position.employer and ORGANISATION.search(inside.group(1)):
                position.employer = _employer(inside.group(1))
            free.remove(scored[0])
    if not position.employer:
        for p in free:
            if employer := _employer(p):
                position.employer = employer
                free.remove(p)
                break
    if not position.title and free and len(free[0].split()) <= 6 and not ORGANISATION.search(free[0]) and position.employer:
        pass  # a second piece that names no occupation is more often a place than a title


def _employer(text: str) -> str:
    """An employer's name without place and sentence; "" when the piece is surely none."""
    text = one_spaced(_PLACE_TAIL.sub("", text.strip(" -–—|,.:;\"“”")))
    text = re.sub(r"\s*\((?![A-Z]{2,6}\))[^)]*\)?$", "", text)
    text = re.sub(r"^(?:at|in|with|for|the company|worked (?:at|in|with|for|as))\s+", "", text, flags=re.IGNORECASE).strip(" ,.:;-–—")
    if not text or len(text.split()) > 8 or text[0].islower() and not ORGANISATION.search(text) and not re.match(r"[a-z]+[A-Z\d]", text):
        return ""
    if re.match(r"(?i)^(?:company name|company|confidential|client|project|present|current|responsib\w+|description|location|duration|n/?a|none|various|self|months?|years?|description.*|environment.*)$", text) or not re.search(r"[^\W\d_]{2}", text):
        return ""
    return text


def _achievements(block: list[Line]) -> list[str]:
    """What a person did in a position: its bullets and short sentences, without labels and page furniture."""
    out = []
    for line in block:
        text = re.sub(r"(?i)^description\s*[-:]\s*", "", line.text)
        if _NOT_DONE.match(text):
            continue
        for sentence in layout.clauses(layout.BULLET.sub("", text)) or []:
            item = one_spaced(sentence).strip(" .,;:•*-–—►")
            item = re.sub(r"(?i)^(?:i (?:was|am|have been) |i )?(?:been )?responsible for (?=\w+ing\b)|^i (?:have |was |am )?(?=\w+(?:ed|ing)\b)", "", item)
            if 3 <= len(item.split()) <= 40 and re.search(r"[a-z]", item) and not layout.date_range(item) and not layout.EMAIL.search(item) and not _heading(item):
                out.append(item[:1].upper() + item[1:])
    return list(dict.fromkeys(out))[:MOST_ACHIEVEMENTS]


def _with_labels(experience: list[Experience], labelled: dict[str, str], sections: dict[str, list[Line]], headline: str) -> list[Experience]:
    """Complete positions by "Current Company: X" and by a "Role - Employer" headline that names one of them."""
    company = _employer(labelled.get("employer", ""))
    if company and not any(company.lower() in e.employer.lower() or e.employer.lower() in company.lower() for e in experience if e.employer):
        experience = [Experience(title=_role(labelled.get("title", "")), employer=company, end="present"), *experience]
    every = [line for block in sections.values() for line in block]
    for e in experience:
        if e.employer and not e.title:
            line = next((x.text for x in every if e.employer in x.text and TITLE_NOUN.search(x.text) and x.words <= 12 and re.search(r"\s[-–—|]\s|\bat\b", x.text)), "")
            parts = [p for p in _parts(line) if TITLE_NOUN.search(p) and p != e.employer]
            if parts:
                e.title = _role(parts[0])
    return experience


# ---- skills, education, certificates --------------------------------------------------------------------------


def _skills(block: list[Line]) -> list[str]:
    """Single skills: split at commas and bullets, without brackets, levels, categories and sentences."""
    out = []
    for line in block:
        text = re.sub(r"(?i)[-–:\s]*\bexpri?e?rience\s*[-–:].*$", "", line.text)
        if re.search(r"(?i)\d+\s*year\(s\)|^skill name|^(?:\^|verified)", text):
            continue
        text = re.sub(r"\((?![^)]*$)[^()]*\)|\([^()]*$|^[^()]*\d+\s*years?\)", "", text)
        text = re.sub(r"^[A-Z][\w&/ .-]{2,40}?\s*[:：][-–]?\s*", "", text) if len(text.split(":")[0].split()) <= 5 else text
        for piece in re.split(r"[,;|•●▪~\t/](?!\w)|[,;|•]|\s{2,}|\s[-–]\s|\s+(?:and|&)\s+(?=\w+[.\s]*$)", text):
            item = re.sub(r"(?i)^(?:and|etc|good|excellent|strong|basic|knowledge (?:of|in)|experience (?:in|with|of)|proficient (?:in|with)|familiar with|expertise in|working knowledge of|hands[- ]on(?: experience)?(?: (?:on|in|with))?|understanding of|skilled in)\b\s*", "", piece.strip(" .:-–—*•\"'"))
            if item and len(item.split()) <= 5 and len(item) <= 45 and re.search(r"[^\W_]", item) and not re.match(r"(?i)(?:\d+|years?|months?|less than.*|etc|and|i|to|the|yes|no)$", item) and not layout.date_range(item):
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
        text = re.sub(r"(?i)^(?:ug|pg|doctorate|highest degree|degree|course|institution|university)\s*[:–-]\s*", "", text)
        text = re.sub(rf"(?i)^(?:{layout.DATE}\s*(?:to|-|–)?\s*)+|[\s,(–-]*(?:in )?(?:{layout.DATE})[\s).]*$", "", text)
        text = one_spaced(_PLACE_TAIL.sub("", text.strip(" ,-–—|"))).strip(" ,.-–—|")
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
        if 1 < len(text.split()) <= 14 and not re.match(r"(?i)(?:i|to|the|my|have|name|grade|company)\b", text) and not _NOT_DONE.match(text):
            out.append(text)
    return list(dict.fromkeys(out))[:10]


def _distinct(items) -> list[str]:
    kept: dict[str, str] = {}
    for item in items:
        kept.setdefault(item.lower(), item)
    return list(kept.values())
