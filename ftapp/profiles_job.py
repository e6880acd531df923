"""A posting's text -> JobPosting: title, company and place by labels, first lines and sentences that say who looks
for whom; the lists come from `requirements`. What is not found stays empty.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from ftapp import documents, layout, requirements
from ftapp.layout import Line, one_spaced
from ftapp.profiles import JobPosting
from ftapp.vocabulary import OCCUPATION, ORGANISATION, either

_TITLE_LABELS = (
    "job title|title of post|position title|posting title|working title|role title|post title|jobtitle|job role|job position|"
    "vacancy(?: title)?|position|post|role|title"
)
_COMPANY_LABELS = (
    r"company(?: name)?|employer(?: name)?|organi[sz]ation(?: name|\s*/\s*entity)?|hiring organi[sz]ation|institution|agency|"
    r"business|firm|client"
)
_PLACE_LABELS = "(?:job |work |primary |office )?locations?|base|place of work|workplace|city|based in|where"
_LABELS = [(name, re.compile(rf"(?i)^(?:{words})\s*(?:[:：]|\s[–—-]\s)\s*(.+)$"), re.compile(rf"(?i)^(?:{words})\s*:?$")) for name, words in
           (("title", _TITLE_LABELS), ("company", _COMPANY_LABELS + "|posted by"), ("place", _PLACE_LABELS))]  # fmt: skip

# Lines of a web page or a form, not of a posting.
_PAGE = re.compile(
    r"""(?xi)^(?:apply(?:\ now|\ online|\ here)?|sign\ (?:in|up)|log\ ?in|(?:job\ )?search.*|home|faqs?|contact(?:\ us)?|menu|share|tweet|
    print|save(?:\ job)?|back(?:\ to.*)?|skip.*|view\ .*|add\ to\ .*|how\ to\ apply|
    \d+\ of\ \d+|\d+/\d+|page\ \d+.*|\d{1,2}/\d{1,2}/\d{2,4},.*|posted\ .*ago|full[-\ ]time|part[-\ ]time|working\ here|advert|job|
        job\ (?:advert|description|summary|posting|details|overview)|vacancy|overview|
    position\ (?:description|announcement)|about\ (?:the|this)\ (?:job|role|position|post)|about\ us|r(?:eq)?[-\s]?\d{4,}.*|facebook.*|
        privacy.*|cookies?.*|customer\ assistance|all\ .*\ careers|
    (?:[\w.&]+\ ){0,3}careers?(?:\ site|\ page)?|welcome|introduction|new|urgent|hiring|we'?re\ hiring!?|\d\ messages?|\[.*|(?:to|from|
        subject|supervisor|reports\ to|date):.*|.*[<>].*)$"""
)
_MONEY = re.compile(
    r"(?i)^(?:salary|pay|wage|compensation|remuneration|rate|hours|contract|closing date|deadline|reference|ref|duration|department|"
    r"status|start date|grade|band|reports to)\b\s*[:\-–]|"
    r"[£$€]\s?\d|\bper (?:annum|hour|year)\b|^salary\b"
)
_TITLE_HEAD = re.compile(
    r"(?i)^(?:(?:apply (?:for|to)|job description(?: (?:for|of))?|job advert(?:isement)?|job posting|vacancy|vacancies|job title|hiring|"
    r"wanted|now hiring|"
    r"we(?:'| a)re (?:hiring|looking for)(?: an?)?|position|role|title)\s*[:–—-]?\s+|job\s*[:–—-]\s*|\d+\s*x\s+|[#*\s]+|"
    r".{3,60}\b(?:careers|jobs)\s*[-–|:]\s+)"
)
_TITLE_TAIL = re.compile(
    r"""(?xi)\s*(?:with\ verification|[([](?:ref|req|job|id|m/f|m/w|f/m|w/m|h/f|all\ genders|he/she|full|part)\b[^)\]]*[)\]]|
    [-–—|,]?\s*\b(?:ref(?:erence)?|req(?:uisition)?|job\ (?:id|no|ref))\b[\s.:\#-]*[\w/-]*\d[\w/-]*|
    [-–—|,]\s*(?:job\ description|full[-\ ]time|part[-\ ]time|permanent.*|temporary.*|\d+\ (?:months?|hours).*|fixed[-\ ]term.*|contract.*|
        maternity\ cover|(?:home|
        remote|office|hybrid)[-\ ]?based|remote|hybrid|urgent|band\ \d\w?)|
    [-–—|,]\s*[£$€]\s?\d.*|\bx\s?\d+(?:\ posts?)?|\(x\s?\d+\)|
    \([^()]*\b(?:area|region|based|hours|shifts?|posts?|positions?)\)|\((?:all\ levels|bank|remote|hybrid|temporary|permanent)\))\s*$"""
)
_STREET = re.compile(r"\d+[\w/-]*\s[A-Z][^,]*,.*\d")  # "12 Mill Lane, Harrowgate HG1 4QT"
_NO_NAMES = either("""
    the an? our us you your we this that these it its there here he she they who what why how when where which all any as in at on
    if is are and or for to with not no please applicants? applications? candidates? positions? post role job work team everyone
    someone department company employer client benefits? life day experience responsibilit[a-z]+ requirements? qualifications?
    skills? salary opportunit[a-z]+ me date ideal successful today now currently location description summary overview staff
    programmes? projects? service ward division based working interested born equal previous culture compensation must city
    management human january february march april may june july august september october november december monday friday python
    java django english uk us eu usa covid.* careers? education nurses? senior junior new""")
_NO_COMPANY = re.compile(rf"(?i)^{_NO_NAMES}$")
_NAME = (  # one to eight words, "of", "and" and the like between them
    r"(?:[A-Z0-9][\w&.'’+-]*|[a-z]+\d\w*|[a-z]{2,}\.(?:com|io|ai|org|net))"
    r"(?:[ ](?:(?:of|and|&|for|the|de|in|at)[ ](?:the[ ])?)?[A-Z0-9][\w&.'’+-]*){0,7}"
)
_IS = r"(?:currently |now |actively |also |very |always |delighted |proud |pleased )*"
_WHO = [re.compile(pattern) for pattern in (
    rf"(?:^|[.!?:|]\s+)(?:At\s+)?(?:[Tt]he\s+)?(?P<x>{_NAME})(?:\s*\([A-Z][\w& ]*\))?,?\s+(?:is|are)\s+{_IS}"
    r"(?:looking|seeking|recruiting|hiring|searching|expanding|growing|offering|excited|an?|the|one|committed|dedicated|passionate|to|"
    r"on a)\b",
    rf"(?:^|[.!?]\s+)(?:[Tt]he\s+)?(?P<x>{_NAME})(?:\s*\([A-Z][\w& ]*\))?\s+(?:seeks|offers|provides|invites|requires|has (?:an|a|the)\b|"
    rf"was founded|was established|values|welcomes|employs|delivers|serves|works with)",
    rf"\b(?:[Jj]oin(?:ing)?|[Ww]elcome to|[Ww]orking (?:at|for)|[Ww]ork (?:at|for)|[Ww]ho is|[Ww]hy|[Cc]areers? at|[Ll]ife at|"
    rf"[Bb]enefits (?:at|of working at)|role at|position at|job at|team at|within) (?:the )?(?P<x>{_NAME})",
    rf"\b[Ww]e(?:['’]re| are) (?P<x>{_NAME})\b|\b(?:[Aa]t|[Hh]ere at) (?P<y>{_NAME}),? (?:we|you|our|every|it)\b",
    r"^(?P<x>[A-Z][A-Za-z]+)(?:株式会社)?は、",
)]  # fmt: skip
_ABOUT = re.compile(rf"(?i:^(?:about|who (?:is|are)))\s+(?P<x>(?:[Tt]he )?{_NAME})\s*[:?]?$")


def parse_job(text: str) -> JobPosting:
    """Fields of a posting. Lists are short lines without bullets, at most `requirements.MOST_LINES` each. What speaks to a
    machine is no part of a posting and reaches no field."""
    page = [replace(line, text=said) for line in layout.lines(text) if (said := documents.for_readers(line.text))]
    labels = _labels(page[:60])
    title = clean_title(_title(page, labels))
    company = company_name(labels.get("company", (0, ""))[1]) or _company_top(page, title) or _company_named(page, title)
    if company:
        title = re.sub(rf"(?i)\s*(?:[-–—|@]|\bat\b|\bfor\b)\s*{re.escape(company)}.*$", "", title) or title
    wanted, duties = requirements.lists([line for line in page if not _PAGE.match(line.text)])
    wanted = [w for w in wanted if not (title and w.lower().startswith(title.lower()[:24]) and len(title) > 8)]
    place = labels.get("place", (0, ""))[1] or _place_top(page, company)
    return JobPosting(title=title, company=company, location=_place(place), requirements=wanted, duties=duties)


def _labels(page: list[Line]) -> dict[str, tuple[int, str]]:
    """(line, value) of "Title: X" lines, and of a label alone on a line with its value on the next."""
    found: dict[str, tuple[int, str]] = {}
    for i, line in enumerate(page):
        after = page[i + 1].text if i + 1 < len(page) else ""
        for name, with_value, alone in _LABELS:
            if (m := with_value.match(line.text)) and len(m.group(1).split()) <= 12:
                found.setdefault(name, (i, re.split(r"\s{3,}", m.group(1))[0]))
            elif alone.match(line.text) and _is_value(after) and (line.text[-1] == ":" or after[0].isupper()):
                found.setdefault(name, (i, after))
        if m := re.search(r"\bLocation: ([^.|]+)$", line.text):
            found.setdefault("place", (i, m.group(1)))
    return found


def _is_value(text: str) -> bool:
    return 0 < len(text.split()) <= 10 and text[-1] not in ".:"


# ---- title ----------------------------------------------------------------------------------------------------


def _title(page: list[Line], labels: dict[str, tuple[int, str]]) -> str:
    """A label near the top, else the first line that reads like a title, else a later label, else a sentence."""
    at, labelled = labels.get("title", (99, ""))
    top = [line.text for line in page[:40]]
    if top and at > 6 and _is_title(top[0]) and OCCUPATION.search(top[0]):
        return top[0]
    if labelled and _is_title(labelled):
        return labelled
    for text in top[:3]:
        first = text == top[0] and not ORGANISATION.search(text) and not requirements.heading(text)
        if _is_title(text) and (first or OCCUPATION.search(text)):
            return text
    line = next((text for text in top if OCCUPATION.search(text) and len(text.split()) <= 10 and _is_title(text) and text[0].isupper()), "")
    return line or _title_in_sentence(page)


def _is_title(text: str) -> bool:
    short = clean_title(text)
    return (bool(re.search(r"[^\W\d_]{2}", short)) and len(short.split()) <= 14 and not re.search(r"[.!?:;]$|https?:|@", short)
            and not any(_PAGE.match(t) or _MONEY.search(t) for t in (text, short)))  # fmt: skip


def _title_in_sentence(page: list[Line]) -> str:
    """The role in "X is looking for a Role to ..."."""
    asks = re.compile(
        r"(?i:looking for|seeking|seeks|recruiting|recruit|hiring|hire|appoint|searching for|opportunity for|post of|role of|position of|"
        r"join us as|joining us as)\s+"
        r"(?:(?:an?|the|our|for|to|another|experienced|motivated|enthusiastic|talented|skilled|dynamic|"
        r"passionate)\s+)*(?P<x>(?:[A-Z][\w/&+-]*\s?(?:(?:of|and|in)\s(?=[A-Z]))?){1,7})"
    )
    found = (m.group("x").strip() for line in page for m in asks.finditer(line.text))
    return next((x for x in found if OCCUPATION.search(x)), "")


def clean_title(title: str) -> str:
    """A title without labels, reference numbers, salary, grade and working time. All capitals become title case."""
    title = one_spaced(re.sub(r"\s\|\s.*$", "", title)).strip(" .:;,*#\"“”-–—")
    while (shorter := _TITLE_HEAD.sub("", title, count=1).strip()) and shorter != title:
        title = shorter
    while (shorter := _TITLE_TAIL.sub("", title).strip(" ,-–—:")) and shorter != title:
        title = shorter
    return _title_case(title) if title.isupper() and len(title) > 5 else title


def _title_case(text: str) -> str:
    small = {"of", "and", "the", "in", "for", "to", "at", "on", "a", "with"}
    words = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
    spelled = words.sub(lambda m: m.group(0).lower() if m.group(0).lower() in small and m.start() else m.group(0).capitalize(), text)
    return re.sub(r"\b(?:Ii|Iii|Iv|Hr|It|Ui|Ux|Qa|Nhs|Uk|Usa)\b", lambda m: m.group(0).upper(), spelled)


# ---- company and place ----------------------------------------------------------------------------------------


def company_name(text: str) -> str:
    """A company without its place, abbreviation in brackets and trade mark signs; "" when it is surely no company."""
    text = one_spaced(re.split(r"\s+[·|•–—]\s+|\s-\s(?=[A-Z][\w ]+,)|\s{3,}", text.strip())[0])
    text = re.sub(r"\s*\([^)]*\)\s*$|[®™]", "", text)
    text = re.sub(r",\s*(?!(?:Inc|LLC|Ltd|Limited|LLP|GmbH|Corp|PLC|Co)\b).*$", "", text).strip(" .,:;-–—*")
    bad = _NO_COMPANY.match(text) or len(text.split()) > 10 or re.search(r"(?i)\b(?:careers?|jobs)$|^[\W\d_]*$", text)
    return "" if bad else text


def _company_top(page: list[Line], title: str) -> str:
    """The company in the lines under the title, as job boards print it, in a letterhead over its street, or in a page's
    "Company Careers - Role" or "Role | Company" line, which may stand below the page's menu."""
    top = page[:6]
    if len(top) > 1 and top[0].words <= 8 and ORGANISATION.search(top[0].text) and _STREET.match(top[1].text):
        return company_name(top[0].text)
    for i, line in enumerate([*top, *(below for below in page[6:15] if title and below.text.startswith(f"{title} |"))]):
        if i and (m := re.match(r"^(.{2,60}?)\s+[·•]\s+[A-Z]", line.text)):
            return company_name(m.group(1))
        if OCCUPATION.search(line.text) and line.words <= 14:
            m = re.search(rf"^({_NAME}) (?:Careers|Jobs)\s*[-–|:]|\s[|@]\s+({_NAME})$|\bat ({_NAME})$", line.text)
            if m and (name := company_name(next(g for g in m.groups() if g))):
                return name
    at = next((i for i, line in enumerate(top) if title and title.lower() in one_spaced(line.text).lower()), -1)
    if at < 0 or at + 1 >= len(top):
        return ""
    after = top[at + 1]
    if after.bullet or after.words > 12 or after.text[-1] in ".:!?" or _PAGE.match(after.text) or _MONEY.search(after.text):
        return ""
    if any(re.match(r"(?i)salary\b", line.text) for line in top[at + 2 : at + 4]):  # title, company, place, salary
        return company_name(after.text)
    part = re.match(r"(?i)^(?:department|division|school|college|faculty|office) (?:of|for)", after.text)
    other = part or OCCUPATION.search(after.text) or requirements.heading(after.text)
    return company_name(after.text) if ORGANISATION.search(after.text) and not other else ""


