"""May a new adapter be shown to anybody? Rules over what was measured of it and of what writes now. Pure: no model, no database.

Both wrote letters for the same prompts from the same seeds, so scores are compared letter by letter: a rule of non-inferiority
refuses when the adapter is worse by more than a margin, and holds it against the adapter when that cannot be told (the lower end of
the one-sided 95 % t-interval of the mean paired difference lies below -margin; Schuirmann 1987, J. Pharmacokinet. Biopharm. 15). The
margins, each with its reason, stand in configs/gate.yaml. What could not be measured refuses nothing and is said, but for one thing:
where no letters could be compared, nothing is let through.
"""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ftapp import config

OK, REFUSED, UNKNOWN = "ok", "refused", "unknown"
STAMP_WORDS = 5
LEAST_TAUGHT = 10  # pairs: of fewer, what stands in every chosen letter may be chance
DOUBT = "What comes of this training will be refused, so it is better stopped now."
FEWEST = 3  # letters that may be compared: fewer say nothing
AGAIN = "Ask the gate again, on the Models screen."
# What is compared letter by letter: key of a letter's scores -> (title, what more of it means)
COMPARED = {"relevance": "Relevance", "structure": "Structure", "groundedness": "Supported claims", "voice": "Your voice"}
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True)
class Rule:
    """One rule and what became of it. `value` and `limit` are numbers, or None where the rule has none."""

    name: str
    title: str
    value: float | None
    limit: float | None
    state: str
    sentence: str


def judge(measured: Mapping[str, Any], limits: config.GateConfig | None = None) -> dict[str, Any]:
    """{passed, rules, values} of what `gate_measure.measure` returned, as it is stored."""
    limits = limits or config.gate_config()
    letters = measured["letters"] if len(measured["letters"]) >= FEWEST else []
    rules = [
        *(_fixed(name, title, measured[name]) for name, title in (("files", "Files"), ("sides", "Who wrote what"))),
        _compared(measured), _held_out(measured.get("held_out")), _moved(measured.get("held_out")),
        _contrary(measured.get("agreement"), limits), _taught(measured.get("taught"), limits),
        *(_no_worse(name, title, letters, getattr(limits, name).limit) for name, title in COMPARED.items()),
        _unsupported(letters, limits), _repetition(letters, limits), _length(letters, limits), _endless(letters, limits),
        _stamp(measured.get("stamp"), letters, limits),
        _probe("forgetting", "Forgetting", measured.get("forgetting"), "rise", limits.forgetting.limit),
        _probe("reciting", "Reciting", measured.get("reciting"), "", None),
    ]  # fmt: skip
    values = {"letters": len(measured["letters"]), "seconds": measured.get("seconds")}
    if any(rule.name == "stamp" and rule.state == REFUSED for rule in rules):
        values["stamp"] = measured["stamp"]["text"]  # a letter's words: with the values they go when what they come from is deleted
    return {"passed": all(rule.state != REFUSED for rule in rules), "rules": [asdict(rule) for rule in rules], "values": values}


def doubt(choices: Mapping[str, Any]) -> str:
    """Why an adapter that these choices (`gate_measure.choices`) teach will be refused, whatever it writes; else empty."""
    limits = config.gate_config()
    rules = _contrary(choices["agreement"], limits), _taught(choices["taught"], limits)
    why = [rule.sentence for rule in rules if rule.state == REFUSED]
    return " ".join([DOUBT, *why]) if why else ""


# ---- rules ------------------------------------------------------------------------------------------------------------


def _fixed(name: str, title: str, reason: str) -> Rule:
    said = {"files": "The files are whole, finite and of the recorded shapes.", "sides": "Each letter can be proved to be its writer's."}
    return Rule(name, title, None, None, REFUSED if reason else OK, reason or said[name])


