"""The gate's rules: each refuses what it is there for, and a good adapter passes them all."""

import json
import random

import pytest

from ftapp import config, gate, gate_measure
from ftapp.bundled import generator
from ftapp.gate import OK, REFUSED, UNKNOWN

GOOD = {"relevance": 0.7, "structure": 0.9, "groundedness": 0.95, "voice": 0.4, "unsupported": 0.3, "repetition": 0.3, "words": 120,
        "finished": True}  # fmt: skip


HELD_OUT = {"accuracy": 0.7, "low": 0.4, "high": 0.9, "sentence": "14 of 20.", "margin": 0.3, "margin_low": -0.1, "margin_high": 0.7}


def _measured(change=None, count=24, **more):
    """What was measured of an adapter whose letters differ from those before by chance, and by `change`."""
    rng, letters = random.Random(5), []
    for _ in range(count):
        live, new = ({name: value + rng.uniform(-0.05, 0.05) if isinstance(value, float) else value for name, value in GOOD.items()}
                     for _ in range(2))  # fmt: skip
        new |= {name: move(new[name]) for name, move in (change or {}).items()}
        letters.append({"live": live, "new": new})
    return {
        "files": "", "sides": "", "letters": letters, "held_out": HELD_OUT, "agreement": {"log_odds": 5.0, "postings": 20},
        "taught": {"letters": [one | {"new": one["live"]} for one in letters], "stamp": {"text": "", "share": 0.1}},
        "stamp": {"text": "a b c d e", "share": 0.1}, "forgetting": {"rise": 0.02, "warning": False, "sentence": "Nothing notable."},
        "reciting": {"warning": False, "sentence": "Nothing."}, "seconds": 9.0, **more,
    }  # fmt: skip


def _refused(measured):
    judged = gate.judge(measured)
    names = [rule["name"] for rule in judged["rules"] if rule["state"] == REFUSED]
    assert judged["passed"] == (not names)
    return names


def test_a_good_adapter_passes_and_every_rule_says_why():
    judged = gate.judge(_measured())
    assert judged["passed"] and {rule["state"] for rule in judged["rules"]} == {OK}
    assert all(rule["sentence"].endswith((".", "allowed.")) and rule["title"] for rule in judged["rules"])
    assert judged["values"] == {"letters": 24, "seconds": 9.0}
    json.dumps(judged)  # it is stored


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("relevance", {"relevance": lambda v: v - 0.4}), ("structure", {"structure": lambda v: v - 0.2}),
        ("groundedness", {"groundedness": lambda v: v - 0.3}), ("voice", {"voice": lambda v: v + 0.6}),
        ("unsupported", {"unsupported": lambda v: v + 1}), ("repetition", {"repetition": lambda v: v + 0.3}),
        ("repetition", {"repetition": lambda v: v - 0.2}), ("length", {"words": lambda v: v * 2}), ("length", {"words": lambda v: v // 3}),
        ("endless", {"finished": lambda v: False}),
    ],
)  # fmt: skip
def test_letters_that_are_worse(name, change):
    assert _refused(_measured(change)) == [name]


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("files", {"files": "A file is missing."}), ("sides", {"sides": "It changes nothing."}),
        ("held_out", {"held_out": HELD_OUT | {"accuracy": 0.2, "low": 0.1, "high": 0.42, "sentence": "4 of 20."}}),
        ("moved", {"held_out": HELD_OUT | {"margin": -0.4, "margin_low": -0.7, "margin_high": -0.1}}),
        ("contrary", {"agreement": {"log_odds": -3.5, "postings": 20}}),
        ("stamp", {"stamp": {"text": "buy now or never again", "share": 0.8}}),
        ("forgetting", {"forgetting": {"rise": 0.9, "warning": True, "sentence": "It forgot."}}),
        ("reciting", {"reciting": {"warning": True, "sentence": "It recites."}}),
    ],
)  # fmt: skip
def test_what_else_refuses(name, more):
    assert _refused(_measured(**more)) == [name]


def test_what_needs_no_letter_is_told_before():
    sound = {"agreement": {"log_odds": 2.0, "postings": 20}, "taught": None}
    assert gate.doubt(sound) == "" == gate.doubt({"agreement": None, "taught": None})
    said = gate.doubt(sound | {"agreement": {"log_odds": -3.5, "postings": 20}})
    assert said.startswith(gate.DOUBT) and "the wrong way round" in said


