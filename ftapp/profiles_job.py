"""A posting's text -> JobPosting, by labels, headings and a few sentence shapes.

Three steps: find title and company near the top or in sentences that say who looks for whom; cut the text into
sections by its headings; make one short line of each requirement and duty. What is not found stays empty.
"""

from __future__ import annotations

import re
from collections import Counter

from ftapp import layout
from ftapp.layout import Line, one_spaced
from ftapp.profiles import JobPosting

MOST_LINES = 20  # kept of requirements and of duties; prompts.build chooses among them
MOST_WORDS = 16  # a longer requirement is cut at a clause

TITLE_NOUN = re.compile(
    r"(?i)\b(?:accountant|administrator|advis[eo]r|agent|analyst|apprentice|architect|artist|assistant|associate|attendant|auditor|baker|buyer|captain|care ?giver|carer|"
    r"cashier|chef|chief|clean(?:er)s?|clerk|coach|co-?founder|consultant|controller|cook|coordinator|co-ordinator|counsell?or|cto|ceo|cfo|curator|dba|dentist|designer|developer|dietiti?an|"
    r"director|doctor|driver|editor|educator|electrician|engineer|estimator|executive|expert|facilitator|fellow(?:ship)?|fitter|gardener|generalist|geologist|guard|handler|head of|housekeeper|"
    r"hygienist|inspector|instructor|intern(?:ship)?|interpreter|investigator|janitor|journalist|labourer|lawyer|lead|leader|lecturer|librarian|machinist|manager|marketer|mechanic|merchandiser|"
    r"midwife|nurse|officer|operative|operator|optometrist|orthoptist|paralegal|paramedic|partner|pharmacist|photographer|physician|physicist|physiologist|physiotherapist|planner|plumber|porter|practitioner|"
    r"president|producer|professional|professor|programmer|psychologist|psychotherapist|radiographer|receptionist|recruiter|registrar|representative|researcher|resident|salesperson|scientist|secretary|"
    r"server|solicitor|sonographer|specialist|statistician|steward|strategist|supervisor|surgeon|surveyor|teacher|teammate|technician|technologist|tester|therapist|trader|trainee|trainer|translator|tutor|"
    r"underwriter|veterinarian|volunteer|waiter|waitress|warden|welder|worker|writer)(?:s|es)?\b"
)
ORGANISATION = re.compile(
    r"\b(?:Ltd|Limited|LLP|LLC|PLC|plc|Inc|Corp(?:oration)?|GmbH|AG|S\.?A\.?|B\.?V\.?|Pty|Pvt|CIC|Co\.|Company|Group|Holdings?|Trust|Council|University|College|School|Academy|Institute|Hospitals?|"
    r"Clinic|NHS|Health(?:care)?|Care|Museum|Library|Garden|Gallery|Foundation|Society|Association|Charity|Church|Bank|Agency|Authority|Department|Ministry|Board|Service|Services|Solutions|Systems|Technologies|"
    r"Technology|Software|Labs?|Laborator(?:y|ies)|Studios?|Partners|Consult(?:ing|ancy)|Logistics|Industries|Foods?|Hotels?|Energy|Media|Networks?|International|Networking|Analytics|Insurance|Retail|Stores?|City of|County|State of)\b"
)
_TITLE_LABELS = r"job title|title of post|position title|posting title|working title|role title|post title|jobtitle|job role|job position|vacancy(?: title)?|position|post|role|title"
_COMPANY_LABELS = r"company(?: name)?|employer(?: name)?|organi[sz]ation(?: name|\s*/\s*entity)?|hiring organi[sz]ation|institution|agency|business|firm|client"
_PLACE_LABELS = r"(?:job |work |primary |office )?locations?|base|place of work|workplace|city|based in|where"
_LABEL = r"(?i)^(?:{})\s*(?:[:：]|\s[–—-]\s)\s*(.*)$"
TITLE_LABEL, COMPANY_LABEL, PLACE_LABEL = (re.compile(_LABEL.format(names)) for names in (_TITLE_LABELS, _COMPANY_LABELS, _PLACE_LABELS))
_BARE_LABEL = re.compile(rf"(?i)^(?:(?P<title>{_TITLE_LABELS})|(?P<company>{_COMPANY_LABELS}|posted by)|(?P<place>{_PLACE_LABELS}))\s*:?$")

