"""Numbers about a letter, each defined once: what it means, its unit, where the definition comes from. Pure.

Knows no model: `similar` (sentence embeddings) and the claim ledger's counts are given by the caller, and a score whose
input is missing has the value None instead of a guess.
"""

from __future__ import annotations

import functools
import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ftapp import claims_facts, scripts, structure
from ftapp.profiles import JobPosting, ResumeProfile
from ftapp.prompts import content_words

# Cosine (all-MiniLM-L6-v2) from which a sentence answers a requirement that asks for no fact. In 80 real letters this finds 1 % more
# of the own posting's requirements than terms alone, and takes 0.6 % more of another posting's for answered; at 0.4 it is 6 and 7 %.
SIMILAR_ENOUGH = 0.5
TERMS_OF_A_POSTING = 2  # a sentence with so many of a posting's terms would not fit another posting

# (texts, lines) -> the cosine of each text with each line, one row a text; by sentence embeddings.
Similar = Callable[[Sequence[str], Sequence[str]], Sequence[Sequence[float]]]


@dataclass(frozen=True)
class Detail:
    """One part of a score: what was looked for, whether it was met, how."""

    text: str
    met: bool
    note: str = ""


@dataclass(frozen=True)
class Score:
    """One number about one letter. `value` is None where there is nothing to measure; `parts` say how it came about."""

    name: str
    value: float | None
    unit: str
    explanation: str
    parts: tuple[Detail, ...] = ()


# name -> (unit, what it means). A "share" goes from 0 to 1.
DEFINITIONS = {
    "Response Relevance": ("share", "How many of the posting's requirements the letter answers, by their words or by their meaning."),
    "Email Structure Quality": ("share", "How many of the kind's checks hold: each part is there, they are in order, the length fits."),
    "groundedness": ("share", "How many of the letter's claims the résumé, portfolio or posting supports."),
    "specificity": ("share", "How much of the letter speaks to this employer and could not be sent to another: words in sentences "
                             "that would not fit once the names are swapped / all words."),
    "repetition": ("share", "How often the letter uses a word again; lower is more varied, and longer letters repeat more: "
                            "1 - different words / words."),
    "words": ("words", "Words, split on white space."),
    "characters": ("characters", "Characters, spaces and line breaks included."),
    "rouge_l_f1": ("share", "ROUGE-L F1 (Lin 2004): the longest common word sequence with the reference letter, "
                            "harmonic mean of its share of both."),
}  # fmt: skip

# Words that stand in most postings: they say nothing of this one.
_COMMON = content_words(
    "ability able across also additional applicant appropriate areas back ground background based best both business candidate career "
    "clear communication communicate company competitive days deliver demonstrated desirable development develop different drive "
    "effective effectively employer ensure environment essential every excellent experience expertise familiar familiarity from good "
    "great have help high highly including individual industry into interest interested interpersonal join know knowledge large level "
    "like look looking make many minimum more most must need needs other over part people plus position posting preferred proficiency "
    "proficient proven provide quality range related relevant required requirement requirements responsible role skill skills solid "
    "some strong such support take team teams that their them they this through understanding using variety very well what when where "
    "which while will with within work working world would written year years your you our the and for are can job degree equivalent "
    "field similar similarly success successful successfully time times new use used contribute opportunity"
)


def terms(text: str) -> frozenset[str]:
    """A text's telling words: content words (cut to six letters) that not every posting has; in a text of none, all of them."""
    words = frozenset(word.casefold() for word in content_words(text))
    return words - _COMMON or words


def repetition(text: str) -> float:
    """1 - distinct words / words (share), lower-cased and split on white space; 0 for an empty text."""
    words = text.lower().split()
    return 1 - len(set(words)) / len(words) if words else 0.0


def rouge_l_f1(prediction: str, reference: str) -> float:
    """ROUGE-L F1 (share; Lin 2004) by rouge-score: lower-cased runs of a-z and 0-9, no stemming, the whole text as one sequence.

    Texts in other scripts hold no such runs and score 0. Time grows with the product of both lengths: 15 ms for two letters.
    """
    return float(_rouge().score(target=reference, prediction=prediction)["rougeL"].fmeasure)


@functools.cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer  # imports nltk: seconds, for a number that few calls need

    return RougeScorer(["rougeL"], use_stemmer=False)


def scores(
    letter: str,
    kind: str,
    words: int | None,
    profile: ResumeProfile,
    job: JobPosting,
    similar: Similar | None = None,
    *,
    supported: int | None = None,
    claims: int | None = None,
) -> list[Score]:
    """All scores of one letter, in the order in which a screen shows them.

    `words`: the length that was asked for. Without `similar` relevance goes by words alone; what it raises goes on to the caller.
    `supported` of `claims` are the claim ledger's counts. Raises UserError for an unknown kind.
    """
    return [
        _relevance(letter, job, similar),
        _structure(letter, kind, words, profile, job),
        _groundedness(supported, claims),
        _specificity(letter, job),
        _score("repetition", repetition(letter)),
        _score("words", scripts.word_count(letter)),
        _score("characters", len(letter)),
    ]


