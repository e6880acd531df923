"""Lines of résumés and postings in the one form that a sentence takes: "At Oakline I handled orders", "You ask for someone
able to lead". English only.

Résumés and postings mix all forms. What does not begin with a word known here stays as it is: a line that is left alone
is clumsy, a noun that is bent ("Training sessions") would be wrong. Pure.
"""

from __future__ import annotations

import re

# Irregular past forms of verbs that résumés use.
_IRREGULAR = {
    "begin": "began", "bring": "brought", "build": "built", "buy": "bought", "choose": "chose", "cut": "cut", "deal": "dealt",
    "do": "did", "draw": "drew", "drive": "drove", "find": "found", "get": "got", "give": "gave", "grow": "grew", "hold": "held",
    "keep": "kept", "lay": "laid", "lead": "led", "light": "lit", "make": "made", "meet": "met", "oversee": "oversaw",
    "pay": "paid", "put": "put",
    "rebuild": "rebuilt", "rewrite": "rewrote", "run": "ran", "sell": "sold", "send": "sent", "set": "set", "speak": "spoke",
    "spend": "spent", "take": "took", "teach": "taught", "troubleshoot": "troubleshot", "understand": "understood",
    "undertake": "undertook", "win": "won", "write": "wrote",
}  # fmt: skip
_REGULAR = """accept achieve act adapt add address adjust administer advise advocate allocate analyse analyze answer apply appoint
    approve arrange assemble assess assign assist attend automate bake balance calculate care carry clean close
    collaborate collect communicate compile complete conduct configure consult contribute convert coordinate co-ordinate
    create decorate define deliver demonstrate deploy describe detect determine develop diagnose direct discuss
    distribute draft edit educate enable encourage enforce engage enhance ensure enter establish evaluate examine
    execute expand explain extend extract facilitate follow gather generate greet guide handle hire identify implement
    improve increase inform initiate inspect install integrate interact interpret introduce investigate join launch
    learn liaise maintain manage measure mentor migrate mix motivate negotiate observe obtain operate optimise optimize
    organise organize participate perform persuade prepare prescribe prevent prioritise prioritize produce promote
    propose protect provide pull purchase recommend recruit reduce register remove replace represent resolve respond
    restore retain revise secure select serve shape solve streamline strengthen submit suggest supervise tailor train
    transform translate update upgrade upload use utilise utilize validate verify welcome work""".split()
# Verbs that are nouns as often: bent as "-ing", and otherwise only when what follows makes a verb of them.
_ALSO_NOUNS = """access audit benchmark budget coach code contact control debug design document estimate file forecast help interface
    interview issue market model monitor order plan post process program record repair report request research review
    schedule script service sort source stock supply support survey test track visit""".split()
# "works", "answers": one letter away from a verb, and nouns as often.
_PLURALS = set("answers cares drafts edits guides hires measures purchases shapes updates upgrades uploads uses works".split())
_NOT_BENT = {"training", "marketing", "programming", "modelling", "modeling", "sourcing", "processing"}  # nouns at a line's start
_DOUBLED = {"debug", "plan", "program", "submit", "control", "run", "cut", "get", "put", "set", "win", "begin"}
_AFTER_A_VERB = set("a an the all and any each new our their with on out up to various customer customers data & ,".split())
_NO_ADVERB = "apply|assembl|famil|suppl|reply|rely|comply|daily|weekly|monthly|only"
_ADVERB = re.compile(rf"(?:(?!{_NO_ADVERB})[A-Za-z]{{3,}}ly|also)\s+(?=[A-Za-z])", re.IGNORECASE)
_JOINED = re.compile(r"(\s+(?:and|&|or)\s+|\s*,\s*(?:and\s+)?)([A-Za-z-]+)")


def _gerund(base: str) -> str:
    if base in _DOUBLED:
        return base + base[-1] + "ing"
    return (base[:-1] if base.endswith("e") and not base.endswith(("ee", "ye")) else base) + "ing"


def _third(base: str) -> str:
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ies"
    return base + ("es" if base.endswith(("s", "sh", "ch", "x", "o")) else "s")


def _past(base: str) -> str:
    if base in _IRREGULAR:
        return _IRREGULAR[base]
    if base in _DOUBLED:
        return base + base[-1] + "ed"
    if base.endswith("e"):
        return base + "d"
    return base[:-1] + "ied" if base.endswith("y") and base[-2] not in "aeiou" else base + "ed"


_SURE = {form: _past(base) for base in [*_REGULAR, *_IRREGULAR] for form in (base, _gerund(base))}
_SURE |= {_gerund(base): _past(base) for base in _ALSO_NOUNS}
_SURE |= {_third(base): _past(base) for base in _REGULAR if _third(base) not in _PLURALS}
_SURE = {form: past for form, past in _SURE.items() if form not in _NOT_BENT}
_MAYBE = {base: _past(base) for base in _ALSO_NOUNS}


def in_past(line: str) -> str:
    """The line with its leading verbs in the past tense, or the line itself; "I won" loses its "I"."""
    line = re.sub(r"^I (?=[a-z])", "", line)
    if adverb := _ADVERB.match(line):
        return adverb[0] + in_past(line[adverb.end() :])
    head = re.match(r"[A-Za-z-]+", line)
    if not head:
        return line
    word, rest = head[0], line[head.end() :]
    following = re.match(r"\s*([A-Za-z-]+|[&,])", rest)
    past = _SURE.get(word.lower())
    if past is None and following and following[1].lower() in _AFTER_A_VERB:
        past = _MAYBE.get(word.lower())
    if past is None:
        return line
    bent = _like(word, past)
    while (joined := _JOINED.match(rest)) and (also := (_SURE | _MAYBE).get(joined[2].lower())):
        bent += joined[1] + _like(joined[2], also)
        rest = rest[joined.end() :]
    return bent + rest