# Lines of a web page, not of a posting.
_PAGE = re.compile(
    r"(?i)^(?:apply(?: now| online| here)?|sign (?:in|up)|log ?in|search.*jobs?|home|faqs?|contact(?: us)?|menu|share|tweet|print|save(?: job)?|back(?: to.*)?|skip.*|job search|view .*|add to .*|"
    r"\d+ of \d+|\d+/\d+|page \d+.*|\d{1,2}/\d{1,2}/\d{2,4},.*|posted .*ago|how to apply|full[- ]time|part[- ]time|working here|advert|job (?:advert|description|summary|posting|details|overview)|vacancy|overview|"
    r"position (?:description|announcement)|about (?:the|this) (?:job|role|position|post)|about us|r(?:eq)?[-\s]?\d{4,}.*|facebook.*|privacy.*|cookies?.*|customer assistance|all .* careers|.*\bcareers?(?: site| page)?|"
    r"welcome|introduction|new|urgent|hiring|we'?re hiring!?|1 message|\[.*|to:.*|from:.*|subject:.*)$"
)
_SALARY = re.compile(r"(?i)^(?:salary|pay|wage|compensation|remuneration|rate|hours|contract|closing date|deadline|reference|ref|duration|department|status|start date|grade|band|reports to)\b|[£$€]\s?\d|\bper (?:annum|hour|year)\b")
_TITLE_TAIL = re.compile(
    r"(?i)\s*(?:with verification|[([](?:ref|req|job|id|m/f|m/w|f/m|w/m|h/f|all genders|he/she|full|part)\b[^)\]]*[)\]]|[-–—|,]?\s*\b(?:ref(?:erence)?|req(?:uisition)?|job (?:id|no|ref))\b[\s.:#-]*[\w/-]*\d[\w/-]*|"
    r"[-–—|,]\s*(?:job description|full[- ]time|part[- ]time|permanent|temporary|fixed[- ]term.*|contract.*|maternity cover|(?:home|remote|office|hybrid)[- ]?based|remote|hybrid|urgent|band \d\w?)|"
    r"[-–—|,]\s*[£$€]\s?\d.*|\bx\s?\d+(?: posts?)?|\(x\s?\d+\))\s*$"
)
_TITLE_HEAD = re.compile(
    r"(?i)^(?:(?:apply (?:for|to)|job description(?: (?:for|of))?|job advert(?:isement)?|job posting|vacancy|vacancies|job title|hiring|wanted|now hiring|we(?:'| a)re (?:hiring|looking for)(?: an?)?|position|role|title|job)\s*[:–—-]?\s+|\d+\s*x\s+|[#*\s]+)"
)
_NOT_A_NAME = re.compile(
    r"(?i)^(?:the|an?|our|us|you|your|we|this|that|these|it|its|there|here|he|she|they|who|what|why|how|when|where|which|all|any|as|in|at|on|if|is|are|and|or|for|to|with|not|no|please|applicants?|applications?|"
    r"candidates?|position|post|role|job|work|team|everyone|someone|department|company|employer|client|benefits?|life|day|experience|responsibilit\w+|requirements?|qualifications?|skills?|salary|opportunit\w+|me|date|ideal|successful|"
    r"today|now|currently|location|description|summary|overview|staff|programme?|project|service|ward|division|based|working|interested|born|equal|previous|monday|culture|compensation|must)$"
)
_NAME = r"(?:[A-Z0-9][\w&.'’+-]*|[a-z]+\d\w*|[a-z]{2,}\.(?:com|io|ai|org|net))(?:[ ](?:(?:of|and|&|for|the|de|in|at)[ ](?:the[ ])?)?[A-Z0-9][\w&.'’+-]*){0,7}"
_WHO = [re.compile(p) for p in (
    rf"(?:^|[.!?:|]\s+|\bAt\s|\bat\s)(?:[Tt]he\s+)?(?P<x>{_NAME})(?:\s*\([A-Z][\w& ]*\))?,?\s+(?:is|are)\s+(?:currently |now |actively |also |very |always |delighted |proud |pleased )*(?:looking|seeking|recruiting|hiring|searching|expanding|growing|offering|excited|an?|the|one|committed|dedicated|passionate|to|on a)\b",
    rf"(?:^|[.!?]\s+)(?:[Tt]he\s+)?(?P<x>{_NAME})(?:\s*\([A-Z][\w& ]*\))?\s+(?:seeks|offers|provides|invites|requires|has (?:an|a|the)\b|was founded|was established|values|welcomes|employs|delivers|serves|works with)",
    rf"\b(?:[Jj]oin(?:ing)?|[Ww]elcome to|[Ww]orking (?:at|for)|[Ww]ork (?:at|for)|[Ww]ho is|[Ww]hy|[Cc]areers? at|[Ll]ife at|[Bb]enefits (?:at|of working at)|[Bb]ehalf of|role at|position at|job at|team at|within) (?:the )?(?P<x>{_NAME})",
    rf"\b[Ww]e(?:['’]re| are) (?P<x>{_NAME})\b|\b(?:[Aa]t|[Hh]ere at) (?P<y>{_NAME}),? (?:we|you|our|every|it)\b",
)]  # fmt: skip
_ABOUT = re.compile(rf"(?i:^(?:about|who (?:is|are)))\s+(?P<x>(?:[Tt]he )?{_NAME})\s*[:?]?$")

