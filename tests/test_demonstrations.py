"""Edited letters as demonstrations: pairs against fresh letters, written once a run, gone with its checkpoints."""

import pytest

from ftapp import config, forgetting_files
from ftapp.bundled import generator
from ftapp.training import bases, demonstrations, finish, plan, run, tokens
from ftapp.training.plan import Material

RECIPE = config.recipe("dpo_bundled").model_copy(update={"fresh_letters": 2})


@pytest.fixture(scope="module")
def writer():
    return finish.writer({"id": config.BUNDLED, "max_new_tokens": 300})


def rows(count_tokens):
    """Two pairs of one edited letter, and one of a plain choice."""
    one, other = (generator.example(5, i, clean=True, count_tokens=count_tokens).prompt for i in range(2))
    edited = {"prompt": [dict(m) for m in one.messages], "chosen": "Dear team,\n\nPlease read my work.\n\nMara", "edited": True,
              "split_key": "a"}  # fmt: skip
    return [edited | {"id": "prf_1.left", "rejected": "Left."}, edited | {"id": "prf_1.right", "rejected": "Right."},
            {"id": "prf_2", "prompt": [dict(m) for m in other.messages], "chosen": "Good.", "rejected": "Bad.",
             "split_key": "b"}]  # fmt: skip


def test_an_edited_letter_is_set_against_fresh_ones_once_a_run(writer, tmp_path):
    data, base = rows(writer.count_tokens), bases.describe_base(config.BUNDLED)
    folder = run.create(tmp_path / "run_1", RECIPE.model_dump(), base, data, [])
    made = demonstrations.pairs(folder, data, RECIPE, base, lambda: writer, lambda: False)
    assert [row["id"] for row in made] == ["prf_1.left.fresh0", "prf_1.left.fresh1"]
    assert all(row["chosen"] == data[0]["chosen"] and row["prompt"] == data[0]["prompt"] for row in made)
    first, second = (row["rejected"] for row in made)
    assert first != second and len(first.split()) > 30 and len(second.split()) > 30, "two letters of the model itself"
    tokens.encode_rows(writer.tokenizer, made, RECIPE.max_length)

    def nobody():
        raise AssertionError("written a second time")

    assert demonstrations.pairs(folder, data, RECIPE, base, nobody, lambda: False) == made
    forgetting_files.clean(folder, {"prf_1"})
    assert not (folder / demonstrations.FILE).exists(), "what quotes a deleted letter goes with it"


def test_a_stop_while_they_are_written_leaves_nothing_half(writer, tmp_path):
    data, base = rows(writer.count_tokens), bases.describe_base(config.BUNDLED)
    assert demonstrations.pairs(tmp_path, data, RECIPE, base, lambda: writer, lambda: True) == []
    assert not (tmp_path / demonstrations.FILE).exists()


def test_without_an_edited_letter_or_a_wish_for_fresh_ones_nothing_is_loaded(writer, tmp_path):
    data = rows(writer.count_tokens)
    assert demonstrations.pairs(tmp_path, data[2:], RECIPE, {}, lambda: pytest.fail("loaded"), lambda: False) == []
    plain = RECIPE.model_copy(update={"fresh_letters": 0})
    assert demonstrations.pairs(tmp_path, data, plain, {}, lambda: pytest.fail("loaded"), lambda: False) == []


def test_the_plan_counts_them_and_says_so(writer):
    data = rows(writer.count_tokens) * 5
    measures = {"parameters": 10**7, "hidden": 320, "inner": 1000, "layers": 8, "vocabulary": 4096}
    material = Material(data, [], {}, [], tokens=18_000, longest=500, sides={"prompt": 6000, "chosen": 6000, "rejected": 6000})
    plain = plan.make(material, config.recipe("dpo_bundled"), measures, [])
    shown = plan.make(material, RECIPE, measures, [])
    assert shown.steps == run.steps(len(data) + 2, RECIPE) > plain.steps and shown.seconds > plain.seconds
    assert shown.notes[0].startswith("The letter that you edited is also set against up to 2 fresh letters")
