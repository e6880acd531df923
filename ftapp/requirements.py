"""A posting's lines -> what it asks for and what the work is, as short lines. Knows nothing of titles and companies.

Lines under a heading of requirements or duties are taken; where there is no such heading, sentences that say what a
person should have. One line holds one thing, without "You will have" before it. Law, pay, benefits and how to apply
are not requirements and never appear.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ftapp import layout
from ftapp.layout import Line, one_spaced
from ftapp.vocabulary import POSTING_HEADINGS, WORK_VERB

MOST_LINES = 20  # of each list; prompts.build chooses among them
ENOUGH = 3  # with fewer requirements under headings, sentences elsewhere are read too

_HAVING = r"""experienced?|knowledge|abilit(?:y|ies)|able|degree|diploma|
    skill(?:s|ed)?|qualif\w+|certificat\w+|certified|licen[cs]ed?|proficien\w+|understanding|familiar\w*|
    fluen\w+|expertise|competen\w+|registered|registration|track\ record|driving\ licence|driver'?s\ licen[cs]e|background"""
_CUE = re.compile(
    rf"(?xi)\b(?:{_HAVING}|years|passion\w*|motivated|organi[sz]ed|flexib\w+|must\ (?:have|be|hold)|attention\ to\ detail|interest\ in|"
    rf"commitment\ to)\b"
)
_QUALITY = r"""(?:highly|very|strong|good|excellent|proven|full|current|valid|relevant|
    recogni[sz]ed|clean|keen|genuine|flexible|high|solid|demonstrable|demonstrated|sound|extensive|broad|
    previous|prior|recent|professional|practical|working\ knowledge|basic|advanced|outstanding|exceptional|effective|great|deep|thorough|
        clear|computer|communication|interpersonal|
    organi[sz]ational|native|minimum|at\ least|some|significant|substantial|post[-\ ]?graduate|bachelor\S*|master\S*|phd|first\ class|
        positive|natural|real|hands[-\ ]on)"""