_HEADINGS = [(kind, re.compile(rf"(?i)^(?:{p})\W*$")) for kind, p in (
    ("requirements", r"(?:.*\b)?(?:requirements?|qualifications?|person specification|must[- ]haves?|skills?(?:(?:,| and| &|/) .*)?|competenc(?:y|ies|es)|eligibility|essential(?: criteria)?|criteria|experience(?: required| needed| and .*|, .*)?|expertise|abilities|"
                     r"education(?: (?:and|&|/) (?:experience|training).*)?|knowledge(?: of)?|training|ability to|minimum .*|preferred .*|nice[- ]to[- ]haves?|desirable.*|bonus(?: points)?|pluses|licen[sc]es?.*|certificat.*)|"
                     r"(?:what|who) (?:you(?:'ll|’ll| will)?|we(?:'re|’re| are)?|do you|do we)(?: are| is)? (?:bring|need|have|look(?:ing)?(?: for)?|require|want|must have|possess).*|what makes you .*|who you are|you(?: will| must|'ll|’ll)?(?: have| bring| are)?|about you|your (?:profile|background|skills?|experience|strengths).*|"
                     r"(?:you(?:'re|’re| are)?|is this you|are you|could this be you).*(?:fit|right|if|have)|the (?:ideal|successful|right) (?:candidate|person|applicant).*|(?:ideal|successful) candidates?.*|what it takes|to be successful.*|we(?:'re|’re| are)? looking for.*|(?:the )?candidates? (?:will|should|must)(?: have)?|応募資格|必須.*|歓迎.*|求める.*"),
    ("duties", r"(?:.*\b)?(?:responsibilit(?:y|ies)|duties|accountabilities|essential functions?|job functions?|functions|tasks|activities)(?: (?:and|&) .*| include.*|may include.*)?|(?:what|how) you(?:'ll|’ll| will|'re|’re)? (?:do|be doing|work|contribute|be responsible).*|the (?:role|job|work)|about the (?:role|job|position|post)|role|(?:main|key) (?:tasks|purpose)|"
               r"your (?:role|mission|day|tasks?|responsibilities|impact).*|(?:job|role|position) (?:purpose|summary|description|overview|objective)|day[- ]to[- ]day.*|a (?:typical )?day in .*|in this (?:role|position).*|you will(?: be)?|as an? .* you(?:'ll|’ll| will).*|主要業務.*|業務内容|仕事内容"),
    ("other", r"(?:.*\b)?(?:benefits?|perks|we offer|offer|salary|compensation|pay|remuneration|working hours|hours|location|how to apply|to apply|application.*|equal .*|diversity.*|disclaimer|privacy.*|eeo.*|additional information|other information|contact.*|physical.*|working conditions|environment.*|work environment|"
              r"supervision.*|distinguishing characteristics|definition|flsa.*|selection.*|interview.*|closing.*|tags|notes?|notice|important.*|our (?:values|mission|vision|story|culture|team|company|commitment)|(?:the )?(?:company|team|organisation|organization)|who we are|about (?:us|the .*)|what we (?:do|offer)|why .*|company.*|overview|introduction|rewards?|package|website|phone|email|disclosure.*|safeguarding.*|policy|background.*|veterans?.*|accommodations?.*)|待遇|福利.*|勤務.*|選考.*|about .*"),
)]  # fmt: skip

