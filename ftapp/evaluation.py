"""What a training achieved, in numbers with their meaning and in letters side by side.

Pure functions over numbers, and one that writes letters with a backend. Knows nothing of the database
or of how a training runs.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ftapp import cleaning, config

if TYPE_CHECKING:
    from ftapp.backends.local import AdapterRef, LocalBackend

SMALL_REWARD = 0.02  # rewards are beta * log-probability ratio; below this a mean is noise of a few batches
SMALL_GAP = 0.05


def wilson(successes: float, total: float, z: float = 1.96) -> tuple[float, float]:
    """The Wilson score interval of a share (95 % for z = 1.96), both ends in 0 to 1.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    Raises ValueError when `total` is not positive or `successes` lies outside it.
    """
    if total <= 0 or not 0 <= successes <= total:
        raise ValueError(f"{successes} of {total} is not a share")
    share, z2 = successes / total, z * z
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = z * math.sqrt(share * (1 - share) / total + z2 / (4 * total * total)) / (1 + z2 / total)
    return max(0.0, centre - half), min(1.0, centre + half)


def held_out_accuracy(margins: Sequence[float], groups: Sequence[str]) -> dict[str, Any]:
    """How often the adapter finds the chosen letter more likely than the rejected one, on postings it never saw.

    `margins[i]` is pair i's reward margin (beta x log-ratio, > 0 is right) and `groups[i]` its posting's split key.
    Pairs of one posting are not independent (an edit gives two), so each posting counts once, by the share of
    its pairs that are right, and the interval is Wilson's over postings. Returns {pairs, groups, accuracy, low,
    high, sentence}; below configs/app.yaml's `min_held_out_groups` the three numbers are None and the sentence says why
    (4 of 4 would still mean "51 to 100 %"). With them come {margin, margin_low, margin_high}: the mean margin of the
    postings and its 95 % t-interval, which sees sooner than the share which way an adapter went.
    """
    by_group: dict[str, list[float]] = {}
    for margin, group in zip(margins, groups, strict=True):
        by_group.setdefault(group, []).append(margin)
    count, least = len(by_group), config.app_config().min_held_out_groups
    result: dict[str, Any] = {"pairs": len(margins), "groups": count, "accuracy": None, "low": None, "high": None}
    if count < least:
        return {**result, "sentence": f"No accuracy is shown: choices for only {count} held-out posting{'s' * (count != 1)} - fewer than "
                                      f"{least} would say nothing - choose between letters for more postings."}  # fmt: skip
    right = sum(sum(margin > 0 for margin in own) / len(own) for own in by_group.values())
    low, high = wilson(right, count)
    likely = f"{right / count:.0%}, likely between {low:.0%} and {high:.0%}"
    sentence = f"Prefers the letter you chose for {right:g} of {count} held-out postings ({likely})."
    mean, half = interval([statistics.fmean(own) for own in by_group.values()])
    moved = {"margin": mean, "margin_low": mean - half, "margin_high": mean + half}
    return {**result, "accuracy": right / count, "low": low, "high": high, "sentence": sentence, **moved}


def interval(values: Sequence[float]) -> tuple[float, float]:
    """(mean, half the width of its 95 % t-interval) of two or more values."""
    from scipy.stats import t

    return statistics.fmean(values), float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))


def held_out_loss(rows: Sequence[Mapping[str, float]], examples: int, groups: int) -> dict[str, Any]:
    """How likely held-out letters are to the adapter, beside the model that it started from.

    `rows` are metrics under TRL's names in order of steps, with an evaluation before the first step; losses are mean
    negative log-likelihoods in nats a token. Returns {examples, groups, before, after, sentence}; without held-out letters the
    losses are None.
    """
    losses = [row["eval_loss"] for row in rows if "eval_loss" in row]
    result: dict[str, Any] = {"examples": examples, "groups": groups, "before": None, "after": None}
    if len(losses) < 2:
        unknown = "No letter was held out: whether it learned how you write, or your letters by heart, is not known. Add more letters."
        return {**result, "sentence": unknown}
    before, after = losses[0], losses[-1]
    likelier = math.exp(before - after)
    went = (
        f"each word or part of one is {likelier:.1f} times as likely as before" if likelier >= 1.05
        else "they are about as likely as before: little was learned" if likelier > 0.95
        else f"words are only {likelier:.2f} times as likely as before: it learned yours by heart; use fewer rounds"
    )  # fmt: skip
    count = f"{examples} letter{'s' * (examples != 1)}"
    sentence = f"On {count} of yours that it never saw, {went} (loss {before:.2f} before, {after:.2f} after)."
    return {**result, "before": before, "after": after, "sentence": sentence}


def read_curve(rows: Sequence[Mapping[str, float]]) -> str:
    """One plain sentence on the curve of a training. `rows` are metrics under TRL's names, in order of steps."""
    return _read_rewards(rows) if any("rewards/margins" in row for row in rows) else _read_losses(rows)


