"""What labels are worth: agreement, steadiness, side and length, each with its interval; and the noise that a training counts on."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from shelf import pair

from db.engine import session, write
from db.models import Comparison, Document, QueueItem
from ftapp import agreement, config, preferences, queue, verdicts
from ftapp.agreement import Label
from ftapp.training import prepare

AT = datetime(2026, 3, 2, tzinfo=UTC)


def label(comparison, verdict, labeler="a", repeat_of=None, **more):
    made = Label(f"prf_{comparison}_{labeler}", comparison, repeat_of, labeler, verdict, "base", "adp_1", 100, 120, "cover_letter", AT)
    return replace(made, **more)


def test_alpha_and_per_cent_by_hand():
    """Two labelers differ on 4 of 10 pairs; of their 20 values 6 are left and 14 right. Chance would differ on 2 * 6 * 14 / (20 * 19)."""
    rows = {"a": "1110010000", "b": "0100000010"}
    labels = [label(f"c{n}", {"0": "right", "1": "left"}[value], who) for who, row in rows.items() for n, value in enumerate(row)]
    found = agreement.between(labels)
    assert (found["comparisons"], found["successes"], found["total"]) == (10, 6, 10)
    assert found["alpha"] == pytest.approx(1 - 0.4 / (2 * 6 * 14 / (20 * 19)))


def test_agreement_counts_shared_pairs_only_and_no_repeats():
    labels = [label("x", "left", "a"), label("x", "left", "b"), label("y", "left", "a"), label("z", "right", "a", repeat_of="x")]
    found = agreement.between(labels)
    assert (found["comparisons"], found["total"], found["alpha"]) == (1, 1, None), "one value says nothing about chance"
    assert agreement.between([])["share"] is None


def test_who_differs_on_what():
    labels = [label("x", "left", "a"), label("x", "tie", "b"), label("y", "left", "a"), label("y", "left", "b")]
    assert agreement.disagreements(labels) == {"x": {"a": "left", "b": "tie"}}


@pytest.mark.parametrize(("first", "again", "same"), [("left", "right", True), ("left", "left", False), ("tie", "tie", True),
                                                      ("both_bad", "tie", False), ("right", "left", True)])  # fmt: skip
def test_a_repeat_has_its_sides_swapped(first, again, same):
    labels = [label("x", first), label("x2", again, repeat_of="x")]
    assert agreement.steadiness(labels)["successes"] == int(same)


def test_a_repeat_of_somebody_elses_pair_does_not_count():
    assert agreement.twice([label("x", "left", "a"), label("x2", "right", "b", repeat_of="x")]) == []


def test_the_flip_rate_is_found_again_in_labels_with_known_noise():
    """2,000 simulated pairs with 12 % flips: the estimate is near, and inside its own interval."""
    drawn = random.Random(3)
    labels = []
    for n in range(2000):
        flips = [drawn.random() < 0.12 for _ in range(2)]
        labels.append(label(f"c{n}", "right" if flips[0] else "left"))
        labels.append(label(f"r{n}", "left" if flips[1] else "right", repeat_of=f"c{n}"))
    found = agreement.steadiness(labels)
    assert found["flip_rate"] == pytest.approx(0.12, abs=0.015) and found["flip_low"] < 0.12 < found["flip_high"]


def test_no_flip_rate_of_too_few_and_never_a_half():
    few = [one for n in range(agreement.LEAST_REPEATS - 1) for one in (label(f"c{n}", "left"), label(f"r{n}", "left", repeat_of=f"c{n}"))]
    assert agreement.steadiness(few)["flip_rate"] is None
    more = [*few, label("c", "left"), label("r", "left", repeat_of="c")]
    assert agreement.steadiness(more)["flip_rate"] == 0.45, "always the other way: choices say nothing, a training must still be possible"


def test_side_and_length_in_intervals():
    labels = [label(f"c{n}", "left" if n < 30 else "right") for n in range(40)] + [label("t", "tie")]
    side = agreement.sides(labels)
    assert (side["successes"], side["total"]) == (30, 40) and side["low"] > 0.5
    length = agreement.lengths([*labels, label("e", "left", left_length=120)])
    assert (length["successes"], length["total"]) == (10, 40), "letters of one length and ties are left out"


def test_people_are_counted_with_their_speed():
    labels = [label("x", "left", seconds=4.0), label("y", "left", seconds=10.0), label("z", "tie"), label("x", "left", "b")]
    first, second = agreement.people(labels)
    assert (first["labeler"], first["labels"], first["seconds"], second["labels"]) == ("a", 3, 7.0, 1)


# ---- from rows ------------------------------------------------------------------------------------------------


def repeats(engine, flipped, count=12):
    """`count` judged pairs, each asked again; the first `flipped` are answered differently."""
    with write(engine) as opened:
        document = Document(owner_id="local", kind="posting", text="x", text_hash="x")
        opened.add(document)
        opened.flush()
        for n in range(count):
            first = pair(opened, left=f"Dear A{n}, I bake.", right=f"Dear B{n}, I cook.", company=f"Bakery {n}")
            preferences.record(opened, "local", first, "left", seconds=5)
            row = opened.get_one(Comparison, first)
            again = Comparison(owner_id="local", prompt_id=row.prompt_id, left_letter_id=row.right_letter_id,
                               right_letter_id=row.left_letter_id, proven=True, repeat_of=first)  # fmt: skip
            opened.add(again)
            opened.flush()
            opened.add(QueueItem(owner_id="local", kind="cover_letter", tone="plain", words=120, job_document_id=document.id, position=0,
                                 state="ready", comparison_id=again.id, labeler="local"))  # fmt: skip
            preferences.record(opened, "local", again.id, "left" if n < flipped else "right", seconds=5)


def test_repeats_measure_and_teach_nothing(engine):
    repeats(engine, flipped=3)
    with session(engine) as opened:
        found = verdicts.statistics(opened, "local")
        assert len(preferences.pairs(opened, "local")) == 12 and len(preferences.sort_out(preferences.pairs(opened, "local"))[0]) == 12
    assert (found["labels"], found["steadiness"]["total"], found["steadiness"]["successes"]) == (24, 12, 9)
    assert found["models"]["models"][1]["games"] == 12, "a repeat is no second comparison of the models"
    assert [row["why"] for row in found["contradictions"]] == ["asked twice"] * 3


def test_a_robust_training_counts_on_the_measured_noise(engine):
    recipe = config.recipe("dpo_robust")
    assert "robust" in recipe.loss_type and recipe.label_smoothing == 0.1
    with session(engine) as opened:
        assert verdicts.noise(opened, "local") is None
    assert prepare._measured(recipe, None)[0] == recipe
    repeats(engine, flipped=3)
    with session(engine) as opened:
        noise = verdicts.noise(opened, "local")
    assert noise == pytest.approx((1 - math.sqrt(1 - 2 * 3 / 12)) / 2)
    measured, (said,) = prepare._measured(recipe, noise)
    assert measured.label_smoothing == round(noise, 3) and "15%" in said
    assert prepare._measured(recipe, 0.0)[0].label_smoothing == prepare.LEAST_NOISE
    assert prepare._measured(config.recipe("dpo_bundled"), noise) == (config.recipe("dpo_bundled"), [])


def test_opposite_choices_between_the_same_letters_are_shown_and_drop_out(engine):
    with write(engine) as opened:
        for verdict in ("left", "right"):
            preferences.record(opened, "local", pair(opened), verdict)
        found = verdicts.contradictions(opened, "local", verdicts.labels(opened, "local"))
        assert [row["why"] for row in found] == ["opposite choices"] and len(found[0]["comparison_ids"]) == 2
        assert preferences.sort_out(preferences.pairs(opened, "local"))[0] == []


def test_labels_of_another_owner_are_not_counted(engine):
    repeats(engine, 0)
    with session(engine) as opened:
        assert verdicts.statistics(opened, "stranger")["labels"] == 0
        assert queue.progress(opened, "stranger", "stranger")["mine"] == 0


def test_weeks_are_isos():
    from ftapp.verdicts import _won

    labels = [label("x", "right", at=AT), label("y", "left", at=AT + timedelta(days=7)), label("z", "tie", at=AT)]
    rows = _won(labels, lambda one: f"{one.at:%G}, week {one.at:%V}")
    counted = [tuple(row[name] for name in ("name", "wins", "losses", "ties")) for row in rows]
    assert counted == [("2026, week 10", 1, 0, 1), ("2026, week 11", 0, 1, 0)]