_NOISE = re.compile(
    r"(?i)equal[- ](?:opportunit|employ)|discriminat|regardless of|\brace\b|\breligio|sexual|veteran|disabilit|accommodat|\bgender\b|background (?:check|screen)|criminal|\bdbs\b|disclosure|e-verify|drug|\bvisa\b|sponsor|"
    r"salary|benefit|insurance|401|pension|annual leave|holiday|paid time|vaccin|\bapply|applicants?\b|application|closing date|\bcv\b|r[ée]sum[ée]|cover(?:ing)? letter|please|subject to|pounds|\blbs?\b|\blift|standing|"
    r"\bsit\b|walk|climb|kneel|click|privacy|\binterview|shortlist|\bper (?:annum|hour|week)|[£$€]\s?\d|pro rata|bonus|perks|hours (?:a|per)|\bhrs\b|click|http|www\.|@|copyright|©|\beeo|protected|immigration|right to work|"
    r"\bcovid|relocat|we offer|we provide|our (?:values|mission|company|client|team is|culture)|founded|commut|full[- ]time|part[- ]time|fixed[- ]term|tobacco|smok|vision\b.*\bhearing|specific vision|manual dexterity|this (?:job|role|position|post) (?:is|will)|"
    r"not (?:intended|essential|required|necessary)|informal|any combination|would qualify|typical(?:ly)? way|following (?:types|qualifications|skills)|related duties|duties as (?:assigned|required)|reserve|\bfriends?\b|retire|stock options|reports? to\b"
)
_CUE = re.compile(
    r"(?i)\b(?:experience[d]?|knowledge|abilit(?:y|ies)|able to|degree|diploma|skills?|skilled|qualif\w+|certificat\w+|licen[cs]ed?|proficien\w+|understanding|familiar\w*|fluen\w+|background in|expertise|competen\w+|"
    r"registered|registration|years|track record|passion\w*|motivated|organised|driving licence|must (?:have|be|hold))\b"
)
_LEAD = re.compile(
    r"(?i)^(?:(?:and|also|in addition|additionally|ideally|furthermore|therefore|essential|desirable|preferred|required|minimum|mandatory|bonus|plus)\b\s*[,:;–-]*\s+(?=\w)|"
    r"(?:we(?:'re|’re| are) (?:also |currently |now |really )?(?:looking|searching) for|we (?:need|want|seek|require|would like)|looking for)\s+(?:an?\s+)?(?:(?:\w+,? ){0,5}?(?:someone|somebody|people|person|individuals?|candidates?|colleagues?)\s+)?(?:who (?:is|are|has|have|can|will have|possess(?:es)?)|with|that (?:has|have|is|are))\s+|"
    r"(?:the |a |our |an )?(?:\w+ ){0,2}(?:candidates?|applicants?|post ?holder|individual|person|you|incumbent|appointee)s?,?\s+(?:(?:will|must|should|shall|would|may|'ll|ideally|also|need to|needs to|are expected to|is expected to)\s+)*(?:have|has|possess(?:es)?|hold|bring|demonstrate|be able to demonstrate|show|need|be)\s+|"
    r"(?:you(?:'ll|’ll| will| must| should|'ve|’ve| would| may| are expected to)?\s+(?:also |ideally |already |need to |have to )*(?:have|possess|hold|bring|got|need|demonstrate|be|are)\s+)|you(?:'re|’re| are)\s+|must (?:also )?(?:have|possess|hold|be)\s+|should (?:have|be)\s+|(?:has|have|having|possess(?:es)?)\s+|(?:to )?be\s+|"
    r"(?:it is (?:essential|desirable|important)(?: that)?(?: you)?(?: have)?)\s+|an?\s+(?=(?:\w+[\s-]){0,4}(?:ability|understanding|knowledge|experience|degree|background|track|commitment|passion|willingness|desire|interest|level|flair|diploma|qualification|good|strong)))"
)


