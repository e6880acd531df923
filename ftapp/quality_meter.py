"""Whether there are enough good examples, what to expect of so many, and of what there are too few. Knows counts and questions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ftapp.quality_items import Enough, Finding, Item

FEW, SOME = 30, 100  # good examples of one kind
_EXPECT = {
    "none": "There is nothing to learn from yet. Add a letter that you would send again.",
    "few": "Below 30: enough to pick up openings, sign-offs and length, not yet a voice. Expect a slight difference; three of your "
    "letters in the prompt may do as much. Add more, or let your choices teach beside them.",
    "some": "Between 30 and 100: enough for a voice that readers recognise on jobs like these. Expect uneven results on jobs unlike them.",
    "many": "100 and more: enough for a steady voice. From here on a variety of jobs and questions does more than numbers.",
}
# What people are asked in applications and by their readers, by the words that such questions have.
_QUESTIONS = {
    "why this employer or job": r"why (?:do|did|would) you|what (?:draws|interests|attracts|motivates)|why (?:us|this|are you)",
    "telling of a time when": r"tell (?:me|us) about a|describe a (?:time|situation)|give an example|an occasion",
    "strengths and weaknesses": r"strength|weakness|improve about yourself|proud of|greatest achievement",
    "failure or conflict": r"fail(?:ed|ure)?|mistake|conflict|disagree|difficult (?:person|colleague|customer)|went wrong",
    "pay, notice and practical things": r"salary|pay|notice period|start date|relocat|available|visa|hours",
    "plans for the future": r"\bplan|in (?:\w+ )?(?:five|5|ten|10|three|3) years|career goals?|see yourself|next step",
    "advice to others": r"advice|should i|how (?:do|can|should|would) (?:i|one|people|someone|we)|tips|recommend",
    "an opinion or a post on a topic": r"what do you think|your (?:view|opinion|take|thoughts)|write a post|post about|share your",
}
_KINDS = {"cover_letter": "cover letters", "cold_email": "cold emails", "linkedin_message": "LinkedIn messages", "answer": "answers"}
LEAST_ANSWERS = 5  # before missing kinds of question are worth naming


def measure(items: Sequence[Item], findings: Sequence[Finding]) -> Enough:
    """The meter over examples and what was found about them. The level goes by the largest kind: kinds teach little to each other."""
    aside = {f.item_id for f in findings if f.quarantine}
    good = [item for item in items if item.id not in aside]
    kinds = Counter(item.kind for item in good)
    most = max(kinds.values(), default=0)
    level = "none" if not most else "few" if most < FEW else "some" if most < SOME else "many"
    missing = [
        f"{name} (fewer than {FEW})" if kinds[kind] else name for kind, name in _KINDS.items() if kinds[kind] < FEW and kind in _used(items)
    ]
    if kinds["answer"] >= LEAST_ANSWERS:
        asked = "\n".join(text for item in good if item.kind == "answer" for role, text in item.turns if role == "user")
        missing += [f"questions about {name}" for name, words in _QUESTIONS.items() if not re.search(rf"(?i)\b(?:{words})", asked)]
    return Enough(len(items), len(good), dict(kinds), level, _EXPECT[level], tuple(missing))


def _used(items: Sequence[Item]) -> set[str]:
    """The kinds that the person has given any example of, good or not."""
    return {item.kind for item in items}