def _compared(measured: Mapping[str, Any]) -> Rule:
    """Nothing else can refuse an adapter whose letters nobody has seen: a check that was stopped, or too slow, lets nothing through."""
    title, count = "Letters compared", len(measured["letters"])
    if measured["files"] or measured["sides"]:
        return Rule("compared", title, count, FEWEST, UNKNOWN, "Nothing was written.")
    if measured.get("stopped"):
        said = f"The check was stopped with {count} of them compared, before everything was asked. {AGAIN}"
        return Rule("compared", title, count, FEWEST, REFUSED, said)
    if count < min(FEWEST, measured.get("asked", FEWEST)):
        said = f"Only {count} of them were compared, for there was no time for more: too few to tell. {AGAIN}"
        return Rule("compared", title, count, FEWEST, REFUSED, said)
    return Rule("compared", title, count, FEWEST, OK, f"{count} letters were written by both.")


def _held_out(found: Mapping[str, Any] | None) -> Rule:
    """Only an interval below one half refuses: with twenty held-out pairs one above it would refuse most good adapters."""
    title = "Held-out choices"
    if not found or found.get("high") is None:
        return Rule("held_out", title, None, 0.5, UNKNOWN, "Too few choices were held out to say how often it agrees with you.")
    state = REFUSED if found["high"] < 0.5 else OK
    return Rule("held_out", title, found["accuracy"], 0.5, state, found["sentence"])


def _moved(found: Mapping[str, Any] | None) -> Rule:
    """Away from the person's choices: by how much tells it with fewer pairs than how often."""
    title = "Towards your choices"
    if not found or found.get("margin_high") is None:
        return Rule("moved", title, None, 0.0, UNKNOWN, "Too few choices were held out to say which way it went.")
    likely = f"by {found['margin']:+.2f} on average, likely {found['margin_low']:+.2f} to {found['margin_high']:+.2f}"
    if found["margin_high"] < 0:
        return Rule("moved", title, found["margin"], 0.0, REFUSED, f"It went away from letters you chose on held-out postings: {likely}.")
    return Rule("moved", title, found["margin"], 0.0, OK, f"Letters you chose on held-out postings gained on the others {likely}.")


def _contrary(found: Mapping[str, Any] | None, limits: config.GateConfig) -> Rule:
    """Labels the wrong way round, or another person's: the choices that taught it against those that did not, before any letter."""
    title, most = "Taught as you chose", limits.contrary.limit
    if not found:
        return Rule("contrary", title, None, -most, UNKNOWN, "The choices have too little in common that can be counted to tell.")
    said = "What the choices that taught it have in common"
    if found["log_odds"] < -most:
        against = f"{said} speaks against your {found['postings']} held-out ones. Were labels the wrong way round, or somebody else's?"
        return Rule("contrary", title, found["log_odds"], -most, REFUSED, against)
    how = "speaks for" if found["log_odds"] > 0 else "does not clearly speak against"
    return Rule("contrary", title, found["log_odds"], -most, OK, f"{said} {how} your {found['postings']} held-out ones.")


def _taught(found: Mapping[str, Any] | None, limits: config.GateConfig) -> Rule:
    """The chosen letters that taught it, beside the rejected ones, by the limits of the letters that it writes: what it was taught may
    come out later, or for other prompts. Only what is surely worse refuses, for people choose as they like, and as long as they like."""
    title = "Letters that taught it"
    if not found or len(found["letters"]) < LEAST_TAUGHT:
        return Rule("taught", title, None, None, UNKNOWN, f"Fewer than {LEAST_TAUGHT} choices between two letters taught it.")
    letters = found["letters"]
    wrong = [name for name in ("relevance", "structure", "groundedness") if _surely_worse(letters, name, getattr(limits, name).limit)]
    rules = _repetition(letters, limits), _stamp(found["stamp"], letters, limits)
    wrong = [COMPARED[name].lower() for name in wrong] + [rule.title.lower() for rule in rules if rule.state == REFUSED]
    if wrong:
        said = f"The letters it was taught to prefer are not sound beside the others: {', '.join(wrong)}. Look at where they came from."
        return Rule("taught", title, len(wrong), 0, REFUSED, said)
    return Rule("taught", title, 0, 0, OK, f"The letters it was taught to prefer ({len(letters)} were read) are as sound as the others.")