# How a line about the applicant begins once "You will have" is gone.
_STARTS = re.compile(
    rf"(?xi)^(?:an?\s+)?(?:{_QUALITY}[,\s]|{_HAVING}\b|passion\w*|commit\w+|interest|willing\w*|desire|attention|enthusias\w+|motivat\w+|"
    rf"self[-\ ]|comfortable|confident|"
    rf"\d+\s?\+?|(?:one|two|three|four|five)\s|(?:hold|possess)|must|graduat\w+|member\w*|evidence|completion|flair|eye\ for|empath\w+|"
    rf"caring|reliab\w+|hons|b\.?sc|m\.?sc|nvq|gcse)"
)
_LEAD = re.compile(
    r"""(?xi)^(?:
    (?:and|also|in\ addition|additionally|ideally|furthermore|therefore|or)\b\s*[,:;]?\s+(?=\w)|
    (?:essential|desirable|preferred|required|minimum|mandatory|bonus|plus)\s*[:;–-]\s+|
    (?:we(?:'re|’re|\ are)\ (?:also\ |currently\ |now\ |really\ )?(?:looking|searching)\ for|we\ (?:need|want|seek|require|would\ like)|
        looking\ for)\s+(?:an?\s+)?
        (?:(?:\w+,?\ ){0,5}?(?:someone|somebody|people|person|individuals?|candidates?|colleagues?)\s+)?(?:who\ (?:is|are|has|have|can|
        will\ have|possess(?:es)?)|with|that\ (?:has|have|is|are))\s+|
    (?:the\ |a\ |our\ |an\ )?(?:\w+\ ){0,2}(?:candidates?|applicants?|post\ ?holder|individual|person|you|incumbent|appointee),?\s+
        (?:(?:will|must|should|shall|would|may|'ll|ideally|also|need\ to|needs\ to|are\ expected\ to|is\ expected\ to)\s+)*
        (?:have|has|possess(?:es)?|hold|bring|demonstrate|be\ able\ to\ demonstrate|show|need|be)\s+|
    you(?:'ll|’ll|\ will|\ must|\ should|'ve|’ve|\ would|\ may)?\s+(?:also\ |ideally\ |already\ |need\ to\ |have\ to\ )*(?:have|possess|
        hold|bring|got|need|demonstrate|be|are)\s+|
    you(?:'re|’re)\s+|must\ (?:also\ )?(?:have|possess|hold|be)\s+|should\ (?:have|be)\s+|(?:has|have|having|possess(?:es)?|
        possession\ of)\s+|(?:to\ )?be\s+(?=\w)|(?:who\ )?(?:is|are)\s+(?=\w)|who\ (?:has|have)\s+|
    it\ is\ (?:essential|desirable|important)\ (?:that\ )?(?:you\ )?(?:have\ )?|
    (?:combination\ of\ )?(?:an?|the)\s+(?=(?:\w+[\s-]){0,3}(?:ability|understanding|knowledge|experience|degree|background|track|
        commitment|passion|willingness|desire|interest|level|flair|diploma|
        qualification|good|strong|minimum|valid|full|current|clean|keen|genuine|relevant))
    )"""
)
_INNER = re.compile(
    rf"(?xi)\b(?:with|who\ (?:has|have)|and\ (?:has|have|having|possess\w*))\s+(?=(?:an?\s+)?(?:{_QUALITY}\s+){{0,3}}(?:{_HAVING})\b)"
)
_LEVEL = re.compile(
    r"(?i)[,;\s]*\b(?:(?:is|are|would be|will be)\s+)?(?:also\s+)?(?:highly|strongly)?\s*(?:an? )?"
    r"(?:essential|desirable|desired|required|preferred|necessary|advantageous|ideal|(?:a|an absolute) must|"
    r"an? (?:big |real |added |distinct )?(?:plus|"
    r"advantage|bonus|asset))(?: for (?:the|this) (?:post|role)| at the time of .*)?$"
)
# What a posting says that nobody answers in a letter.
_NOISE = re.compile(
    r"""(?xi)equal[-\ ](?:opportunit|employ)|discriminat|regardless\ of|\brace\b|\breligio|sexual|veteran|disabilit|
    accommodat|\bgender\b|background\ (?:check|screen)|screening|criminal|\bdbs\b|disclosure|
    e-verify|\bdrug\ test|drug[-\ ]free|\bvisa\b|sponsor|salary|benefits?\b|insurance|401|pension|annual\ leave|holiday|paid\ time|vaccin|
        \bappl(?:y|ication|icants?)\b|closing\ date|\bcv\b|
    r[ée]sum[ée]|cover(?:ing)?\ letter|please|subject\ to|pounds|\blbs?\b|\blift\b|\bsit\b|\bwalk\b|climb|kneel|click|\binterview|
        shortlist|[£$€]\s?\d|\bper\ (?:annum|hour|week|year)|pro\ rata|
    bonus|perks|\bhrs\b|https?:|www\.|@|copyright|©|\beeo|protected\ |immigration|right\ to\ work|authori[sz]ed\ to\ work|covid|relocat|
        we\ offer|we\ provide|our\ (?:values|mission|client|culture|benefits)|founded|
    commut|full[-\ ]time|part[-\ ]time|fixed[-\ ]term|tobacco|smok|vision\ and\ hearing|manual\ dexterity|(?:job|role|position|
        post)\ (?:is|will|has|requires)|not\ (?:intended|essential|required|necessary|a\ requirement)|
    informal|combination\ of|would\ qualify|typical(?:ly)?\ way|the\ following|related\ duties|as\ assigned|friends?\b|retire|
        stock\ options|reports?\ to\b|\bsorry\b|similar\ jobs|job\ description|
    apologi|\bmileage|\b(?:st|street|avenue|road),|\b[A-Z]{2}\s\d{5}\b|documents\ needed|\bmust\ be\ \d\d|\bwe\ (?:are|have|do|will|can|
        believe)\b|\bwill\ be\ (?:provided|considered|given)|submissions?\b|substitut|
    tuition|reimburse|time\ off|vacation|discover\ more|outreach\ program|charit|person\ specification|opportunities\ are|visit\ our|
        learn\ more|\bemployees?\ (?:are|can|receive|get|enjoy)|wellbeing\ (?:programme|support)|
    ability\ to\ obtain\W*$|will\ be\ required|in\ the\ course\ of\ performing|^[^(]*\)"""
)
_DOES = re.compile(rf"(?i)(?={WORK_VERB.pattern[5:]})\w+(?:ly\s+\w+)?s\b", re.VERBOSE)  # "Manages the ward": work, under whatever heading
_ABOUT_WORK = re.compile(
    r"""(?xi)^(?:you(?:'ll|’ll|\ will)|(?:the\ )?(?:post\ ?holder|successful\ (?:candidate|applicant)|candidate|incumbent|role|
        position|jobholder)\ will)\s+(?:also\ |primarily\ |routinely\ )?
    (?:be\ (?:responsible\ for|expected\ to|required\ to|involved\ in)\s+)?|^(?:to|be|will|is)\s+(?=\w)|^(?:is\ |
        be\ )?(?:responsible\ for|accountable\ for|duties\ include)\s+"""
)


