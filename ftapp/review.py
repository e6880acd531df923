"""What a person should know about a letter before sending it: its claims and their evidence, its scores, what must not be sent.

Joins the claim ledger, the scores and the flags of one letter. Pure: knows no database, no model and no screen.
"""

from __future__ import annotations

from dataclasses import dataclass

from ftapp import claims, cleaning, metrics
from ftapp import claims_facts as facts
from ftapp.errors import ModelError
from ftapp.profiles import JobPosting, ResumeProfile
from ftapp.prompts import Hit

HOOK_SHARE = 0.6  # models bend a sentence to fit, and keep its words


@dataclass(frozen=True)
class Sources:
    """Everything that can speak for a letter: the fields, the résumé as pasted, the own hook, portfolio hits."""

    kind: str
    words: int | None  # the length that was asked for, if one was
    job: JobPosting
    profile: ResumeProfile
    texts: tuple[str, ...] = ()
    hits: tuple[Hit, ...] = ()
    hook: str = ""  # the person's own sentence, which the letter should hold


@dataclass(frozen=True)
class Review:
    """One letter's sentences with their claims, its open points in order of place, and its scores. `note` is a sentence when
    meaning was asked for and words had to do."""

    sentences: tuple[claims.Sentence, ...]
    open: tuple[claims.Claim, ...]
    flags: tuple[cleaning.Flag, ...]
    scores: tuple[metrics.Score, ...]
    note: str = ""
    hook_missing: bool = False  # the person gave a sentence of their own, and the letter does not say it

    @property
    def claims(self) -> int:
        return sum(len(sentence.claims) for sentence in self.sentences)


def review(letter: str, sources: Sources, similar: metrics.Similar | None = None) -> Review:
    """Trace and measure one letter; about 10 ms for a page. The letter is not changed.

    `similar` (sentence embeddings) ranks source lines and finds answered requirements by meaning; facts are the rules' alone.
    When it raises ModelError, words do it.
    """
    if similar is None:
        return _review(letter, sources, None, "")
    try:
        return _review(letter, sources, similar, "")
    except ModelError as error:
        return _review(letter, sources, None, f"Nearest lines and requirements go by words they share. {error}")


def _review(letter: str, sources: Sources, similar: metrics.Similar | None, note: str) -> Review:
    traced = tuple(claims.ledger(letter, sources.profile, sources.job, sources.hits, sources.texts, similar))
    unsupported = tuple(claims.unsupported(traced))
    flags = cleaning.clean(letter, sources.job, sources.profile).flags
    number = sum(len(sentence.claims) for sentence in traced)
    scores = metrics.scores(
        letter, sources.kind, sources.words, sources.profile, sources.job, similar, supported=number - len(unsupported), claims=number
    )
    return Review(traced, unsupported, flags, tuple(scores), note, not says(letter, sources.hook))


def says(letter: str, hook: str) -> bool:
    """Whether most of the telling words of a person's own sentence stand in the letter, in whatever form."""
    wanted, said = facts.content(hook), facts.keys(letter)
    return sum(any(facts.alike(key, own) for own in said) for key in wanted) >= HOOK_SHARE * len(wanted)


def without(letter: str, sources: Sources, number: int) -> str:
    """The letter without the sentence that holds open claim `number` (from 1); unchanged when there is no such claim."""
    found = review(letter, sources).open
    return claims.without(letter, found[number - 1]) if 0 < number <= len(found) else letter


def mended(before: str, after: str, sources: Sources) -> tuple[claims.Claim, ...]:
    """The open claims of a letter that its edited version does not make any more."""
    still = {(claim.kind, claim.text.casefold()) for claim in review(after, sources).open}
    return tuple(claim for claim in review(before, sources).open if (claim.kind, claim.text.casefold()) not in still)
