"""Where a sentence states a fact about the applicant. Knows how English says such things, and no source.

Each finder yields `Found(start, end, kind, text)` with offsets in the sentence. Whether a source holds it is decided in `claims`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ftapp import claims_facts as facts
from ftapp.vocabulary import OCCUPATION, ORGANISATION


@dataclass(frozen=True)
class Found:
    """A stated fact: offsets in the sentence, its kind, its words."""

    start: int
    end: int
    kind: str
    text: str
    sure: bool = False  # said outright ("my tools are ..."), so that a wish around it changes nothing


_GREETING = re.compile(
    r"(?i)^\W*(?:dear|hello|hi|hey|good (?:day|morning|afternoon)|to (?:the|whom)|greetings|subject"
    r"|re)\b[^.!?]{0,90}$"
)
_HEADING = re.compile(r"^\s*#{1,6}\s")  # Markdown's, which models leave behind
SIGN_OFF = re.compile(
    r"(?i)^\W*(?:(?:with )?(?:kind|best|warm|many|kindest|warmest)? ?(?:regards|wishes|thanks)|(?:yours )?(?:sincerely|faithfully"
    r"|truly)(?: yours)?|"
    r"respectfully(?: yours)?|best|cheers|thank you|until we speak|speak soon|cordially|(?:\w+ ){0,3}(?:regards|wishes))\W*$"
)
# What is hoped, felt or offered is no fact; what follows "my" or "as a" in such a sentence may still be one.
WISH = re.compile(
    r"(?ix)\b(?:look(?:ing)?\sforward|would|shall|excited|thrilled|eager|keen|drawn\sto|impressed|inspired|admire|hope|thank"
    r"|interested|interest\sin|"
    r"could\swe|may\si|let\s(?:me|us)|please(?!\snote)|happy\sto|glad|welcome|confident|believe|will|want|wish|apply(?:ing)?"
    r"|passion(?:ate)?|enthusias\w+|"
    r"enjoy|ready\sto|see\smyself|can\s(?:see|picture)|opportunity|learn(?:ing)?\smore|aspire|always|honou?r\sto|should|do\snot)\b"
)
_ABOUT_THEM = re.compile(
    r"(?i)\b(?:(?<!tell )(?<!show )(?<!give )you(?!\s(?:will|can|may)\s(?:find|see))(?:r|rs|'re|’re)?"
    r"|the (?:company|organi[sz]ation|firm|posting|advert"
    r"|vacancy)(?:['’]s)?|its|their|(?!Master|Bachelor|Associate)[A-Z][\w&]+(?:['’]s|s['’]))(?!\w)"
)
_ABOUT_ME = re.compile(r"\b(?:I(?:['’](?:m|ve|d|ll))?|my|My|me|mine|myself|we|We|our|Our)\b")

_CAPITAL = r"(?:[A-Z0-9][\w&+#./-]*[\w+#]|[A-Z][+#]*|\d|[a-z]+[A-Z]\w*)"
NAME = re.compile(
    rf"(?<![\w@/.-])(?:[A-Z][\w&+#./’'-]*[\w+#]|[A-Z]\b[+#]*|[a-z]+[A-Z]\w*)(?:(?:\s|\s(?:of|and|&|for|the|at\sthe|de|van|von)\s"
    rf"|,\s(?=Inc|Ltd|LLC))(?:{_CAPITAL}))*"
)
_EMPLOYER_BEFORE = re.compile(
    r"(?i)\b(?:at|from|joined|join(?:ing)?|members? of|employed by|work(?:ed|ing)? for|time (?:at|with))\s+(?:the\s+)?$"
)
_EMPLOYER_AFTER = re.compile(r",?\s(?:where|in which)\sI\b")
_NO_EMPLOYER_BEFORE = re.compile(
    r"(?i)\b(?:(?:excel\w*|good|great|better|best|adept|skilled|proficient|effective)\sat|from)\s+(?:the\s+)?$"
)
_FIRM_FORMS = frozenset("company corporation group firm organisation organization".split())
_MAYBE_EMPLOYER_BEFORE = re.compile(r"(?i)\b(?:for|with|by|from|including)\s+(?:the\s+)?$")
_SCHOOL = re.compile(r"\b(?:University|College|School|Institute|Academy|Polytechnic)\b")
_AWARD_NAME = re.compile(r"\b(?:Award|Prize|Medal|Scholarship|Fellowship|Honou?rs?|of the (?:Year|Month)|Recognition)\b")
_CERTIFIED = re.compile(r"(?i)\b(?:certifi(?:ed|cation|cate)|licen[cs]ed?|accredit(?:ed|ation)|chartered|registered)\b")
_PLAIN_CAPITALS = frozenset("""i dear hiring manager team sir madam hr human resources monday tuesday wednesday thursday friday
    saturday sunday january
    february march april may june july august september october november december english ok cv resume phd sincerely regards best
    subject re
    ps am pm usa uk us eu kind yours thank hard soft""".split())  # fmt: skip

AWARD = re.compile(
    r"""(?x)\b(?:
    (?:[Aa]warded|[Ww]on|[Rr]eceived|[Ee]arned|[Gg]ranted|[Nn]amed|[Rr]ecipient\sof|[Hh]onou?red\swith|[Ff]inalist
      |[Rr]unner-up)\s(?:\w+\s){0,4}?
        (?:(?:[\w'’&-]+\s){0,6}?(?:[Aa]wards?|[Pp]rize|[Mm]edal|[Ss]cholarship|[Ff]ellowship|[Hh]onou?rs?|[Tt]rophy|of\sthe\s(?:Year
          |Month))\b)
    |(?:[Hh]ave\s|also\s)?[Pp]ublished\s(?:\w+\s){0,3}?(?:papers?|research|articles?|work)\b(?:\s(?:papers|articles))?(?:\s(?:on|in
      |about)\s[^.,;]{3,60})?
    |(?:strong\s|extensive\s)?publication\srecord(?:\s(?:in|at)\s[^.,;]{3,50})?
    |(?:hold|filed|granted)\s(?:\w+\s){0,2}patents?\b
    )"""
)

_TITLE_WORDS = (
    rf"(?:(?!(?:and|who|with|for|at|in|to|on|by|from|as|about|my|your|seeking|where|that"
    rf"|I)\b)[A-Za-z][\w&/+'’-]*\s){{0,4}}?{OCCUPATION.pattern.removeprefix('(?i)')}"
)
TITLE = re.compile(
    rf"(?i)\b(?:as|being|am|was|currently|became|role\sof|post\sof|position\sof)\s(?:currently\s)?(?:(?:a|an|the"
    rf"|your)\s)?(?P<title>{_TITLE_WORDS})"
)
TITLE_AT = re.compile(
    rf"(?P<title>(?:[A-Z][\w&/+-]*\s(?:of\s)?){{0,4}}[A-Z][\w&/+-]*)\s(?:at|for|with)\s(?:the\s)?(?P<employer>{NAME.pattern})"
)
_PLAIN_TITLES = frozenset("""professional individual leader player partner candidate expert fit asset member person communicator
    contributor learner
    applicant customer user citizen enthusiast practitioner specialist volunteer supervisor lead manager mentor worker teammate advisor
    strong seasoned skilled dedicated experienced passionate motivated proactive current former certified highly results driven self
    detail oriented
    great good effective quick reliable natural recent first next new proven accomplished valuable ideal perfect hardworking committed
    technical key""".split())  # fmt: skip

SOFT = frozenset("""communication communicator communicate interpersonal leadership teamwork collaboration collaborate collaborative
    problem solving
    solver problemsolving critical thinking thinker analytical analytic organisational organizational organisation organization
    attention detail time
    management adaptability adaptable adapt creativity creative innovation innovative passion motivation mindset ethic work working
    multitasking presentation present
    negotiation verbal written oral decision-making decision making skill ability strength self independently strategic flexible
    flexibility
    customer-focused professionalism independence empathy patience reliability initiative""".split())  # fmt: skip
PLAIN = frozenset(
    """able about above across aforementioned advanced all allow and any application approach area aspect attitude
    available background base based basic best actionable production advancement latest importance non remote hybrid flex office
    implementation insight
    better beyond both broad business career challenge clear client colleague combined committed common company competence complex
    comprehensive concept
    confidence considerable contribution core crucial cross cross-functional cutting cutting-edge current customer daily data dataset
    day dedication deliver delivering delivery demand
    department develop developing development diverse domain drive driven driving duty dynamic effective effectively efficiency
    efficient end
    enable ensure ensuring environment essential every everything excellence excellent exceptional expectation experience experienced
    expertise exposure extensive fast
    fast-paced field focus focused following foundation framework function functional good great group growth hand hands hands-on hard
    help high high-quality highly idea
    impact impactful implement implementing important improve improving improvement include including individual industry information
    initiative insight issue it
    job key kind knowledge large large-scale latest like line long lot main manage managing many matter meaningful member method
    methodology modern mission more necessary need new non-technical number one
    operation other outcome own paced part passionate people performance person place plan platform position positive possible
    practical practice previous principle
    process product professional proficiency proficient project proven qualification quality range real real-world record related relevant
    requirement research resource responsibility result role scale seasoned service several set significant similar skilled skillset
    software solid solution
    solve stakeholder standard strategy strong structure subject success successful successfully such support system task team
    technical technique
    technology tool top track train training trend type understanding use user using valuable value variety various well well-suited
    wide with world year years
    together talented top-tier leading lead working-level industry-standard code coding programming language program company's everyday
    detailed first-hand firsthand rich
    opportunity manner concise timely scalable match perfect revenue saving cost level optimal viewpoint finding
    scalability availability reproducibility internal external question procedure budget achievement acumen landscape evolving rapidly
    structured source
    infrastructure setting particularly predictive library crossfunctional cloudbased rounded
    fastmoving example answer
    interpretation documentation utilizing leveraging leverage made maintaining match engagement best pattern regulation write casual
    letter cover personalized study look few word same care way something done useful unique academic theoretical fundamental multiple
    different general specific personal existing overall life live long-term short term way idea what how not
    make making meet meeting take taking build building built create creating created design designing write writing analysis analyze
    analyzing analysing analyse next step perspective
    model modelling modeling algorithm application contribute contributing goal global international local numerous popular""".split()
)
# fmt: skip
_OBJECTS = frozenset(
    "data project product customer client technical business user software system process team budget quality code".split()
)
ABSTRACT = frozenset(
    """approach challenge decision environment excellence experience expertise fit idea improvement insight match mindset outcome
    perspective practice problem record result solution success understanding value""".split()
)
_ADJECTIVE = re.compile("(?:al|ive|able|ible|ful|ous|ent|ant|fresh|fine)$")  # "operational improvements" praises, and names no skill
_BEFORE_HYPHEN = re.compile("high|fast|well|long|short|real|cross|cutting|large|self|detail|problem|customer|client|result|team")
_ACTIVITIES = frozenset("management modeling modelling support service design testing planning administration".split())
_CRAFTS = frozenset("analysis analytic development engineering".split())  # whoever works with the object does one of these

_TRIGGER = re.compile(
    r"""(?ix)\b(?:
      (?P<sure>(?:skills?|skillset|tools?|strengths?|toolbox)\s(?:[\w-]+\s){0,5}?(?:are|is|includes?|cover)|(?:can\s)?offer(?:\syou)?
        |bring(?:\syou|\salong)?
       |(?:would\s)?use\shere|among\smy\s(?:skills|tools|strengths)(?=,)|besides|lean\son|know\smy\sway\saround|rely\son|draw\son)
     |(?:experience[ds]?|expertise|proficien(?:t|cy)|skill(?:ed|s|set)?|knowledge(?:able)?|background|familiar(?:ity)?
       |(?:well-?)?versed|understanding|foundation|grounding
        |fluen(?:t|cy)|train(?:ed|ing)|speciali[sz](?:ed?|ing)|competen(?:t|ce)|track\srecord|adept|certified|qualified|strength
          |command|focus|exposure|hands-on)
        (?:\s(?:and\s\w+|working|including|gained))?\s(?:in|with|of|on|using|for)\b
     |(?P<weak>(?:work(?:ed|ing)?|dealt)\s(?:\w+\s)?(?:with|in|on)\b
       |(?:using|used|use|utili[sz]ing|leveraging|know|mastered|learned|learnt|handled|implemented|programmed)\b(?!\sto\b))
     |developed\s(?=advanced|strong|deep)|skills\sto\s(?:build|design|develop|create|use)\b
     |(?:skills?|skillset|tools?|strengths?|expertise|knowledge|frameworks?|languages?|platforms?|techniques?|methods?|technologies
       |databases?|software|libraries|disciplines?|areas?|solutions?)
        \s(?:(?:I\s)?\w+\s\w+\s\w+\s)?(?:such\sas|like|including|include[s]?|are|is|in|of)\b
     |(?-i:With)(?=\s(?-i:[A-Z]))|come\sto\sknow|came\sto\sknow|count\son\smy
    )[:,]?\s"""
)
_TURNED = re.compile(
    r"(?i)^\W*(?P<list>[^;:]{2,160}?)\s(?:is|are)\s(?:(?:a\s)?part\sof\s|some\sof\s)?(?:what\sI\s(?:bring|offer|use)"
    r"|among\smy\s(?:skills|tools))"
)
_LIST_END = re.compile(
    r"""(?ix)[;:!?()]|\.(?=\s|$)|\s[–—-]\s|,?\s(?:which|that|who|where|while|to|make[s]?|has|have|had|allow\w*|enabl\w+|I|I['’]\w+|my
      |we|you|your|so|but|because|when|is|are|was|were
    |comes?|came|caught|stood|although|though|here|made|am|hold|can|could|may|it|at|from|since|during|through|throughout|across|by|into|over|under|combined|along
      |coupled|among|within|than|before|after|without|will|would|demonstrat\w+|gained|align\w*)\b|$"""
)
_ITEMS = re.compile(
    r"(?i)\s*(?:,\s*(?:and|or|as\swell\sas|including|such\sas|like)?\b\s*|\s(?:and|or|as\swell\sas|including|such\sas|like|&)\s)\s*"
)
_LEAD = re.compile(
    r"(?i)^(?:(?:the|a|an|both|also|in|with|on|of|some|any|all|its|their|various|working|worked|using|practical|most|up|including"
    r"|such as|familiarity|"
    r"knowledge|proficiency|experience|expertise|skills?|developing|building|implementing|deploying|managing|creating|optimizing"
    r"|performing|designing|"
    r"conducting|applying|running(?= \w+ing))\s+)+"
)
_PART = re.compile(r"(?i)\S(?:(?!\s(?:for|in|on|with|as|of|within|before|via|per|including|against|around|involving|using)\s).)*")
_NOUNS_IN_ING = (
    "market|engineer|account|programm|min|test|comput|network|train|report|learn|process|model|modell|"
    "nurs|teach|counsell|bank|manufactur|consult|plan|purchas|trad|wallpaper|stocktak|phlebotom|welding|cater|clean|edit|load|pip"
)


def silent(sentence: str) -> bool:
    """Greetings, sign-offs and subject lines claim nothing."""
    return bool(_GREETING.match(sentence) or _HEADING.match(sentence) or SIGN_OFF.match(sentence)) or not re.search(r"\w", sentence)


def of_person(sentence: str, at: int) -> bool:
    """Whether the words at an offset are said of the applicant rather than of the employer: the nearest pronoun before
    decides ("you ask for X"; "I have X"), else the first one after; a sentence without any speaks of the applicant."""
    if _I_DID.match(sentence, at):
        return True
    clause = max((m.end() for m in _CLAUSE.finditer(sentence, 0, at)), default=0)
    for start in (clause, 0):
        if before := _pronouns(sentence, start, at):
            return before[-1]
        end = _CLAUSE.search(sentence, at)
        if after := _pronouns(sentence, at, end.start() if end and start else len(sentence)):
            return after[0]
    return True


_I_DID = re.compile(r"(?:[A-Z][\w&'’-]*\W+(?:(?:and|of|for|the)\W+)?){1,8}(?<=\s)I\s")  # "at Northwind Labs I built"
_CLAUSE = re.compile(r"[;:]\s|\s[–—]\s")


def _pronouns(sentence: str, start: int, end: int) -> list[bool]:
    """For each pronoun in order: whether it stands for the applicant."""
    found = [(m.start(), who) for who, pattern in ((True, _ABOUT_ME), (False, _ABOUT_THEM)) for m in pattern.finditer(sentence, start, end)]
    return [who for _, who in sorted(found)]


def personal(sentence: str) -> bool:
    """Whether the applicant speaks in it at all; advice does not."""
    return bool(_ABOUT_ME.search(sentence))


def names(sentence: str) -> Iterator[Found]:
    """Capitalised names: employers, schools, products, abbreviations. A sentence's first word counts only when its shape
    says more than that it stands first."""
    for m in NAME.finditer(sentence):
        start, text = m.start(), m.group(0).rstrip("./-’'")
        text = re.sub(r"['’]s$", "", text)
        first = not re.search(r"\w", sentence[:start])
        if first or re.search(r"[:\"“(]\s*$|[.!?]\s*$", sentence[:start]):
            head = re.match(r"[\w’'.-]+", text)
            if head and not re.search(r"[a-z][A-Z]|\d|^[A-Z]{2,}$|\.[A-Z]", head.group(0)) and not _NUMBERED.match(text):
                rest = text[head.end() :].lstrip(" &,")
                if not rest or not rest[0].isupper() or re.match(r"(?:of|and|for|the|at)\s", rest):
                    continue
                if head.group(0).casefold() in _OPENERS:
                    start, text = start + len(text) - len(rest), rest
        while head := re.match(r"(?:I|I['’]\w+|A|My|The|In|As|At|And)(?:\s(?:and\s)?|$)", text):
            start, text = start + head.end(), text[head.end() :]
        text = re.sub(r"\s(?:I|and|of)$|\sI\s.*", "", text)
        if re.search(r"\bI\s$", sentence[:start]):
            continue  # a verb in capitals
        if [k for k in facts.keys(text) if k not in _PLAIN_CAPITALS and k not in facts.LEGAL_FORMS and not k.isdigit()] and len(text) > 1:
            yield Found(start, start + len(text), kind(sentence, start, text), text)
        elif text in ("R", "C"):
            yield Found(start, start + 1, "skill", text)


_NUMBERED = re.compile(r"(?:Level|Grade|Class|Band|Stage|Tier|Part)\s\d")
_OPENERS = frozenset("""as at in with for my the during from while since after before on to by when using having being both and also
    additionally
    furthermore currently previously prior through throughout our your this that these here under over one take what how where and because
    besides might shall may could would can should yes no despite although thanks please dear known among within beyond given it is if
    are was be do""".split())  # fmt: skip


def kind(sentence: str, start: int, text: str) -> str:
    after = sentence[start + len(text) : start + len(text) + 25]
    if _AWARD_NAME.search(text):
        return "award"
    if (
        _CERTIFIED.search(text)
        or re.match(r"(?i)[\s-]+(?:certifi|licen[cs])", after)
        or re.search(r"(?i)certified\s(?:in|as)?\s?(?:an?\s)?$", sentence[:start])
    ):
        return "certificate"
    if _SCHOOL.search(text):
        return "degree" if re.search(r"(?i)degree|studi|graduat|bachelor|master|ph\.?d|training|education", sentence) else "employer"
    if OCCUPATION.search(text) and not _EMPLOYER_BEFORE.search(sentence[:start]):
        return "title"
    if _MAYBE_EMPLOYER_BEFORE.search(sentence[:start]) and ORGANISATION.search(text):
        return "employer"
    return "employer" if _EMPLOYER_BEFORE.search(sentence[:start]) or _EMPLOYER_AFTER.match(after) else "skill"


def firm(sentence: str, found: Found) -> list[str]:
    """The words that tell this employer from others: all but the form of the firm. [] where the words name no employer."""
    if found.kind != "employer" or _NO_EMPLOYER_BEFORE.search(sentence[: found.start]):
        return []
    words = [k for k in facts.content(found.text) if k not in _FIRM_FORMS]
    return words if len(words) > 1 or telling(found.text) else []


def titles(sentence: str) -> Iterator[Found]:
    """Occupations the applicant says to hold or have held ("as a data analyst")."""
    for m in TITLE.finditer(sentence):
        text = m.group("title")
        if any(k not in _PLAIN_TITLES for k in facts.content(text)):
            yield Found(m.start("title"), m.start("title") + len(text), "title", text)


def degrees(sentence: str) -> Iterator[tuple[Found, re.Match[str]]]:
    for m in facts.DEGREE.finditer(sentence):
        text = m.group(0).rstrip()
        yield Found(m.start(), m.start() + len(text), "degree", text), m
    for m in facts.VAGUE_SCHOOL.finditer(sentence):
        yield Found(m.start(), m.end(), "degree", m.group(0)), m


def awards(sentence: str) -> Iterator[Found]:
    for m in AWARD.finditer(sentence):
        yield Found(m.start(), m.end(), "award", m.group(0))


def listed(sentence: str) -> Iterator[Found]:
    """The items that follow "proficient in", "experience with", "tools such as" and their like, or stand before "are what I bring"."""
    if m := _TURNED.search(sentence):
        yield from _items(sentence, m.start("list"), m.end("list"), True)
    for m in _TRIGGER.finditer(sentence):
        end = _LIST_END.search(sentence, m.end() - 1)
        count = 1 + len(_ITEMS.findall(sentence, m.end(), max(end.start(), m.end()))) if end else 0
        brought = re.match("(?i)bring|offer|can", m.group("sure") or "")
        sure = bool(m.group("sure")) and not (brought and (count < 2 or re.search(r"\bwill\s$", sentence[: m.start()])))
        loose = count < 3 if m.group("weak") else count < 2 and re.search("(?i)offer|bring|draw|rely", m.group(0))
        items = list(_items(sentence, m.end(), max(end.start(), m.end()), sure)) if end else []
        yield from (i for i in items if not loose or re.search(r"[A-Z]|\d", i.text))


def _items(sentence: str, start: int, end: int, sure: bool) -> Iterator[Found]:
    at = start
    for stop in [*_ITEMS.finditer(sentence, start, end), None]:
        item_end = stop.start() if stop else end
        text = sentence[at:item_end]
        lead = _LEAD.match(text)
        if lead:
            at, text = at + lead.end(), text[lead.end() :]
        for part in _PART.finditer(text):
            yield from _item(at + part.start(), part.group(0), sure)
        at = stop.end() if stop else end


def _item(start: int, text: str, sure: bool) -> Iterator[Found]:
    """One item without the verb it may begin with ("resolving conflicts"); verbs alone name no skill."""
    while (
        not sure
        and (verb := re.match(rf"(?!(?:{_NOUNS_IN_ING})ing\b)(?:[a-z]+ly\s)?[a-z]+(?:ing|ed)(?:\s|$)", text))
        and not text[: verb.end()].isupper()
    ):
        start, text = start + verb.end(), text[verb.end() :]
    if lead := re.match(r"(?i)(?:(?:for|in|on|with|as|of|via|within|the|an?|by|to)\s(?:\w+ing\s)?)+", text):
        start, text = start + lead.end(), text[lead.end() :]
    text = re.sub(r"(?:\s(?:and|or|&))?[\s,]*$", "", text)
    if text and len(text.split()) <= 6 and not re.match(r"[a-z]+ly$|(?:this|these|those)\s", text):
        yield Found(start, start + len(text), "skill", text, sure)


def telling(text: str) -> list[str]:
    """The keys of a phrase that name something particular: neither soft skills nor words that every letter has."""
    said = facts.content(text)
    parts = [k for k in said if not k.isdigit() and not _says_little(k)]
    praise = len(parts) == 1 and said[-1] in ABSTRACT and (parts[0] == "deep" or _ADJECTIVE.search(parts[0]))
    return [] if praise or parts == ["deep"] else parts  # "deep learning" is not just any learning, "deep understanding" is nothing


@functools.lru_cache(maxsize=20_000)  # words only, never a text
def _says_little(key: str) -> bool:
    """Whether a key is a plain or soft word, or such a pair whose hyphen was lost ("fastpaced")."""
    plain = PLAIN | SOFT
    pair = _BEFORE_HYPHEN.match(key)
    return key in plain or bool(pair) and key[pair.end() :] in plain


def compound(text: str) -> list[str]:
    """What must be known of a skill that two plain words name: "management" of "project management", one word of "data analysis"."""
    words = facts.content(text)
    if len(words) != 2 or words[0] not in _OBJECTS:
        return []
    return words if words[1] in _CRAFTS else [words[1]] if words[1] in _ACTIVITIES else []