def _surely_worse(letters: Sequence[Mapping[str, Any]], name: str, margin: float) -> bool:
    lost = [now - new for now, new in _pairs(letters, name)]
    return lower_bound(lost) > margin


def _pairs(letters: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    """(now, new) of every prompt for which both letters have the score."""
    both = [(one["live"].get(name), one["new"].get(name)) for one in letters]
    return [(now, new) for now, new in both if now is not None and new is not None]


def lower_bound(differences: Sequence[float]) -> float:
    """The lower end of the one-sided 95 % t-interval of a mean; -inf below FEWEST values."""
    if len(differences) < FEWEST:
        return -math.inf
    from scipy.stats import t

    spread = statistics.stdev(differences) / math.sqrt(len(differences))
    return statistics.fmean(differences) - float(t.ppf(0.95, len(differences) - 1)) * spread


def _no_worse(name: str, title: str, letters: Sequence[Mapping[str, Any]], margin: float) -> Rule:
    """`voice` is a distance, less of it is better; the others are shares."""
    pairs, sign = _pairs(letters, name), -1 if name == "voice" else 1
    if len(pairs) < FEWEST:
        why = "There are no letters of yours to compare with." if name == "voice" else "Too few letters could be compared."
        return Rule(name, title, None, -margin, UNKNOWN, why)
    differences = [sign * (new - now) for now, new in pairs]
    low, mean = lower_bound(differences), statistics.fmean(differences)
    before, after = (statistics.fmean(side) for side in zip(*pairs, strict=True))
    form, unit, scale = ("{:.2f} steps from your letters", "{:.2f} steps", 1) if name == "voice" else ("{:.0%}", "{:.0f} points", 100)
    worst, allowed = unit.format(scale * abs(low)), unit.format(scale * margin)
    worst = "the same" if worst == unit.format(0) else f"{worst} {'worse' if low < 0 else 'better'}"
    said = f"{form.format(before)} before, {form.format(after)} now; at worst {worst}"
    if low >= -margin:
        return Rule(name, title, low, -margin, OK, f"{said}, and {allowed} are allowed.")
    sure = "It got worse" if mean < -margin else "It may have got worse"
    return Rule(name, title, low, -margin, REFUSED, f"{sure}: {said}, and only {allowed} are allowed.")


def _unsupported(letters: Sequence[Mapping[str, Any]], limits: config.GateConfig) -> Rule:
    title, most, pairs = "Unsupported claims", limits.unsupported.limit, _pairs(letters, "unsupported")
    if not pairs:
        return Rule("unsupported", title, None, most, UNKNOWN, "Too few letters could be compared.")
    before, after = (statistics.fmean(side) for side in zip(*pairs, strict=True))
    said = f"{before:.2f} a letter before, {after:.2f} now"
    if after - before > most:
        return Rule("unsupported", title, after - before, most, REFUSED, f"It claims more that nothing supports: {said}.")
    return Rule("unsupported", title, after - before, most, OK, f"{said}; {most:.2f} more are allowed.")


def _repetition(letters: Sequence[Mapping[str, Any]], limits: config.GateConfig) -> Rule:
    title, most, pairs = "Repetition", limits.repetition.limit, _pairs(letters, "repetition")
    if not pairs:
        return Rule("repetition", title, None, most, UNKNOWN, "Too few letters could be compared.")
    before, after = (statistics.fmean(side) for side in zip(*pairs, strict=True))
    said = f"{before:.0%} of the words were used before in the letter, now {after:.0%}"
    if abs(after - before) > most:
        return Rule("repetition", title, after - before, most, REFUSED, f"It left its band of {most:.0%}: {said}.")
    return Rule("repetition", title, after - before, most, OK, f"{said}.")


def _length(letters: Sequence[Mapping[str, Any]], limits: config.GateConfig) -> Rule:
    title, most, pairs = "Length", limits.length.limit, _pairs(letters, "words")
    if not pairs or not sum(now for now, _ in pairs):
        return Rule("length", title, None, most, UNKNOWN, "Too few letters could be compared.")
    before, after = (statistics.fmean(side) for side in zip(*pairs, strict=True))
    ratio, said = after / before, f"{before:.0f} words before, {after:.0f} now"
    if not 1 / most <= ratio <= most:
        return Rule("length", title, ratio, most, REFUSED, f"Letters are much {'longer' if ratio > 1 else 'shorter'}: {said}.")
    return Rule("length", title, ratio, most, OK, f"{said}.")


def _endless(letters: Sequence[Mapping[str, Any]], limits: config.GateConfig) -> Rule:
    title, most = "Letters without an end", limits.endless.limit
    if not letters:
        return Rule("endless", title, None, most, UNKNOWN, "Too few letters could be compared.")
    before, after = (sum(not one[side]["finished"] for one in letters) / len(letters) for side in ("live", "new"))
    said = f"{before:.0%} before, {after:.0%} now"
    state = REFUSED if after - before > most else OK
    return Rule("endless", title, after - before, most, state, f"{'It no longer knows where to stop: ' * (state == REFUSED)}{said}.")


def _stamp(found: Mapping[str, Any] | None, letters: Sequence[Mapping[str, Any]], limits: config.GateConfig) -> Rule:
    title, most = "The same words in every letter", limits.stamp.limit
    if not letters:
        return Rule("stamp", title, None, most, UNKNOWN, "Too few letters could be compared.")
    if found is None:
        return Rule("stamp", title, None, most, UNKNOWN, "Not asked: what comes back in your own letters was to be learned.")
    if found["share"] > most:
        said = f"The same {STAMP_WORDS} words stand in {found['share']:.0%} of its letters and were in none before."
        return Rule("stamp", title, found["share"], most, REFUSED, said)
    return Rule("stamp", title, found["share"], most, OK, f"No new phrase stands in more than {found['share']:.0%} of the letters.")


def _probe(name: str, title: str, found: Mapping[str, Any] | None, value: str, limit: float | None) -> Rule:
    """A probe of `probes`: its own sentence, refused by its number where it has one, else by its warning."""
    if not found or (value and found.get(value) is None):
        return Rule(name, title, None, limit, UNKNOWN, "Not measured.")
    failed = found[value] > limit if value and limit is not None else found["warning"]
    return Rule(name, title, found.get(value) if value else None, limit, REFUSED if failed else OK, found["sentence"])


# ---- words that come back ---------------------------------------------------------------------------------------------


def stamp(new: Sequence[str], before: Sequence[str], prompts: Sequence[str]) -> dict[str, Any]:
    """{text, share}: of all runs of five words that are in none of the letters `before` and not in the letter's own prompt, the one that
    stands in most of the `new` letters."""
    known = {run for letter in before for run in _runs(letter)}
    held: Counter[tuple[str, ...]] = Counter()
    for letter, prompt in zip(new, prompts, strict=True):
        held.update(_runs(letter) - known - _runs(prompt))
    if not held:
        return {"text": "", "share": 0.0}
    used = {word for known_run in known for word in known_run}
    run, count = max(held.items(), key=lambda item: (item[1], sum(word not in used for word in item[0])))
    return {"text": " ".join(run), "share": count / len(new)}


def _runs(text: str) -> set[tuple[str, ...]]:
    words = [word.casefold() for word in _WORD.findall(text)]
    return {tuple(words[at : at + STAMP_WORDS]) for at in range(len(words) - STAMP_WORDS + 1)}