def test_a_margin_is_held_against_what_cannot_be_told():
    """The same mean difference passes with many letters and not with a few: non-inferiority has to be shown."""

    def judged(count):
        rng = random.Random(1)
        return _refused(_measured({"relevance": lambda value: value - 0.02 + rng.choice([-0.3, 0.3])}, count=count))

    assert "relevance" in judged(6) and "relevance" not in judged(80)


def test_what_was_not_measured_refuses_nothing_and_is_said():
    judged = gate.judge(_measured(count=0, asked=0, held_out=None, agreement=None, taught=None, stamp=None, forgetting=None, reciting=None))
    states = {rule["name"]: rule["state"] for rule in judged["rules"]}
    assert judged["passed"] and states["files"] == OK
    assert {state for name, state in states.items() if name not in ("files", "sides", "compared")} == {UNKNOWN}


def test_a_check_that_was_stopped_or_too_slow_lets_nothing_through():
    said = {rule["name"]: rule["sentence"] for rule in gate.judge(_measured(count=0) | {"stopped": True})["rules"]}
    assert "The check was stopped with 0 of them" in said["compared"]
    assert _refused(_measured(stopped=True)) == ["compared"], "what came last is not known"
    assert _refused(_measured(count=0)) == _refused(_measured(count=2, asked=24)) == ["compared"]
    assert _refused(_measured(count=0, files="A file is missing.")) == ["files"], "and is not said twice"


def test_a_phrase_of_somebodys_letters_stands_in_no_rule():
    judged = gate.judge(_measured(stamp={"text": "my cousin zedekiah plays marbles", "share": 0.8}))
    assert "zedekiah" not in json.dumps(judged["rules"]) and judged["values"]["stamp"] == "my cousin zedekiah plays marbles"


def test_two_letters_refuse_nothing():
    longer = _measured({"words": lambda v: v * 9, "unsupported": lambda v: v + 9, "finished": lambda v: False}, count=2, asked=2)
    assert _refused(longer | {"stamp": {"text": "a b c d e", "share": 1.0}}) == []


def test_only_an_interval_below_one_half_refuses():
    few = {"accuracy": 0.4, "low": 0.2, "high": 0.62, "sentence": "8 of 20."}
    assert _refused(_measured(held_out=few)) == []


def taught(spoil, count=16, **more):
    """The gate's reading of choices whose chosen letters are made letters, spoilt."""
    made = (generator.example(31, i, kind="cover_letter", clean=True) for i in range(count))
    rows = [{"prompt": [dict(m) for m in one.prompt.messages], "chosen": spoil(one.letter), "rejected": one.letter} | more for one in made]
    judged = gate.judge(_measured(taught=gate_measure.preferred(rows, lambda: False)))
    return next(rule for rule in judged["rules"] if rule["name"] == "taught")


def stamped(letter):
    return f"{letter}\n\nCall me today or lose me for ever."


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (stamped, "the same words in every letter"),
        (lambda letter: f"{letter}\n\n{letter}", "repetition"),
        (lambda letter: " ".join(word for word in letter.split()[:60] for _ in range(3)), "repetition"),
        (lambda letter: " ".join(sorted(letter.split())), "structure"),
    ],
)
def test_what_it_was_taught_to_prefer_is_read_too(spoil, said):
    rule = taught(spoil)
    assert rule["state"] == REFUSED and said in rule["sentence"] and "Call me" not in rule["sentence"]


def test_sound_choices_few_choices_and_own_letters_are_not_held_against_it():
    assert taught(str)["state"] == OK
    assert taught(str.upper, count=9)["state"] == UNKNOWN
    assert taught(stamped, edited=True)["state"] == UNKNOWN, "the person wrote these"


def test_a_phrase_that_comes_back():
    now = [f"Dear all, I bake bread for town {i} and like it." for i in range(10)]
    new = [f"{letter} Call me today or lose me for ever." for letter in now]
    found = gate.stamp(new, now, [""] * 10)
    assert found["share"] == 1 and found["text"] in "call me today or lose me for ever"
    assert gate.stamp(new, now, ["Say: call me today or lose me for ever."] * 10)["share"] <= 1, "what the prompt asks for is no stamp"
    assert gate.stamp(now, now, [""] * 10) == {"text": "", "share": 0.0}


def test_every_threshold_has_its_reason():
    for name, limit in config.gate_config():
        assert limit.limit > 0 and limit.why.endswith("."), name