def heading(text: str) -> str | None:
    """The kind of section ("requirements", "optional", "duties", "other") that a heading line opens; None for other lines."""
    bare = re.sub(r"^[\W\d]+(?=\w)|[\W_]+$", "", text)
    if not bare or len(bare.split()) > 10:
        return None
    return next((kind for kind, pattern in POSTING_HEADINGS if pattern.match(bare)), None)


def _unknown_heading(line: Line, after: Line | None) -> bool:
    """Whether a line looks like a heading whose words we do not know: Title Case over a longer line."""
    words = [w for w in line.text.split() if len(w) > 3]
    alone = not line.bullet and line.gap and line.words <= 8 and line.text[-1] not in ".;,!" and not _CUE.search(line.text)
    return alone and bool(words) and all(w[0].isupper() for w in words) and after is not None and (after.bullet or after.words >= 8)


def lists(page: list[Line]) -> tuple[list[str], list[str]]:
    """(requirements, duties) of a posting's lines, each at most `MOST_LINES`, in the order of the text; what is optional last."""
    wanted: list[str] = []
    welcome: list[str] = []
    duties: list[str] = []
    loose: list[str] = []
    kind = ""
    for i, line in enumerate(page):
        after = page[i + 1] if i + 1 < len(page) else None
        opened = None if line.bullet and not line.text.endswith(":") or line.text.endswith(".") else heading(line.text)
        if opened:
            kind = opened
            continue
        if line.text.endswith(":") and line.words <= 8:
            continue  # a heading inside a section
        if kind != "" and _unknown_heading(line, after):
            kind = "other"
            continue
        label, _, rest = line.text.partition(":")
        named = heading(label) if rest.strip() and len(label.split()) <= 4 and not line.bullet else None
        text, target = (rest.strip(), named) if named else (line.text, kind)
        if target in ("requirements", "optional") and line.words <= 60:
            for item in [skill] if line.bullet and (skill := _skill(text)) else _wanted(text, sure=line.bullet or line.words > 2):
                asked = wanted if target == "requirements" else welcome
                (duties if _DOES.match(item) and not _STARTS.match(item) and " " in item else asked).append(item)
        elif target == "duties" and line.words <= 60:
            for item in _duties(text, line.bullet):
                (wanted if _STARTS.match(item) and _CUE.search(item) else duties).append(item)
        if target not in ("requirements", "optional") and not (target == "other" and line.bullet):
            loose.extend(layout.clauses(text))
    if len(wanted) + len(welcome) < ENOUGH:
        wanted += [item for sentence in loose if 4 <= len(sentence.split()) <= 50 for item in _stated(sentence)]
    if not duties:
        duties = [item for sentence in loose if _ABOUT_WORK.match(sentence) and sentence[0].isupper() for item in _duties(sentence, False)]
    wanted = distinct(wanted + welcome)
    return wanted, distinct(d for d in duties if d not in wanted)


# Lines under such a heading that ask for nothing: they speak of the employer or promise something.
_NO_WANT = re.compile(
    r"(?i)(?:we|our|the|this|it|there|if|join|why|how|when|all|that|these|they|he|she|you|i|who|what|for example|enjoy|receive|earn|"
    r"get|freely|upon|thanks)\b|.*\byour (?:own|passion|schedule|training)\b"
)


def _skill(bullet: str) -> str:
    """The one word of a bullet that can stand alone under a heading of requirements: "SQL", "C++", "Numeracy"; else ""."""
    word = _LEVEL.sub("", _ASIDE.sub("", bullet)).rstrip(" .,;:")
    named = re.fullmatch(r"\.?[^\W_][\w+#./&-]*", word) and not word.isdigit()
    return word if named and not heading(word) and not _NOISE.search(word) else ""


