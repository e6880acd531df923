"""What a person likes in letters, learned from their choices: a straight line over numbers that can be counted in any letter.

A choice says more than which of two letters is better: it says something of every letter that differs in the same way. The line is
fitted to the differences of chosen and rejected letters (Bradley and Terry 1952, in the form of a logistic regression without a constant,
held back by a ridge), and then says of two letters that nobody has seen which one the person would rather send.
Knows habits, claims and scores; knows no model, no file and no database, and nothing of what cannot be counted.
"""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ftapp import claims, metrics, rendered, structure, voice

# scikit-learn's: less holds back more. For thirty simulated people whom no figure uses: without wrong choices .03 to 1 do alike; with every
# fifth choice wrong .1 tells 70 % of unseen pairs right after 100 choices, .3 69 %, 1 67 %; after 50 choices 68, 67 and 66 %.
C = 0.1
SEEN = 5  # pairs in which a number must differ before anything is made of it
TOLD = 5  # likes that are told

# What is counted, as a person would call more of it.
NUMBERS = {
    "words": "length", "sentences": "many sentences", "paragraphs": "many paragraphs", "greeting": "a greeting", "sign_off": "a sign-off",
    "stock_phrases": "stock phrases", "thanks": "thanks", "figures": "figures", "repetition": "words used again",
    "title": "the job's title word for word", "company": "the employer's name", "name": "your own name",
    "relevance": "requirements of the posting", "structure": "a complete letter", "specificity": "what fits this employer alone",
    "unsupported": "claims without support",
}  # fmt: skip
HABITS = {
    "sentence_words": "long sentences", "sentence_spread": "short and long sentences in turn", "paragraph_words": "long paragraphs",
    "word_letters": "long words", "contractions": "I'm and don't", "starts_with_i": "sentences that begin with I",
}  # fmt: skip
_SCORES = {"relevance": "Response Relevance", "structure": "Email Structure Quality", "specificity": "specificity",
           "repetition": "repetition"}  # fmt: skip
_NAMED = "named "  # before the kind of a claim


@dataclass(frozen=True)
class Taste:
    """`weights`: log-odds of being chosen for one more of each number; `usual` and `scales` are its mean and standard deviation in the
    letters that were judged. `pairs` of so many `postings` were learned from. Of each the log-odds of the choice that was made are told by
    a line that saw none of its posting: `accuracy` is the share above 0, `gap` their mean."""

    weights: Mapping[str, float]
    usual: Mapping[str, float]
    scales: Mapping[str, float]
    pairs: int
    postings: int
    accuracy: float
    gap: float

    @property
    def tells(self) -> bool:
        """Whether it speaks for unseen choices rather than against them. To ask for more would throw good tastes away: after 30 choices
        those that are not `sure` are right about 69 % of further ones, those that are about 72 % (every fifth choice wrong: 65 and
        64 %). After 26 choices of thirty simulated people this keeps 98 % of their tastes, and 40 % of those of coins; more right than
        wrong, with five parts left out in turn, keeps 95 and 45 %."""
        return self.gap > 0

    @property
    def sure(self) -> bool:
        """Whether it tells more of them right than wrong, by more than one standard error; of choices by chance one in five does.
        Asked where a taste speaks against somebody."""
        return self.accuracy - math.sqrt(0.25 / self.postings) > 0.5

    def worth(self, numbers: Mapping[str, float]) -> float:
        """Log-odds of a letter, up to a constant: only differences mean something. Sigmoid of one is the chance of being chosen."""
        return sum(weight * numbers.get(name, self.usual[name]) for name, weight in self.weights.items())

    def likes(self) -> tuple[list[str], list[str]]:
        """What it looks for and what it avoids, in words: of all numbers the `TOLD` that move a usual letter most."""
        by_size = sorted(self.weights, key=lambda name: -abs(self.weights[name]) * self.scales[name])[:TOLD]
        return [called(n) for n in by_size if self.weights[n] > 0], [called(n) for n in by_size if self.weights[n] < 0]


def called(name: str) -> str:
    """A number as a person would call it."""
    if name.startswith(_NAMED):
        return f"{name.removeprefix(_NAMED)}s by name"
    return NUMBERS.get(name) or HABITS.get(name) or voice.HABITS[name][0].lower()


def numbers(letter: str, asked: rendered.Rendered) -> dict[str, float]:
    """All that is counted in a letter that answers a prompt, about 20 ms; a habit that it gives no place for is left out."""
    pieces, job, person = structure.parse(letter), asked.job, asked.profile
    found = [claim for sentence in claims.ledger(letter, person, job, asked.hits, asked.sources) for claim in sentence.claims]
    scored = {score.name: score.value for score in metrics.scores(letter, asked.kind or "answer", asked.words, person, job)}
    lowered = letter.casefold()
    counted = {
        "words": len(letter.split()), "sentences": len(pieces.sentences),
        "paragraphs": sum(bool(part.strip()) for part in re.split(r"\n\s*\n", letter)),
        "greeting": bool(pieces.greeting), "sign_off": bool(pieces.sign_off), "thanks": "thank" in lowered,
        "stock_phrases": sum(phrase in lowered for phrase in voice.STOCK), "figures": len(re.findall(r"\d[\d,.]*", letter)),
        "unsupported": sum(not claim.supported for claim in found),
    }  # fmt: skip
    counted |= {name: scored[score] or 0 for name, score in _SCORES.items()}
    said = {"title": job.title, "company": job.company, "name": person.name}
    counted |= {name: bool(value) and value in letter for name, value in said.items()}
    kinds = Counter(claim.kind for claim in found)
    counted |= {_NAMED + kind: kinds[kind] for kind in claims.KINDS}
    return {name: float(value) for name, value in (voice.habits(letter) | counted).items()}


def learned(pairs: Sequence[tuple[Mapping[str, float], Mapping[str, float]]], postings: Sequence[str]) -> Taste | None:
    """The taste behind (numbers of the chosen letter, numbers of the rejected one); `postings` names the posting of each pair, so that
    one is never checked on what was chosen for the same. None below two postings, or where no number differs in `SEEN` pairs."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import LeaveOneGroupOut

    letters = [one for pair in pairs for one in pair]
    every = {name: [one[name] for one in letters if name in one] for name in sorted({name for one in letters for name in one})}
    usual = {name: statistics.fmean(values) for name, values in every.items()}
    apart = {name: np.array([one.get(name, mean) - other.get(name, mean) for one, other in pairs]) for name, mean in usual.items()}
    names = [name for name in every if np.count_nonzero(apart[name]) >= SEEN]
    if len(set(postings)) < 2 or not names:
        return None
    scales = {name: statistics.pstdev(every[name]) for name in names}
    rows = np.column_stack([apart[name] / scales[name] for name in names])

    def line(seen: np.ndarray) -> np.ndarray:
        # Each pair both ways round: a regression needs both answers, and no side is better than the other.
        both, answers = np.concatenate([seen, -seen]), np.repeat([1, 0], len(seen))
        return LogisticRegression(C=C / 2, fit_intercept=False, max_iter=1000).fit(both, answers).coef_[0]

    apart_by_posting = LeaveOneGroupOut().split(rows, groups=list(postings))
    told = np.concatenate([rows[unseen] @ line(rows[seen]) for seen, unseen in apart_by_posting])
    accuracy = float(np.mean((told > 0) + (told == 0) / 2))
    weights = {name: float(weight / scales[name]) for name, weight in zip(names, line(rows), strict=True)}
    return Taste(weights, {name: usual[name] for name in names}, scales, len(pairs), len(set(postings)), accuracy, float(told.mean()))