def parse_job(text: str) -> JobPosting:
    """Fields of a posting. Lists are short lines without bullets, most essential first, at most `MOST_LINES` each."""
    page = [line for line in layout.lines(text) if line.text]
    labels = _labels(page[:60])
    company = labels.get("company", "")
    title = labels.get("title", "") or _title_line(page) or _title_sentence(text)
    company = _company_name(company) or _company_top(page, title) or _company_named(page, text)
    place = labels.get("place", "") or _place_top(page, company)
    if company:
        title = re.sub(rf"(?i)\s*(?:[-–—|@]|\bat\b|\bfor\b)\s*{re.escape(company)}.*$", "", title) or title
    requirements, duties = _lists(page)
    return JobPosting(title=clean_title(title), company=company, location=_place(place), requirements=requirements, duties=duties)


# ---- title, company, place ------------------------------------------------------------------------------------


def _labels(page: list[Line]) -> dict[str, str]:
    """Values of "Title: X" lines, and of a label alone on a line with its value on the next."""
    found: dict[str, str] = {}
    for i, line in enumerate(page):
        for name, label in (("title", TITLE_LABEL), ("company", COMPANY_LABEL), ("place", PLACE_LABEL)):
            m = label.match(line.text)
            if m and m.group(1) and name not in found and len(m.group(1).split()) <= 12:
                found[name] = re.split(r"\s{2,}", m.group(1))[0]
        bare = _BARE_LABEL.match(line.text)
        if bare and i + 1 < len(page) and page[i + 1].words <= 10 and (line.text.endswith(":") or page[i + 1].text[0].isupper()) and not page[i + 1].text.endswith("."):
            name = next(k for k, v in bare.groupdict().items() if v)
            found.setdefault(name, page[i + 1].text)
    contract = next((m.group(1) for line in page if (m := re.search(r"\bLocation: ([^.|]+)$", line.text))), "")
    if contract:
        found.setdefault("place", contract)
    return found


def _title_like(text: str) -> bool:
    return len(text.split()) <= 14 and not re.search(r"[.!?:;]$|https?:|@", text) and not _PAGE.match(text) and not _SALARY.search(text) and bool(re.search(r"[^\W\d_]{2}", text))


def _title_line(page: list[Line]) -> str:
    """The first line that reads like a title; a line with the name of an occupation wins over one without."""
    top = [line.text for line in page[:40]]
    for text in top[:3]:
        if _title_like(clean_title(text)) and (TITLE_NOUN.search(text) or text == top[0] and not ORGANISATION.search(text) and not _is_heading(text)):
            return text
    return next((text for text in top if TITLE_NOUN.search(text) and len(text.split()) <= 10 and _title_like(clean_title(text)) and not text[0].islower()), "")