def _like(word: str, other: str) -> str:
    """`other` with the capitals of `word`."""
    return other.upper() if len(word) > 1 and word.isupper() else other[0].upper() + other[1:] if word[0].isupper() else other


def is_past(line: str) -> bool:
    """Whether the line can follow "I": it begins with a verb in the past tense."""
    adverb = _ADVERB.match(line)
    word = re.match(r"[a-z-]+", line[adverb.end() if adverb else 0 :].lower())
    return bool(word) and (word[0] in _PASTS or (word[0].endswith("ed") and word[0] not in _NOT_VERBS))


_PASTS = {*_IRREGULAR.values(), "was", "had", "won"}
_NOT_VERBS = {"advanced", "detailed", "experienced", "skilled", "talented", "certified", "licensed", "limited", "need", "speed",
              "qualified", "motivated", "dedicated", "extended", "united", "red"}  # fmt: skip

_ADJECTIVES = """able adaptable adept ambitious analytical approachable articulate available aware capable certified collaborative
    comfortable committed competent confident conscientious creative curious dedicated dependable detail-oriented determined
    diligent driven dynamic eager educated energetic enthusiastic experienced familiar fast flexible fluent friendly hands-on
    hard-working hardworking helpful highly honest imaginative independent innovative kind keen knowledgeable licensed literate
    loyal mature methodical motivated numerate open organised organized passionate patient people-focused personable polite
    positive practised proactive proficient punctual qualified ready registered reliable resilient resourceful responsible
    results-driven self-driven self-motivated skilled strategic tactful tech-savvy trained trustworthy used versed
    well-organised well-organized well-versed willing""".split()
# What may stand between one of them and its end: "confident with figures"; a noun ("qualified nurse") makes it a noun phrase.
_AFTER_AN_ADJECTIVE = set("to in with of about at for on and or as by under when within enough , .".split())
_PERSON = r"(?:you|the (?:successful |ideal |right )?(?:candidate|applicant|person)|applicants|candidates)"
_MUST = r"(?:(?:must|should|will|shall|needs? to)\s+(?:also\s+)?)?"
_HAVE = r"(?:ha(?:ve|s)|possess(?:es)?|holds?|brings?|demonstrates?)"
_WISHES = re.compile(  # "You are ...", "The candidate will have ...", "Must be ..."
    rf"(?:(?P<be>{_PERSON}\s+(?:are|is)\s+|(?:{_PERSON}\s*(?:['’]ll\s+)?)?{_MUST}be\s+)|we\s+are\s+looking\s+for\s+"
    rf"|(?:{_PERSON}\s*(?:['’]ll\s+)?)?{_MUST}{_HAVE}\s+)(?!or\b)", re.IGNORECASE
)


def as_wish(line: str) -> str:
    """A requirement as it follows "You ask for": "Able to lead" becomes "someone able to lead", "Manage the budget" "someone to
    manage the budget", "You must have a licence" "a licence". Noun phrases stay."""
    told = _WISHES.match(line)
    rest = line[told.end() :] if told else line
    if told and not rest:
        return line
    word = re.match(r"[A-Za-z-]+", rest)
    if not word:
        return rest
    first, after = word[0].lower(), re.match(r"\s*([A-Za-z-]+|[,.])?", rest[word.end() :])
    following = (after[1] or ",").lower() if after else ","
    if first in ("highly", "very", "fully"):
        return "someone " + _small(rest) if re.match(r"\w+ly? [\w-]+ (?:in|with|about|at|of|to|and \w+ (?:in|with))\b", rest) else rest
    if first in _ADJECTIVES and (following in _AFTER_AN_ADJECTIVE or following in _ADJECTIVES):
        return "someone " + _small(rest)
    if (first in _BASES and following not in ("or", ",", "hours", "style", "location")) or (first in _MAYBE and following in _AFTER_A_VERB):
        return "someone to " + _small(rest)
    if first in _THIRDS:
        return "someone who " + _small(rest)
    return f"someone who is {_small(rest)}" if told and told["be"] and first not in ("a", "an", "the") else rest


_BASES = {*_REGULAR, *_IRREGULAR} - {"lead", "deal", "draw", "cut", "set", "act", "care"}  # those begin noun phrases as often
_THIRDS = {_third(base) for base in _BASES} - _PLURALS


def _small(text: str) -> str:
    return text[:1].lower() + text[1:] if not text[:2].isupper() else text


def lower_first(text: str, proper: frozenset[str] = frozenset()) -> str:
    """The text as it stands inside a sentence: first letter lowered, unless the word is in `proper`, an abbreviation (SQL, NHS,
    iOS, A levels) or begins a name in capitals (High School Diploma). Prompts show lines so: a small model copies letter by letter."""
    head, _, rest = text.partition(" ")
    if head.rstrip(",.:;") in proper or not head[:1].isupper() or sum(c.isupper() for c in head) != 1 or (len(head) == 1 and head != "A"):
        return text
    named = rest[:1].isupper() and rest[1:2].islower() and not is_past(head) and head.lower() not in _BASES
    return text if named else text[:1].lower() + text[1:]
