"""The voice of a person's letters as a page of habits, and how far another letter is from it. Pure: no model, no database.

Knows habits that can be counted: how long sentences are, whether "I am" becomes "I'm", how a letter opens and closes, its marks,
small words, phrases that come back and stock phrases that never come. Does not know whether a letter is good or true. The words
it looks for are English; in another language lengths, marks, openers, sign-offs and phrases still count.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ftapp import structure

MOST_STEPS = 3.0  # one habit counts no more than this, however odd a letter is
FAVOURITES, LONGEST = 12, 12  # phrases on a card, words of a phrase
RHYTHM = 8
STATED = 3  # letters from which a card can say "never" and "each time"
LEFT_OUT_ONE_BY_ONE = 30  # letters that are compared with the others; more would say the same

# A habit that is a number: what a person calls it, its unit, and one step: a difference that a reader would notice.
HABITS = {
    "sentence_words": ("Sentence length", "words a sentence", 4.0),
    "sentence_spread": ("Change between short and long", "words", 3.0),
    "paragraph_words": ("Paragraph length", "words a paragraph", 30.0),
    "word_letters": ("Word length", "letters a word", 0.4),
    "contractions": ("I'm and don't", "share of the places where one could", 0.25),
    "starts_with_i": ("Sentences that begin with I", "share of sentences", 0.2),
    "exclamations": ("Exclamation marks", "share of sentences", 0.1),
    "questions": ("Questions", "share of sentences", 0.1),
    "commas": ("Commas", "in 100 words", 2.0),
    "semicolons": ("Semicolons", "in 100 words", 0.5),
    "colons": ("Colons", "in 100 words", 0.5),
    "dashes": ("Dashes", "in 100 words", 0.7),
    "brackets": ("Brackets", "in 100 words", 0.7),
}
# What is compared besides, each on the same scale of steps.
OTHERS = {"opener": "Greeting", "sign_off": "Sign-off", "small_words": "Small words", "favourites": "Phrases you come back to",
          "avoided": "Stock phrases you leave out"}  # fmt: skip
LABELS = {name: label for name, (label, _, _) in HABITS.items()} | OTHERS

SMALL_WORDS = (
    "the and of to a in that is it for with as on by this at from or be are was were have has had my your you i me we our us they not but "
    "so which who would could should will can may also very just about more than into when where what how if there their"
).split()
STOCK = (
    "i am writing to express my|i am excited to apply|i am thrilled to|i was thrilled to|proven track record|perfect fit|great fit for|"
    "ideal candidate|strong candidate|i am confident that|i am passionate about|passion for|valuable asset|hit the ground running|"
    "fast-paced environment|team player|detail-oriented|results-driven|highly motivated|unique blend|skills and experience|"
    "thank you for considering my application|thank you for your consideration|thank you for your time|"
    "i look forward to the opportunity|i look forward to hearing from you|i look forward to discussing|at your earliest convenience|"
    "do not hesitate to contact|please find attached|to whom it may concern|i believe i would be|align with|aligns with|"
    "make me a|contribute to the success|i have honed|i am eager to|i hope this message finds you well|i hope this email finds you well"
).split("|")

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SHORT = re.compile(r"(?i)\b(?:\w+n['’]t|(?:i|you|we|they|he|she|it|that|there|what|who|here)['’](?:m|re|ve|ll|d|s)|let['’]s)(?!\w)")
_DONE = r"(?:been|\w+ed|led|built|run|made|done|seen|taken|written|grown|taught|kept|held|won|had|found|spent|come|gone|brought)"
_LONG = re.compile(
    r"(?i)\b(?:(?:do|does|did|is|are|was|were|have|has|had|would|could|should) not|will not|can ?not|i am|(?:you|we|they) are|"
    rf"(?:i|you|we|they) have (?=(?:also |always |never |since )?{_DONE}\b)|(?:i|you|we|they|it) (?:will|would)\b(?! not)|"
    r"(?:it|that|there|here|what) is\b(?! not)|let us)\b"
)
_DASH = re.compile(r"\s[-–—]{1,2}\s|—|(?<=\D)–(?=\D)|\s--\s")
_JOINS = frozenset("and or of".split())  # a phrase does not begin with these
_LOOSE = _JOINS | frozenset("but the a an to at in for with on by from that as is my your our so i".split())  # nor end with these
_NAMED = re.compile(
    r"(?i)^(?:dear(?:est)?|hello|hi|hey|good|day|morning|afternoon|evening|greetings|to|whom|it|may|concern|the|hiring|manager|team|"
    r"recruiting|recruiter|sir|madam|or|and|all|at|everyone|there|colleagues|folks|people|ladies|gentlemen|committee|reader|department|"
    r"human|resources|in|of|with|from|friends|both|again)$"
)


@dataclass(frozen=True)
class Habit:
    """A number over many letters: its mean, its standard deviation from letter to letter, and how many letters showed it at all."""

    mean: float
    spread: float
    letters: int


@dataclass(frozen=True)
class VoiceCard:
    """A person's habits. Forms and phrases come with the share of letters that have them, the commonest first.

    `own` is how far the person's letters are from one another (median `distance` of each from a card of the others), the yardstick
    for every other distance; None below three letters.
    """

    letters: int
    words: int
    habits: Mapping[str, Habit]
    openers: tuple[tuple[str, float], ...]
    sign_offs: tuple[tuple[str, float], ...]
    favourites: tuple[tuple[str, float], ...]
    favourites_a_letter: float
    avoided: tuple[str, ...]
    small_words: Mapping[str, float]  # a word -> how often in 100
    rhythm: tuple[float, ...] = ()  # share of sentences of 1 to 5 words, 6 to 10, ..., the last of 36 and more
    own: float | None = None


@dataclass(frozen=True)
class _Measured:
    """One letter, counted once."""

    words: int
    habits: dict[str, float]
    opener: str
    sign_off: str
    small_words: dict[str, float]
    lengths: tuple[int, ...]
    runs: frozenset[str] = field(repr=False)
    text: str = field(repr=False, default="")  # lower-cased, one space between words


# --- a card --------------------------------------------------------------------------------------------------------------


def card(letters: Sequence[str]) -> VoiceCard:
    """The card of a person's letters; empty ones are passed over. Time grows with the letters: 10 ms each.

    Raises ValueError when no letter is left: there is no voice without one.
    """
    measured = [_measure(letter) for letter in letters if _WORD.search(letter)]
    if not measured:
        raise ValueError("no letters")
    made = _card(measured)
    if len(measured) < STATED:
        return made
    some = range(0, len(measured), max(1, len(measured) // LEFT_OUT_ONE_BY_ONE))
    apart = [_mean(_gaps(_card([*measured[:at], *measured[at + 1 :]]), measured[at])) for at in some]
    return VoiceCard(**{**vars(made), "own": statistics.median(apart)})


def _card(measured: Sequence[_Measured]) -> VoiceCard:
    count = len(measured)
    habits = {}
    for name in HABITS:
        values = [m.habits[name] for m in measured if name in m.habits]
        if values:
            habits[name] = Habit(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0, len(values))
    liked = _favourites(measured)
    said = " ".join(m.text for m in measured)
    return VoiceCard(
        letters=count, words=sum(m.words for m in measured), habits=habits,
        openers=_shares(m.opener for m in measured), sign_offs=_shares(m.sign_off for m in measured), favourites=liked,
        favourites_a_letter=statistics.fmean(_used(liked, m) for m in measured),
        avoided=tuple(phrase for phrase in STOCK if phrase not in said) if count >= STATED else (),
        small_words={word: statistics.fmean(m.small_words.get(word, 0.0) for m in measured) for word in SMALL_WORDS},
        rhythm=_rhythm([length for m in measured for length in m.lengths]),
    )  # fmt: skip


def _rhythm(lengths: Sequence[int]) -> tuple[float, ...]:
    counted = Counter(min(RHYTHM - 1, max(0, length - 1) // 5) for length in lengths)
    return tuple(counted[n] / max(1, len(lengths)) for n in range(RHYTHM))


def _shares(forms: Iterable[str]) -> tuple[tuple[str, float], ...]:
    counted = Counter(forms)
    return tuple((form, n / counted.total()) for form, n in counted.most_common())


def _favourites(measured: Sequence[_Measured]) -> tuple[tuple[str, float], ...]:
    """Runs of two to twelve words that a third of the letters share (two at least), longest and commonest first, no two alike."""
    least = max(2, -(-len(measured) // 3))
    found = Counter(run for m in measured for run in m.runs)
    common = [(run, n) for run, n in found.items() if n >= least]
    kept: list[tuple[str, int]] = []
    for run, n in sorted(common, key=lambda pair: (-pair[1] * len(pair[0].split()), pair[0])):
        if not any(_overlap(run, other) for other, _ in kept):
            kept.append((run, n))
        if len(kept) == FAVOURITES:
            break
    return tuple((run, n / len(measured)) for run, n in kept)


def _overlap(run: str, other: str) -> bool:
    """Whether half of a run's words (two at least) stand in the other in a row: the same phrase, cut elsewhere."""
    words = run.split()
    size = max(2, (len(words) + 1) // 2)
    return any(f" {' '.join(words[at : at + size])} " in f" {other} " for at in range(len(words) - size + 1))


def _used(liked: Sequence[tuple[str, float]], letter: _Measured) -> int:
    return sum(f" {phrase} " in f" {letter.text} " for phrase, _ in liked)


# --- one letter ----------------------------------------------------------------------------------------------------------


def habits(letter: str) -> dict[str, float]:
    """One letter's numbers, each in the unit of `HABITS`; what a letter gives no place for is left out."""
    return _measure(letter).habits


def _measure(letter: str) -> _Measured:
    pieces = structure.parse(letter)
    body = [s for s in pieces.sentences if _WORD.search(s)]
    text = " ".join(body)
    words = [w.lower().replace("’", "'") for w in _WORD.findall(text)]
    count = max(1, len(words))
    lengths = [len(_WORD.findall(s)) for s in body]
    short, long = len(_SHORT.findall(text)), len(_LONG.findall(text))
    marks = {"commas": text.count(","), "semicolons": text.count(";"), "colons": text.count(":"), "dashes": len(_DASH.findall(text)),
             "brackets": text.count("(")}  # fmt: skip
    habits = {name: 100 * n / count for name, n in marks.items()}
    if body:
        habits |= {
            "sentence_words": statistics.fmean(lengths), "paragraph_words": count / max(1, _paragraphs(letter, pieces)),
            "word_letters": statistics.fmean(map(len, words)),
            "starts_with_i": sum(bool(re.match(r"\W*I\b", s)) for s in body) / len(body),
            "exclamations": sum(s.rstrip("\"'”’)").endswith("!") for s in body) / len(body),
            "questions": sum(s.rstrip("\"'”’)").endswith("?") for s in body) / len(body),
        }  # fmt: skip
    if len(body) > 1:
        habits["sentence_spread"] = statistics.stdev(lengths)
    if short + long:
        habits["contractions"] = short / (short + long)
    tally = Counter(words)
    small = {word: 100 * tally[word] / count for word in SMALL_WORDS if tally[word]}
    runs = frozenset(run for sentence in body for run in _runs(sentence))
    return _Measured(len(words), habits, _opener(pieces.greeting), _sign_off(pieces.sign_off), small, tuple(lengths), runs, " ".join(words))


def _paragraphs(letter: str, pieces: structure.Letter) -> int:
    """Blocks of the letter that hold a sentence of its body."""
    return sum(any(sentence in block for sentence in pieces.sentences) for block in re.split(r"\n\s*\n", letter))


def _opener(greeting: str) -> str:
    """A greeting with its names replaced by "…": the same form for every employer. Empty when there is none."""
    words = re.findall(r"[\w&.'’/+-]+|[,:!–—-]", greeting)
    formed = [w if _NAMED.match(w) or not w[:1].isalnum() else "…" for w in words]
    line = re.sub(r"\s+([,:!])", r"\1", " ".join(formed))
    return re.sub(r"(?:[Tt]he )?…(?:(?: (?:of|and|&|in|at|for|the|or)| –| -|,)* …)+|[Tt]he …", "…", line)


def _sign_off(sign_off: str) -> str:
    """The first line of a sign-off without its last comma. A name alone is "your name"; empty when there is none."""
    first, *rest = sign_off.splitlines() or [""]
    return first.rstrip(" ,.") if rest or first.endswith((",", "，")) else "your name alone" if first else ""


def _runs(sentence: str) -> set[str]:
    """Runs of two to twelve words that could be a habit: without names and numbers, not cut before or after a word that joins, two words
    only when neither is a small one."""
    tokens = re.findall(r"[^\W_]+(?:['’-][^\W_]+)*|[^\w\s]", sentence)
    plain: list[str | None] = []
    for at, token in enumerate(tokens):
        name = token[:1].isupper() and at and token not in ("I", "I'm", "I’m", "I've", "I’ve", "I'd", "I’d", "I'll", "I’ll")
        plain.append(None if name or any(c.isdigit() for c in token) else token.lower().replace("’", "'"))
    found = set()
    for size in range(2, LONGEST + 1):
        for at in range(len(plain) - size + 1):
            run = plain[at : at + size]
            if run[0] in _JOINS or run[-1] in _LOOSE:
                continue
            if all(w and w[0].isalpha() for w in run) and (size > 3 or sum(w in SMALL_WORDS for w in run) < 2 * size - 3):
                found.add(" ".join(run))
    return found


# --- how far -------------------------------------------------------------------------------------------------------------


def distance(card: VoiceCard, letters: Sequence[str]) -> float:
    """How far letters are from a voice, in steps; 0 is the same, and `card.own` is how far the person's own are from one another.

    Burrows's Delta, the mean of |value - mean of the author| / scale, over habits in place of the commonest words alone:
    for each letter the mean of `gaps`, then the mean over letters. The scale is fixed for each habit (`HABITS`), not taken from a
    corpus: two cards measure with the same yardstick, whoever varies more.
    Source: J. Burrows, "Delta: a measure of stylistic difference and a guide to likely authorship", LLC 17 (2002).
    Raises ValueError without letters.
    """
    if not letters:
        raise ValueError("no letters")
    return statistics.fmean(_mean(_gaps(card, _measure(letter))) for letter in letters)


def gaps(card: VoiceCard, letters: Sequence[str]) -> dict[str, float]:
    """Each habit's mean distance in steps, 0 to `MOST_STEPS`; `LABELS` names them. What no letter shows is left out."""
    each = [_gaps(card, _measure(letter)) for letter in letters]
    return {name: statistics.fmean(found) for name in LABELS if (found := [g[name] for g in each if name in g])}


def nearest(cards: Mapping[str, VoiceCard], letter: str) -> str:
    """Whose card a letter is nearest to."""
    measured = _measure(letter)
    return min(cards, key=lambda name: _mean(_gaps(cards[name], measured)))


def _gaps(card: VoiceCard, letter: _Measured) -> dict[str, float]:
    found = {}
    for name, value in letter.habits.items():
        if name in card.habits:
            found[name] = abs(value - card.habits[name].mean) / HABITS[name][2]
    found["opener"] = 2 * (1 - dict(card.openers).get(letter.opener, 0.0))
    found["sign_off"] = 2 * (1 - dict(card.sign_offs).get(letter.sign_off, 0.0))
    # A word that comes r times in 100 varies by about the root of r from letter to letter (Poisson).
    found["small_words"] = statistics.fmean(
        abs(letter.small_words.get(word, 0.0) - rate) / (0.5 + rate**0.5) for word, rate in card.small_words.items()
    )
    if card.favourites_a_letter:
        found["favourites"] = 2 * max(0.0, 1 - _used(card.favourites, letter) / card.favourites_a_letter)
    if card.avoided:
        found["avoided"] = float(sum(phrase in letter.text for phrase in card.avoided))
    return {name: min(MOST_STEPS, steps) for name, steps in found.items()}


def _mean(found: Mapping[str, float]) -> float:
    return statistics.fmean(found.values())


# --- in words ------------------------------------------------------------------------------------------------------------


def described(card: VoiceCard) -> list[tuple[str, str]]:
    """(what, how) for each habit that says something, in sentences that a person can agree or disagree with."""
    h = {name: habit.mean for name, habit in card.habits.items()}
    lines = [("Your letters", f"{card.letters} letter{'s' * (card.letters > 1)}, {card.words:,} words.")]
    if "sentence_words" in h:
        varied = h.get("sentence_spread", 0.0)
        how = "short and long ones in turn" if varied > 8 else "of much the same length" if varied < 5 else "some shorter, some longer"
        lines.append(("Sentences", f"About {h['sentence_words']:.0f} words, {how}. {of_ten(h['starts_with_i'])} begin with I."))
    if "contractions" in h:
        lines.append(("I'm, don't", f"{of_ten(h['contractions'])} of the places where one could write them."))
    lines.append(("Greetings", _forms(card.openers, "no greeting")))
    lines.append(("Sign-offs", _forms(card.sign_offs, "no sign-off")))
    lines.append(("Marks", _marks(h)))
    if card.favourites:
        lines.append(("You come back to", _quoted(phrase for phrase, _ in card.favourites)))
    if card.avoided:
        lines.append(("You never write", _quoted(card.avoided[:FAVOURITES])))
    return lines


def _quoted(phrases: Iterable[str]) -> str:
    return "; ".join(f"“{shown(phrase)}”" for phrase in phrases)


def shown(phrase: str) -> str:
    """A phrase as one writes it: "I" in its capital."""
    return re.sub(r"\bi\b", "I", phrase)


def of_ten(share: float) -> str:
    return "None" if share < 0.03 else "All" if share > 0.97 else f"{max(1, min(9, round(10 * share)))} in 10"


def _forms(forms: Sequence[tuple[str, float]], none: str) -> str:
    return "; ".join(f"{form or none} ({share:.0%})" for form, share in forms[:4])


def _marks(h: Mapping[str, float]) -> str:
    """Which marks are the person's own: often, or never."""
    names = {"commas": 8.0, "semicolons": 0.5, "colons": 0.5, "dashes": 0.5, "brackets": 0.5}
    often = [name for name, least in names.items() if h.get(name, 0.0) >= least]
    often += [name for name in ("exclamations", "questions") if h.get(name, 0.0) >= 0.08]
    never = [name for name in ("semicolons", "dashes", "brackets", "exclamations", "questions") if h.get(name, 0.0) == 0]
    said = {"exclamations": "exclamation marks", "questions": "questions"}
    parts = [f"{word}: {', '.join(said.get(n, n) for n in some)}" for word, some in (("often", often), ("never", never)) if some]
    text = "; ".join(parts) or "none more than others"
    return text[0].upper() + text[1:] + "."