def _title_sentence(text: str) -> str:
    """The role in "X is looking for a Role to ..."."""
    m = re.search(
        r"(?i:looking for|seeking|seeks|recruiting|recruit|hiring|hire|appoint|searching for|opportunity for|post of|role of|position of|join us as|joining us as)\s+(?:(?:an?|the|our|for|to|another|experienced|motivated|enthusiastic|talented|skilled|dynamic|passionate)\s+)*"
        r"(?P<x>(?:[A-Z][\w/&+-]*\s?(?:(?:of|and|in)\s(?=[A-Z]))?){1,7})", one_spaced(text))
    return m.group("x").strip() if m and TITLE_NOUN.search(m.group("x")) else ""


def clean_title(title: str) -> str:
    """A title without labels, reference numbers, salary, grade and working time. All capitals become title case."""
    title = one_spaced(re.sub(r"\s\|\s.*$", "", title)).strip(" .:;,*#\"“”-–—")
    while (shorter := _TITLE_HEAD.sub("", title, count=1).strip()) and shorter != title:
        title = shorter
    while (shorter := _TITLE_TAIL.sub("", title).strip(" ,-–—:")) and shorter != title:
        title = shorter
    return _uncapitalised(title) if title.isupper() and len(title) > 5 else title


def _uncapitalised(text: str) -> str:
    small = {"of", "and", "the", "in", "for", "to", "at", "on", "a", "with"}
    words = text.split()
    return " ".join(w if len(w) <= 3 and w.lower() not in small and i == len(words) - 1 else w.lower() if w.lower() in small and i else "-".join(p.capitalize() for p in w.split("-")) for i, w in enumerate(words))


def _company_name(text: str) -> str:
    """A company without its place, abbreviation in brackets and the words of a label."""
    text = one_spaced(re.split(r"\s+[·|•–—]\s+|\s-\s|\s{2,}", text.strip())[0])
    text = re.sub(r"\s*\([^)]*\)\s*$", "", text)
    text = re.sub(r",\s*(?!(?:Inc|LLC|Ltd|Limited|LLP|GmbH|Corp|PLC|Co)\b)[^,]*(?:,\s*[A-Z]{2,}\b.*)?$", "", text)
    text = text.strip(" .,:;-–—®™*").replace("®", "").replace("™", "")
    return "" if not text or _NOT_A_NAME.match(text) or len(text.split()) > 10 or not re.search(r"[^\W\d_]", text) else text


def _company_top(page: list[Line], title: str) -> str:
    """The company in the lines under the title, as job boards print it, or in a page's "Company Careers - Role" line."""
    top = page[:6]
    at = next((i for i, line in enumerate(top) if title and title in line.text), -1)
    for i, line in enumerate(top):
        m = re.match(r"^(.{2,60}?)\s+[·•]\s+\S", line.text)
        if m and i and not _is_heading(line.text):
            return _company_name(m.group(1))
        m = re.match(rf"^({_NAME}) (?:Careers|Jobs)\s*[-–|:]", line.text) or re.search(rf"\s[|@]\s+({_NAME})$|\bat ({_NAME})$", line.text) if TITLE_NOUN.search(line.text) else None
        if m:
            return _company_name(next(g for g in m.groups() if g))
    if at < 0 or at + 1 >= len(top):
        return ""
    after, then = top[at + 1], top[at + 2].text if at + 2 < len(top) else ""
    if after.words > 12 or after.text[-1] in ".:!?" or _PAGE.match(after.text) or _SALARY.search(after.text) or _is_heading(after.text) or after.bullet:
        return ""
    board = bool(re.match(r"(?i)salary\b", then) or at + 3 < len(top) and re.match(r"(?i)salary\b", top[at + 3].text)) and not TITLE_NOUN.search(after.text)
    return _company_name(after.text) if board or ORGANISATION.search(after.text) and not re.search(r"(?i)^(?:department|division|school|college|faculty|office) (?:of|for)", after.text) else ""


