"""Stock phrases: what letters say that nobody wrote for one job, and sentences that half of a collection shares.

A letter full of them was likely made by a machine or a template, but that cannot be told of one letter, so no share or verdict is
given: the phrases are shown, with their number. The list is of English applications; the frames are found in any language.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from ftapp.claims_text import sentences
from ftapp.quality_items import Finding, Item

LEAST = 3  # stock phrases before they are worth a word
WHOLE, MOST_FACTS = 0.75, 2  # share of the sentences that hold one, names and numbers beside: nothing else is in the letter
LEAST_LETTERS, LEAST_SHARE = 8, 0.34  # of a collection that share a sentence frame

_STOCK = re.compile(
    r"""(?xi)\b(?:
    i\ am\ (?:writing|reaching\ out)\ to\ (?:express|convey|apply|submit|formally)|
    (?:express|convey)\ my\ (?:\w+\ )?(?:interest|enthusiasm)|
    please\ (?:accept|find)\ (?:this|my|the|attached|enclosed)|to\ whom\ it\ may\ concern|
    i\ am\ (?:thrilled|excited|delighted|eager|pleased)\ (?:to\ (?:apply|submit|bring|contribute)|about\ (?:this|the)\ opportunity)|
    (?:believe|confident|certain)\ (?:that\ )?(?:i\ (?:am|would\ be|will\ be|possess|have)|my\ [\w\ ,]{3,60}?\ (?:makes?|would|align))|
    (?:an?\ |the\ )?(?:great|perfect|ideal|excellent|strong|good|right)\ (?:fit|match|candidate)\ (?:for|at|to|with)|
    makes?\ me\ (?:an?\ |the\ )?(?:great|perfect|ideal|excellent|strong|good|valuable|uniquely)|
    (?:valuable|great|tremendous)\ (?:asset|addition)\ to|
    (?:prestigious|esteemed|reputable|renowned|dynamic|forward[-\ ]thinking)\ (?:company|organi[sz]ation|firm|institution|team)|
    proven\ track\ record|extensive\ experience|wealth\ of\ (?:experience|knowledge)|unique\ (?:blend|combination|skill\ ?set)|
    hit\ the\ ground\ running|think(?:ing)?\ outside\ the\ box|go(?:es|ing)?\ (?:above\ and\ beyond|the\ extra\ mile)|wear\ many\ hats|
    (?:honed|sharpened)\ my\ (?:\w+\ ){0,3}skills|my\ skill\ ?set\ includes|
    (?:solid|strong)\ (?:foundation|background)\ in|deep\ understanding\ of|
    passion(?:ate)?\ (?:for|about)|results[-\ ]driven|self[-\ ]motivated|detail[-\ ]oriented|team\ player|quick\ learner|
    hard[-\ ]?working|highly\ motivated|dedicated\ (?:and\ \w+\ )?(?:professional|individual)|
    thrive\ (?:in|on|under)|fast[-\ ]paced\ environments?|cutting[-\ ]edge|cross[-\ ]functional\ teams?|
    (?:contribute|contributing)\ to\ (?:the\ |your\ )?(?:continued\ |ongoing\ )?(?:success|growth|team)|
    (?:make|making)\ (?:an?\ )?(?:significant|meaningful|positive|immediate|lasting)\ (?:impact|contribution)|
    drive\ (?:innovation|growth|results|success)|actionable\ insights|leverag(?:e|ing)\ my|
    aligns?\ (?:perfectly|seamlessly|closely|well)\ with|(?:skills|qualifications|experience)\ align|
    thank\ you\ for\ (?:your\ time|considering|taking\ the\ time|your\ consideration)|
    (?:look(?:ing)?\ forward\ to|welcome|appreciate)\ (?:the|an)\ (?:opportunity|possibility|chance)|
    discuss\ (?:how|my)\ (?:my\ )?(?:skills|qualifications|experience|application)|
    at\ your\ earliest\ convenience|in\ today['’]s\ (?:fast|competitive|ever)[-\w]*|testament\ to|delve\ into|tapestry|
    bring\ (?:my\ |a\ )?(?:unique|fresh|strong)\ [\w\ -]{3,30}?\ to
    )\b"""
)
_SLOT = re.compile(r"[^\W_]*[A-Z0-9][\w+#.&'’-]*(?:[ ]+(?:of|and|&|the|for)?[ ]*[A-Z0-9][\w+#.&'’-]*)*")


def look(item: Item) -> Iterator[Finding]:
    """The stock phrases of one letter."""
    found = [m.group() for m in _STOCK.finditer(item.letter)]
    distinct = list(dict.fromkeys(text.casefold() for text in found))
    if len(distinct) < LEAST or item.kind == "answer":
        return
    body = [item.letter[a:b] for a, b in sentences(item.letter) if len(item.letter[a:b].split()) > 3]
    share = sum(bool(_STOCK.search(text)) for text in body) / max(1, len(body))
    facts = len(re.findall(r"\d|(?<![.!?\n] )(?<!^)\b[A-Z][a-z]+", item.letter))
    bare = share >= WHOLE and facts <= MOST_FACTS
    shown = "; ".join(f"“{text}”" for text in list(dict.fromkeys(found))[:4])
    reason = f"{len(found)} stock phrases in {len(body)} sentences, such as {shown}. "
    tail = "There is little else in it: it could be anybody's." if bare else "A model would learn them before anything of one's own."
    yield Finding(item.id, "template", reason + tail, found[0], bare)


def frames(items: Sequence[Item], letters: Mapping[str, str]) -> Iterator[Finding]:
    """Sentences that many letters of the collection have, but for names and numbers: one note for each letter."""
    if len(items) < LEAST_LETTERS:
        return
    held: dict[str, list[tuple[str, str]]] = {}
    for item in items:
        text = letters[item.id]
        held[item.id] = [(_frame(text[a:b]), text[a:b]) for a, b in sentences(text) if len(text[a:b].split()) >= 6]
    count = Counter(frame for own in held.values() for frame in {f for f, _ in own})
    least = max(LEAST_LETTERS, LEAST_SHARE * len(items))
    shared: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for id, own in held.items():
        shared[id] = [(frame, text) for frame, text in own if count[frame] >= least]
    for item in items:
        if shared[item.id]:
            frame, text = max(shared[item.id], key=lambda pair: count[pair[0]])
            reason = f"{count[frame]} of {len(items)} examples have this sentence, names and numbers aside: a form, and learned first."
            yield Finding(item.id, "template", reason, text[:160], False)


def _frame(sentence: str) -> str:
    head, tail = sentence[:1].casefold(), sentence[1:]
    return re.sub(r"\W+", " ", _SLOT.sub("_", head + tail)).strip().casefold()