def _wanted(text: str, sure: bool) -> list[str]:
    """Requirements of one line under a heading of requirements."""
    items = []
    for sentence in layout.clauses(text):
        for n, part in enumerate(re.split(r"\s*;\s+(?:and\s+)?|\s+•\s+", sentence)):
            item = shorten(part)
            if not item or _NOISE.search(part) or part.endswith("?") or _NO_WANT.match(item):
                continue
            if n and not _STARTS.match(item) or len(item.split()) < 2 or len(item.split()) == 2 and not sure and not _CUE.search(item):
                continue
            items.append(item)
    return items


_OF_APPLICANT = re.compile(
    r"(?i)\b(?:you|candidates?|applicants?|person|individual|someone|people|looking|seek\w*|recruit|essential|required|must)\b"
)


def _stated(sentence: str) -> list[str]:
    """Requirements in a sentence of running text: it must be about the applicant and name something to have."""
    if _NOISE.search(sentence) or sentence.endswith("?") or not _CUE.search(sentence):
        return []
    item = shorten(sentence, cut=False)
    if not (_STARTS.match(item) and _CUE.search(" ".join(item.split()[:12]))):
        inner = _INNER.search(item)
        if not inner or not _OF_APPLICANT.search(sentence):
            return []
        item = item[inner.end() :]
    first, *more = re.split(r"\s*;\s+|,?\s+(?:and|as well as)\s+(?:you\s+)?(?:will\s+)?(?:also\s+)?(?:have|has|be|possess|hold)\s+", item)
    items = [shorten(part) for part in (first, *more)]
    kept = (i for n, i in enumerate(items) if (_STARTS.match(i) or n and _CUE.search(i)) and not re.match(r"(?i)(?:what|we|our|this)\b", i))
    return [i[:1].upper() + i[1:] for i in kept if 2 <= len(i.split()) <= layout.MOST_WORDS + 2]


def _duties(text: str, bullet: bool) -> list[str]:
    """Duties of one line: a sentence is taken when it begins with a verb of work once "You will" is gone."""
    items = []
    for sentence in layout.clauses(text)[: 2 if bullet else 6]:
        plain = one_spaced(re.sub(r"^\W*\d+\s?%\W*", "", sentence)).split("; ")[0].strip(" .,;:•*-–—")
        item = layout.cut(_ABOUT_WORK.sub("", plain))
        if len(item.split()) < 3 or sentence.endswith("?") or _NOISE.search(sentence) or re.search(r"(?i)\bwe\b", item):
            continue
        if not WORK_VERB.match(item) and not (bullet and _STARTS.match(item)):
            continue
        items.append(item[:1].upper() + item[1:])
    return items


_ASIDE = re.compile(
    r"(?i)\s*\((?:[^()]{25,}|[DE]|\d|[^()]*\b(?:essential|desirable|required|preferred|plus|bonus)|e\.?g\.?[^()]*|i\.?e\.?[^()]*)\)"
)


def shorten(requirement: str, cut: bool = True) -> str:
    """One requirement as a short phrase: no bullet, no "You will have", no long bracket, no "is essential"."""
    text = one_spaced(re.sub(r"^[\W_]+(?=[\w(])", "", layout.BULLET.sub("", requirement))).strip(" .,;:•*-–—")
    for _ in range(3):
        text = _LEAD.sub("", text, count=1).strip(" ,:")
    text = _ASIDE.sub("", text)
    text = re.sub(r"\s*(?:such as|including|like)?:?\s+[–-]\s.*\s[–-]\s.*$", "", _LEVEL.sub("", _LEVEL.sub("", text)))
    text = _LEVEL.sub("", layout.cut(text)) if cut else text
    return text[:1].upper() + text[1:] if re.match(r"[a-z]+(?:[\s,'’-]|$)", text) else text


def distinct(items: Iterable[str]) -> list[str]:
    kept: dict[str, str] = {}
    for item in items:
        kept.setdefault(re.sub(r"\W+", " ", item.lower()).strip(), item)
    return list(kept.values())[:MOST_LINES]
