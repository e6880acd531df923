"""Lines of a résumé in the past tense: "Handling orders" and "Handle orders" become "Handled orders". English verbs only.

Résumés mix all forms, and a sentence ("At Oakline I ...") takes one. What does not begin with a verb known here stays as
it is: a line that is left alone is clumsy, a noun that is bent ("Training sessions") would be wrong. Pure.
"""

from __future__ import annotations

import re

# Irregular past forms of verbs that résumés use.
_IRREGULAR = {
    "begin": "began", "bring": "brought", "build": "built", "buy": "bought", "choose": "chose", "cut": "cut", "deal": "dealt",
    "do": "did", "draw": "drew", "drive": "drove", "find": "found", "get": "got", "give": "gave", "grow": "grew", "hold": "held",
    "keep": "kept", "lay": "laid", "lead": "led", "make": "made", "meet": "met", "oversee": "oversaw", "pay": "paid", "put": "put",
    "rebuild": "rebuilt", "rewrite": "rewrote", "run": "ran", "sell": "sold", "send": "sent", "set": "set", "speak": "spoke",
    "spend": "spent", "take": "took", "teach": "taught", "troubleshoot": "troubleshot", "understand": "understood",
    "undertake": "undertook", "win": "won", "write": "wrote",
}  # fmt: skip
_REGULAR = """accept achieve act adapt add address adjust administer advise advocate allocate analyse analyze answer apply appoint
    approve arrange assemble assess assign assist attend automate bake balance calculate care carry clean close collaborate collect
    communicate compile complete conduct configure consult contribute convert coordinate co-ordinate create decorate define deliver
    demonstrate deploy describe detect determine develop diagnose direct discuss distribute draft edit educate enable encourage
    enforce engage enhance ensure enter establish evaluate examine execute expand explain extend extract facilitate follow gather
    generate greet guide handle help hire identify implement improve increase inform initiate inspect install integrate interact
    interpret introduce investigate join launch learn liaise maintain manage measure mentor migrate mix motivate negotiate observe
    obtain operate optimise optimize organise organize participate perform persuade post prepare prescribe prevent prioritise
    prioritize produce promote propose protect provide pull purchase recommend recruit reduce register remove repair replace
    represent resolve respond restore retain revise secure select serve service shape solve streamline strengthen submit suggest
    supervise supply tailor train transform translate update upgrade upload use utilise utilize validate verify visit welcome
    work""".split()
# Verbs that are nouns as often: bent as "-ing", and otherwise only when what follows makes a verb of them.
_ALSO_NOUNS = """access audit benchmark budget coach code contact control debug design document estimate file forecast interface
    interview issue market model monitor order plan process program record report request research review schedule script sort
    source stock support survey test track""".split()
_NOT_BENT = {"training", "marketing", "programming", "modelling", "modeling", "sourcing", "processing"}  # nouns at a line's start
_DOUBLED = {"debug", "plan", "program", "submit", "control", "run", "cut", "get", "put", "set", "win", "begin"}
_AFTER_A_VERB = set("a an the all and any each new our their with on out up to various customer customers data & ,".split())
_JOINED = re.compile(r"(\s+(?:and|&|or)\s+|\s*,\s*(?:and\s+)?)([A-Za-z-]+)")


def _gerund(base: str) -> str:
    if base in _DOUBLED:
        return base + base[-1] + "ing"
    return (base[:-1] if base.endswith("e") and not base.endswith(("ee", "ye")) else base) + "ing"


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
_SURE = {form: past for form, past in _SURE.items() if form not in _NOT_BENT}
_MAYBE = {base: _past(base) for base in _ALSO_NOUNS}


def in_past(line: str) -> str:
    """The line with its leading verbs in the past tense, or the line itself; "I won" loses its "I"."""
    line = re.sub(r"^I (?=[a-z])", "", line)
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