def _company_named(page: list[Line], text: str) -> str:
    """The name that headings and sentences give most weight: "About X", "X is looking for", "join X", "at X, we"."""
    votes: Counter[str] = Counter()
    for line in page:
        m = _ABOUT.match(line.text)
        if m and (name := _company_name(re.sub(r"^[Tt]he ", "", m.group("x")))) and not TITLE_NOUN.search(name) and not _NOT_A_NAME.match(name.split()[0]) and not _is_section_word(name):
            votes[name] += 3
        for pattern in _WHO:
            for m in pattern.finditer(line.text):
                raw = m.groupdict().get("x") or m.groupdict().get("y") or ""
                raw = re.sub(r"['’]s\b.*$", "", raw)
                words = raw.split()
                while words and _NOT_A_NAME.match(words[0]):
                    words.pop(0)
                name = _company_name(" ".join(words))
                if name and name[0].isalnum() and not TITLE_NOUN.search(name) and not _is_section_word(name):
                    votes[name] += 2
    if not votes:
        return ""
    for name in votes:
        votes[name] += min(text.count(name), 6) + (2 if ORGANISATION.search(name) else 0)
    best, weight = max(votes.items(), key=lambda v: (v[1], len(v[0])))
    return best if weight >= 4 else ""


def _is_section_word(name: str) -> bool:
    return _is_heading(name) is not None or bool(re.match(r"(?i)^(?:january|february|march|april|may|june|july|august|september|october|november|december|monday|friday|python|java|django|english|uk|us|eu|covid.*)$", name))


def _place_top(page: list[Line], company: str) -> str:
    """The place beside or under the company's line."""
    for i, line in enumerate(page[:6]):
        if company and company in line.text:
            m = re.match(r"^.{2,60}?\s+[·•]\s+(.+)$", line.text)
            if m:
                return m.group(1)
            after = page[i + 1] if i + 1 < len(page) else Line("")
            if i and after.words <= 9 and i + 2 < len(page) and _SALARY.search(page[i + 2].text) and not _SALARY.search(after.text):
                return after.text
    return next((line.text for line in page[:8] if re.match(r"^[A-Z][\w. '-]+, (?:[A-Z]{2}|[A-Z][a-z]+)$", line.text) and line.words <= 5 and not TITLE_NOUN.search(line.text)), "")


def _place(text: str) -> str:
    text = one_spaced(re.split(r"\s+[·|;•]\s+", text.strip())[0]).strip(" .,:;")
    return text if len(text.split()) <= 8 and not text.endswith("?") else ""


# ---- requirements and duties ----------------------------------------------------------------------------------


def _is_heading(text: str) -> str | None:
    """The kind of section that a heading line opens; None when the line is no heading we know."""
    bare = re.sub(r"^(?:[\d.)#*\s]+)|[:?!.*#\s]+$", "", text)
    if not bare or len(bare.split()) > 9:
        return None
    return next((kind for kind, pattern in _HEADINGS if pattern.match(bare)), None)


def _lists(page: list[Line]) -> tuple[list[str], list[str]]:
    """Requirements and duties: what stands under their headings, else sentences that sound like them."""
    found: dict[str, list[str]] = {"requirements": [], "duties": [], "other": []}
    loose: list[str] = []
    kind = ""
    for i, line in enumerate(page):
        heading = None if line.bullet and not line.text.endswith(":") else _is_heading(line.text)
        if heading:
            kind = heading
            continue
        if line.text.endswith(":") and line.words <= 8:
            continue  # a heading inside a section
        label, _, rest = line.text.partition(":")
        named = _is_heading(label) if rest and len(label.split()) <= 4 else None
        if named == "other":
            continue
        text = rest.strip() if named else line.text
        target = named or kind
        if target in ("requirements", "duties") and (line.bullet or line.words <= 60):
            found[target].extend(_items(text, target))
        elif target != "other" or i > 3:
            loose.extend(s for s in layout.clauses(text) if _CUE.search(s))
    requirements = found["requirements"]
    if len(requirements) < 3:
        more = [item for s in loose if 4 <= len(s.split()) <= 45 for item in _items(s, "requirements", strict=True)]
        stated = [item for item in found["duties"] if re.match(r"(?i)(?:experience|knowledge|ability|degree|excellent|strong|proven|good)\b", item)]
        requirements = requirements + stated + more
    return _distinct(requirements), _distinct(d for d in found["duties"] if d not in requirements)