def _company_named(page: list[Line], title: str) -> str:
    """The name that headings and sentences give most weight: "About X", "X is looking for", "join X", "at X, we"."""
    votes: Counter[str] = Counter()
    text = "\n".join(line.text for line in page)

    def vote(raw: str, weight: int) -> None:
        words = re.sub(r"['’]s\b.*$", "", raw).split()
        while words and _NO_COMPANY.match(words[0]):
            words.pop(0)
        name = company_name(" ".join(words))
        known = set(title.lower().split()) >= set(name.lower().split())
        other = known or OCCUPATION.search(name) or requirements.heading(name) or re.match(r"\W|[\d/:]+(?:\s|$)", name)
        if name and not other:
            votes[name] += weight

    for i, line in enumerate(page):
        if m := _ABOUT.match(line.text):
            vote(re.sub(r"^[Tt]he ", "", m.group("x")), 3)
        for pattern in _WHO:
            for m in pattern.finditer(line.text):
                vote(m.groupdict().get("x") or m.groupdict().get("y") or "", 3 if i < 8 else 2)
    for name in votes:
        votes[name] += min(text.count(name), 6) + (2 if ORGANISATION.search(name) else 0)
    best, weight = max(votes.items(), key=lambda v: (v[1], len(v[0])), default=("", 0))
    return _in_full(best, text) if weight >= 5 else ""