def _score(name: str, value: float | None, parts: Sequence[Detail] = (), instead: str = "") -> Score:
    """A score by its definition; `instead` says why there is no value."""
    unit, explanation = DEFINITIONS[name]
    return Score(name, value, unit, instead or explanation, tuple(parts))


def _share(parts: Sequence[Detail]) -> float:
    return sum(part.met for part in parts) / len(parts)


# --- relevance -----------------------------------------------------------------------------------------------------------


def _relevance(letter: str, job: JobPosting, similar: Similar | None) -> Score:
    wanted = job.requirements or [part for part in (job.question,) if part]
    body = list(structure.parse(letter).sentences)
    if not wanted:
        return _score("Response Relevance", None, instead="The posting names no requirements, so none can be answered.")
    near = similar(wanted, body) if similar and body else [[] for _ in wanted]
    own = terms(letter)
    parts = [_covered(line, own, max(row, default=0.0)) for line, row in zip(wanted, near, strict=True)]
    return _score("Response Relevance", _share(parts), parts)


def _covered(requirement: str, own: frozenset[str], cosine: float) -> Detail:
    """A requirement is answered when half of its telling words stand in the letter, or a sentence means the same; but likeness
    does not tell a Master's degree from a Bachelor's, nor two years from five: these are answered by words only."""
    asked = terms(requirement)
    shared = asked & own
    if asked and 2 * len(shared) >= len(asked):
        return Detail(requirement, True, f"{len(shared)} of its {len(asked)} telling words stand in the letter")
    fact = claims_facts.DEGREE.search(requirement) or claims_facts.durations(requirement) or claims_facts.numbers(requirement)
    if cosine >= SIMILAR_ENOUGH and not fact:
        return Detail(requirement, True, f"a sentence means nearly the same (cosine {cosine:.2f})")
    return Detail(requirement, False, f"{len(shared)} of its {len(asked)} telling words stand in the letter")


# --- structure, groundedness ---------------------------------------------------------------------------------------------


def _structure(letter: str, kind: str, words: int | None, profile: ResumeProfile, job: JobPosting) -> Score:
    found = structure.check(letter, kind, words, profile, job)
    return _score("Email Structure Quality", found.share, [Detail(*check) for check in found.checks])


def _groundedness(supported: int | None, claims: int | None) -> Score:
    if supported is None or claims is None:
        return _score("groundedness", None, instead="The claims of this letter were not checked.")
    if claims == 0:
        return _score("groundedness", None, instead="The letter claims nothing that could be checked.")
    return _score("groundedness", supported / claims, [Detail(f"{supported} of {claims} claims are supported", supported == claims)])


# --- specificity ---------------------------------------------------------------------------------------------------------


def _specificity(letter: str, job: JobPosting) -> Score:
    """Words in sentences that only this posting explains, of all words of the body. Names are taken out first: a sentence
    that only names employer and title fits the next one as soon as they are swapped."""
    body = structure.parse(letter).sentences
    wanted = [*job.requirements, *job.duties, *([job.question] if job.question else [])]
    if not wanted or not body:
        why = "The letter is empty." if wanted else "The posting gives neither requirements nor duties to compare with."
        return _score("specificity", None, instead=why)
    lines = [terms(line) for line in wanted]
    parts = [_swapped(sentence, job, lines) for sentence in body]
    count = [len(part.text.split()) for part in parts]
    return _score("specificity", sum(n for n, part in zip(count, parts, strict=True) if part.met) / max(1, sum(count)), parts)


def _swapped(sentence: str, job: JobPosting, lines: list[frozenset[str]]) -> Detail:
    bare = sentence
    for name in (job.company, job.title, job.location):
        bare = re.sub(rf"(?i)(?<!\w){re.escape(name)}(?!\w)", " ", bare) if name else bare
    own = frozenset(word.casefold() for word in content_words(bare)) - _COMMON
    held = own & frozenset().union(*lines)
    if len(held) >= TERMS_OF_A_POSTING or any(line and line <= own for line in lines):
        return Detail(sentence, True, f"takes up {len(held)} words of the posting")
    return Detail(sentence, False, "fits another employer once the names are swapped" if bare != sentence else "fits any employer")


# --- many letters --------------------------------------------------------------------------------------------------------


def summary(values: Sequence[float]) -> dict[str, float | None]:
    """Mean, sample standard deviation (n - 1; None below two values) and median of a column; all None for no value."""
    if not values:
        return {"mean": None, "std": None, "median": None}
    spread = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.fmean(values), "std": spread, "median": statistics.median(values)}
