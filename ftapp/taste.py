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

RIDGE = 0.3  # scikit-learn's C. From .1 to 1 as good: 20 to 200 choices of simulated people on whom nothing else is measured
FOLDS = 5
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
    """`weights`: log-odds of being chosen for one more of each number. `pairs` were learned from; of them, with each left out in turn with
    its posting, a share `accuracy` is told right."""

    weights: Mapping[str, float]
    scales: Mapping[str, float]
    pairs: int
    accuracy: float

    @property
    def sure(self) -> bool:
        """Whether it tells unseen choices better than a coin, by more than one standard error."""
        return self.accuracy - math.sqrt(0.25 / self.pairs) > 0.5

    def worth(self, numbers: Mapping[str, float]) -> float:
        """Log-odds of a letter, up to a constant: only differences mean something. Sigmoid of one is the chance of being chosen."""
        return sum(weight * numbers.get(name, 0.0) for name, weight in self.weights.items())

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
    """All that is counted in a letter that answers a prompt, about 10 ms. Absent means 0."""
    pieces, job, person = structure.parse(letter), asked.job, asked.profile
    sources = [asked.hook] if asked.kind and asked.hook else [] if asked.kind else [asked.text]
    found = [claim for sentence in claims.ledger(letter, person, job, asked.hits, sources) for claim in sentence.claims]
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
    counted |= Counter(_NAMED + claim.kind for claim in found)
    return {name: float(value) for name, value in (voice.habits(letter) | counted).items()}


def learned(pairs: Sequence[tuple[Mapping[str, float], Mapping[str, float]]], postings: Sequence[str]) -> Taste | None:
    """The taste behind (numbers of the chosen letter, numbers of the rejected one); `postings` names the posting of each pair, so that
    one is never checked on what was chosen for the same. None below two postings, or where no two letters differ."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold

    names = sorted({name for pair in pairs for one in pair for name in one})
    spread = {name: statistics.pstdev([one.get(name, 0.0) for pair in pairs for one in pair]) for name in names}
    names = [name for name in names if spread[name] > 1e-9]
    if len(set(postings)) < 2 or not names:
        return None
    apart = np.array([[(chosen.get(n, 0.0) - rejected.get(n, 0.0)) / spread[n] for n in names] for chosen, rejected in pairs])

    def line(rows: np.ndarray) -> np.ndarray:
        # Each pair both ways round: a regression needs both answers, and no side is better than the other.
        both, answers = np.concatenate([rows, -rows]), np.repeat([1, 0], len(rows))
        return LogisticRegression(C=RIDGE / 2, fit_intercept=False, max_iter=1000).fit(both, answers).coef_[0]

    folds = GroupKFold(min(FOLDS, len(set(postings)))).split(apart, groups=list(postings))
    told = [apart[unseen] @ line(apart[seen]) for seen, unseen in folds]
    right = sum(float((one > 0).sum() + (one == 0).sum() / 2) for one in told)
    weights = line(apart)
    return Taste({n: float(w / spread[n]) for n, w in zip(names, weights, strict=True)}, {n: spread[n] for n in names}, len(pairs),
                 right / len(pairs))  # fmt: skip