def _read_losses(rows: Sequence[Mapping[str, float]]) -> str:
    """A supervised curve: where the loss went on what is learned, and on what was held out."""
    train = [row["loss"] for row in rows if "loss" in row]
    if len(train) < 3:
        return "Too early to say how the learning goes."
    part = max(1, len(train) // 4)
    first, last = sum(train[:part]) / part, sum(train[-part:]) / part
    if not all(math.isfinite(value) for value in (first, last)):
        return "The numbers broke (not finite): this training cannot be used."
    if first - last < SMALL_GAP:
        return "Little has been learned so far: your letters are about as likely as before."
    sentence = f"Your letters became more likely: the loss went from {first:.2f} to {last:.2f}"
    held_out = [row["eval_loss"] for row in rows if "eval_loss" in row]
    if len(held_out) > 1:
        if held_out[-1] > min(held_out) + SMALL_GAP:
            sentence += ", but letters it never saw got worse again: it begins to learn yours by heart"
        elif held_out[0] - held_out[-1] >= SMALL_GAP:
            sentence += f", and on letters it never saw from {held_out[0]:.2f} to {held_out[-1]:.2f}"
        else:
            sentence += ", but letters it never saw hardly gain"
    return sentence + "."


def _read_rewards(rows: Sequence[Mapping[str, float]]) -> str:
    """A curve of choices.

    It reads the rewards, which are log-probabilities relative to the reference: `logps/...` also move with
    which letters happen to be in a batch, rewards do not. A growing gap can hide that both letters became
    less likely (likelihood displacement, Razin et al. 2024, arXiv 2410.08847), so the sentence says which way each went.
    """
    train = [row for row in rows if "rewards/margins" in row]
    if len(train) < 3:
        return "Too early to say how the learning goes."
    tail = train[-max(1, len(train) // 4) :]
    gap, chosen, rejected = (_mean(tail, name) for name in ("rewards/margins", "rewards/chosen", "rewards/rejected"))
    if not all(math.isfinite(value) for value in (gap, chosen, rejected)):
        return "The numbers broke (not finite): this training cannot be used."
    if abs(gap) < SMALL_GAP:
        sentence = "Little has been learned so far: chosen and rejected letters are about as likely as before"
    elif gap < 0:
        sentence = "It goes the wrong way: rejected letters became more likely compared with chosen ones"
    else:
        sentence = f"The gap grew to {gap:.2f} because {_directions(chosen, rejected)}"
    held_out = [row["eval_rewards/margins"] for row in rows if "eval_rewards/margins" in row]
    if gap >= SMALL_GAP and held_out:
        if held_out[-1] >= gap / 4:
            sentence += ", and held-out postings show it too"
        else:
            sentence += ", but held-out postings hardly show it: these letters may be learned by heart"
    return sentence + "."


def _directions(chosen: float, rejected: float) -> str:
    if chosen < -SMALL_REWARD and rejected < -SMALL_REWARD:
        return "both fell, rejected letters faster: it learned more what to avoid than what to write"
    if chosen > SMALL_REWARD and rejected > SMALL_REWARD:
        return "both rose, chosen letters faster"
    if chosen > SMALL_REWARD:
        return "chosen letters became more likely" + (" and rejected ones less" if rejected < -SMALL_REWARD else "")
    return "rejected letters became less likely while chosen ones stayed"


def _mean(rows: Sequence[Mapping[str, float]], name: str) -> float:
    values = [row[name] for row in rows if name in row]
    return sum(values) / len(values) if values else 0.0


def first_prompts(rows: Sequence[Mapping[str, Any]], count: int = 5) -> list[Mapping[str, Any]]:
    """Up to `count` rows, each of another posting, in the order given."""
    seen: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        seen.setdefault(row["split_key"], row)
    return list(seen.values())[:count]


def letters_before_after(
    backend: LocalBackend,
    prompts: Sequence[Sequence[Mapping[str, str]]],
    before: AdapterRef | None,
    after: AdapterRef,
    max_new_tokens: int,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[dict[str, Any]]:
    """Write each prompt's letter greedily with the adapter it started from (None: the base) and with the new one.

    Yields {before, after, before_finished, after_finished} a prompt, and ends early when `stop()` says so.
    """
    from ftapp.backends.pair import Row, Sampling, write

    for adapter in (before, after):
        if adapter is not None:
            backend.ensure(adapter)
    sampling = Sampling(greedy=True, max_new_tokens=max_new_tokens)
    for messages in prompts:
        if stop():
            return
        *_, last = write(backend, list(messages), [Row(before, 0), Row(after, 0)], sampling)
        texts = [cleaning.strip(text)[0] for text in last.texts]  # as the Write tab would show them
        yield {"before": texts[0], "after": texts[1], "before_finished": last.finished[0], "after_finished": last.finished[1]}