def _items(text: str, kind: str, strict: bool = False) -> list[str]:
    """The separate short lines of one bullet or paragraph."""
    items = []
    for sentence in layout.clauses(text):
        for part in re.split(r"\s*;\s+(?:and\s+)?|\s{2,}|\s+•\s+", sentence):
            item = shorten(part) if kind == "requirements" else _duty(part)
            words = len(item.split())
            if not 1 < words <= MOST_WORDS + 4 or _NOISE.search(part) or part.endswith("?") or re.match(r"(?i)(?:we|our|the|this|it|there|as|if|in|at|for|to|join|why|what|how|when|all|who|that|which)\b", item):
                continue
            if strict and not _CUE.search(item) or re.search(r"(?i)^(?:you|he|she|they|i)\b", item):
                continue
            items.append(item)
    return items


def shorten(requirement: str) -> str:
    """One requirement as a short phrase: no bullet, no "You will have", no bracket, cut at a clause when long."""
    text = one_spaced(layout.BULLET.sub("", requirement)).strip(" .,;:•*-–—")
    for _ in range(3):
        text = _LEAD.sub("", text, count=1).strip(" ,:")
    text = re.sub(r"\s*\((?:[^()]{25,}|[DE]|essential|desirable|required|preferred|e\.?g\.?[^()]*|i\.?e\.?[^()]*)\)", "", text)
    text = re.sub(r"(?i),?\s*(?:is|are|would be|will be)?\s*(?:also\s+)?(?:an? )?(?:essential|desirable|required|preferred|necessary|a must|an? (?:big )?(?:plus|advantage|bonus|asset))$", "", text)
    text = _cut(text)
    return text[:1].upper() + text[1:] if text[:1].islower() and not re.match(r"[a-z]+[A-Z]", text) else text


def _duty(text: str) -> str:
    text = one_spaced(layout.BULLET.sub("", text)).strip(" .,;:•*-–—")
    text = re.sub(r"^\W*\d+\s?%\s*", "", text)
    text = re.sub(r"(?i)^(?:you(?:'ll|’ll| will)|(?:the )?(?:post ?holder|successful candidate|candidate|incumbent|role|position|jobholder) will)\s+(?:also\s+)?(?:be (?:responsible for|expected to|required to|involved in)\s+)?|^(?:to|be)\s+(?=\w)|^(?:is )?responsible for\s+", "", text)
    text = _cut(text)
    return text[:1].upper() + text[1:]


def _cut(text: str) -> str:
    """At most `MOST_WORDS` words, cut before a clause; whole when no good place is found (prompts.build condenses then)."""
    if len(text.split()) <= MOST_WORDS:
        return text.strip(" .,;:")
    best = ""
    for m in re.finditer(r",?\s+(?=(?:including|such as|in order to|to ensure|so that|while|which|who|that|as well as|but|in accordance|e\.g\.|i\.e\.|ensuring|because|where|within|through|and/or)\b)|[,:]\s+|\s+[-–—(]\s*|\s+(?=(?:and|or|with|to|for|in|of)\s)", text):
        head = text[: m.start()]
        if len(head.split()) > MOST_WORDS:
            break
        if len(head.split()) >= 4:
            best = head
    return re.sub(r"(?i)[\s,]+(?:and|or|with|of|to|for|in|the|a|an|as)$", "", best or text).strip(" .,;:")


def _distinct(items) -> list[str]:
    kept: dict[str, str] = {}
    for item in items:
        kept.setdefault(re.sub(r"\W+", " ", item.lower()).strip(), item)
    return list(kept.values())[:MOST_LINES]