def _in_full(name: str, text: str) -> str:
    """A short name as the text writes it out: "ABC" in brackets behind its words, "Brook" where "Brook University" stands."""
    if name.isupper() and (m := re.search(rf"((?:[A-Z][\w&]*[ ](?:(?:of|and|for|the)[ ])*){{2,8}})\({re.escape(name)}\)", text)):
        return company_name(re.sub(r"^[Tt]he ", "", m.group(1).strip())) or name
    kinds = "University|College|Museum|Group|Hospital|School|Library|Institute"
    longer = Counter(re.findall(rf"\b{re.escape(name)} (?:{kinds})\b", text)).most_common(1)
    return longer[0][0] if longer and longer[0][1] >= 2 else name


def _place_top(page: list[Line], company: str) -> str:
    """The place beside or under the company's line, or a line like "City, ST" near the top."""
    for i, line in enumerate(page[:6]):
        if company and company in line.text:
            if m := re.match(r"^.{2,60}?\s+[·•]\s+(.+)$", line.text):
                return m.group(1)
            after = page[i + 1] if i + 1 < len(page) else Line("")
            if i and after.words <= 9 and i + 2 < len(page) and _MONEY.search(page[i + 2].text) and not _MONEY.search(after.text):
                return after.text
    places = (line.text for line in page[:8] if line.words <= 5 and re.match(r"^[A-Z][\w. '-]+, (?:[A-Z]{2}|[A-Z][a-z]+)$", line.text))
    return next((place for place in places if not OCCUPATION.search(place)), "")


def _place(text: str) -> str:
    text = one_spaced(re.split(r"\s+[·|;•]\s+", text.strip())[0]).strip(" .,:;")
    return text if len(text.split()) <= 8 and text[-1:] not in "?!" else ""
