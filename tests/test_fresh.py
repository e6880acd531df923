"""Fresh letters: edited ones are preferred to them, the others are judged by the taste; written once a run, gone with its checkpoints."""

import json

import pytest

from ftapp import config, forgetting_files, letters, rendered, structure, taste
from ftapp.bundled import generator
from ftapp.training import bases, dpo, finish, fresh, plan, run, tokens
from ftapp.training.plan import Material

PLAIN = config.recipe("dpo_bundled").model_copy(update={"fresh_letters": 0, "judged_letters": 0})
RECIPE = PLAIN.model_copy(update={"fresh_letters": 2})
JUDGED = PLAIN.model_copy(update={"judged_letters": 2})
GREETED, BARE = "Dear team,\n\nI keep machines running.\n\nKind regards,\nMara", "I keep machines running."


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
    made = fresh.pairs(folder, data, RECIPE, base, lambda: writer, lambda: False).rows
    assert [row["id"] for row in made] == ["prf_1.left.fresh0", "prf_1.left.fresh1"]
    assert all(row["chosen"] == data[0]["chosen"] and row["prompt"] == data[0]["prompt"] for row in made)
    first, second = (row["rejected"] for row in made)
    assert first != second and len(first.split()) > 30 and len(second.split()) > 30, "two letters of the model itself"
    tokens.encode_rows(writer.tokenizer, made, RECIPE.max_length)

    def nobody():
        raise AssertionError("written a second time")

    assert fresh.pairs(folder, data, RECIPE, base, nobody, lambda: False).rows == made
    forgetting_files.clean(folder, {"prf_1"})
    assert not (folder / fresh.FILE).exists(), "what quotes a deleted letter goes with it"


def test_a_stop_while_they_are_written_leaves_nothing_half(writer, tmp_path):
    data, base = rows(writer.count_tokens), bases.describe_base(config.BUNDLED)
    assert fresh.pairs(tmp_path, data, RECIPE, base, lambda: writer, lambda: True).rows == []
    assert not (tmp_path / fresh.FILE).exists()


def test_without_an_edited_letter_or_a_wish_for_fresh_ones_nothing_is_loaded(writer, tmp_path):
    data = rows(writer.count_tokens)
    assert fresh.pairs(tmp_path, data[2:], RECIPE, {}, lambda: pytest.fail("loaded"), lambda: False).rows == []
    assert fresh.pairs(tmp_path, data, PLAIN, {}, lambda: pytest.fail("loaded"), lambda: False).rows == []


def test_the_plan_counts_them_and_says_so(writer):
    data = rows(writer.count_tokens) * 5
    measures = {"parameters": 10**7, "hidden": 320, "inner": 1000, "layers": 8, "vocabulary": 4096}
    material = Material(data, [], {}, [], tokens=18_000, longest=500, sides={"prompt": 6000, "chosen": 6000, "rejected": 6000})
    plain = plan.make(material, PLAIN, measures, [])
    shown = plan.make(material, RECIPE, measures, [])
    (note,) = plain.notes
    assert f"the way “{config.recipe_label('dpo_first')}” (recipe dpo_first, under Details) also" in note
    assert shown.steps == run.steps(len(data) + 2, RECIPE) > plain.steps and shown.seconds > plain.seconds
    assert shown.notes[0].startswith("The letter that you edited is also set against up to 2 fresh letters")


def choices(count_tokens, count=12, liked=GREETED, other=BARE):
    """Somebody who always prefers one kind of letter, each time for another posting."""
    asked = [generator.example(6, i, clean=True, kind="cover_letter", count_tokens=count_tokens).prompt for i in range(count)]
    return [{"id": f"prf_{i}", "prompt": [dict(m) for m in prompt.messages], "chosen": f"{liked} {i}", "rejected": f"{other} {i}",
             "split_key": f"posting {i}"} for i, prompt in enumerate(asked)]  # fmt: skip


@pytest.mark.slow
def test_fresh_letters_of_a_posting_are_judged_by_what_the_choices_have_in_common(writer, tmp_path):
    data, base = choices(writer.count_tokens), bases.describe_base(config.BUNDLED)
    recipe = JUDGED.model_copy(update={"judged_prompts": len(data) + 3})
    folder = run.create(tmp_path / "run_1", recipe.model_dump(), base, data, [])
    progress = []
    found = fresh.pairs(folder, data, recipe, base, lambda: writer, lambda: False, progress.append)
    every = 2 * (len(data) + 3)
    there = [min(done, every) for done in range(fresh.ROWS, every + fresh.ROWS, fresh.ROWS)]
    assert [line.split(" letters")[0] for line in progress] == [f"{done} of {every}" for done in there]
    assert found.taste.accuracy == 1.0 and 0 < found.judged == len(found.rows) <= len(data) + 3
    own = [row for row in found.rows if row["id"].startswith("prf")]
    assert own and {row["id"] for row in own} <= {f"{row['id']}.judged0" for row in data}
    assert 0 < len(found.rows) - len(own) <= 3, "postings that were made up join"
    for row in found.rows:
        asked = rendered.read(row["prompt"])
        best, least = (found.taste.worth(taste.numbers(row[side], asked)) for side in ("chosen", "rejected"))
        assert best > least and min(len(row[side].split()) for side in ("chosen", "rejected")) > 15, "both are letters of the model"
    told = found.report()
    assert told["fresh_pairs"] == told["taste"]["judged"] == found.judged
    assert told["taste"]["sentence"].startswith("What your choices have in common: more of ")
    again = fresh.pairs(folder, data, recipe, base, lambda: pytest.fail("written a second time"), lambda: False)
    assert again.rows == found.rows and again.report() == told, "a resumed run learns from the same and says the same"


def test_a_taste_that_is_no_better_than_a_coin_judges_nothing(writer, tmp_path):
    data = choices(writer.count_tokens, 12) + choices(writer.count_tokens, 12, BARE, GREETED)
    found = fresh.pairs(tmp_path, data, JUDGED, {}, lambda: pytest.fail("loaded"), lambda: False)
    assert not found.taste.tells and found.rows == []
    told = found.report()["taste"]
    assert (told["pairs"], told["judged"]) == (24, 0) and told["sentence"].startswith("Your choices have little in common")


def test_held_out_choices_are_asked_whether_they_are_like_those_that_taught(writer):
    data = choices(writer.count_tokens, 16)
    taught, held_out = data[:12], data[12:]
    held_out += [held_out[0] | {"id": "again"}]  # a posting counts once
    alike = fresh.agreement(taught, held_out)
    swapped = fresh.agreement(taught, [row | {"chosen": row["rejected"], "rejected": row["chosen"]} for row in held_out])
    assert alike["log_odds"] > 2 and alike["postings"] == 4
    assert swapped["log_odds"] == pytest.approx(-alike["log_odds"])
    assert fresh.agreement(taught, []) is None and fresh.agreement(taught, held_out, stop=lambda: True) is None
    unsure = [row if at % 2 else row | {"chosen": row["rejected"], "rejected": row["chosen"]} for at, row in enumerate(taught)]
    assert fresh.agreement(unsure, held_out) is None, "who chooses by chance is held against nobody"


def test_inventing_is_never_preferred_however_somebody_chose():
    made_up = "I won the Turing Award in 1999 and led 40 people at Quillmere Foundry."
    row = {"id": "prf_1", "prompt": [{"role": "user", "content": "Write to Larch."}], "split_key": "a"}
    texts = ["I keep machines running.", made_up]
    liar = taste.Taste({"unsupported": 2.0}, {"unsupported": 0.0}, {"unsupported": 1.0}, 50, 50, 0.9, 1.0)
    assert fresh._judged([row], texts, JUDGED, liar) == []
    honest = taste.Taste({"unsupported": -2.0}, {"unsupported": 0.0}, {"unsupported": 1.0}, 50, 50, 0.9, 1.0)
    assert [(one["chosen"], one["rejected"]) for one in fresh._judged([row], texts, JUDGED, honest)] == [tuple(texts)]


def test_of_eight_letters_the_two_best_are_set_against_the_two_worst():
    row = {"id": "prf_1", "prompt": [{"role": "user", "content": "Write to Larch."}], "split_key": "a"}
    texts = [" ".join(["I keep machines running."] * number) for number in (3, 1, 4, 2, 8, 6, 5, 7)]
    longer = taste.Taste({"words": 1.0}, {"words": 20.0}, {"words": 1.0}, 50, 50, 0.9, 1.0)
    made = fresh._judged([row], texts, JUDGED.model_copy(update={"judged_letters": 8}), longer)
    assert [tuple(len(one[side].split()) // 4 for side in ("chosen", "rejected")) for one in made] == [(8, 1), (7, 2)]
    assert len({one["id"] for one in made}) == 2
    assert fresh._judged([row], ["", *[texts[0]] * 7], JUDGED, longer) == [], "letters that are worth the same"


def test_made_up_postings_are_of_the_kinds_asked_for_and_of_no_employer_that_is_held_out(writer):
    data = choices(writer.count_tokens, 4)
    cold = generator.example(6, 50, clean=True, kind="cold_email", count_tokens=writer.count_tokens).prompt
    data[1]["prompt"] = [dict(m) for m in cold.messages]
    made = fresh.made_up(data, 9, writer.count_tokens)
    assert [rendered.read(row["prompt"]).kind for row in made].count("cold_email") in (2, 3) and len(made) == 9
    assert len({json.dumps(row["prompt"]) for row in made}) == len({row["id"] for row in made}) == 9
    assert not any(letters.held_out(row["split_key"]) for row in made) and made == fresh.made_up(data, 9, writer.count_tokens)
    chat = [{"prompt": [{"role": "user", "content": "Write to Larch."}]}]
    assert fresh.made_up(chat, 9, writer.count_tokens) == fresh.made_up(data, -3, writer.count_tokens) == []


@pytest.mark.slow
def test_a_note_is_judged_as_it_would_be_shown(writer):
    asked = generator.example(9, 1, clean=True, kind="linkedin_message", count_tokens=writer.count_tokens).prompt
    messages = [dict(m) for m in asked.messages]
    found = fresh._written([messages] * 4, JUDGED, {}, writer, lambda: False, lambda *count: None)
    assert any(found) and all(len(text) <= 300 for text in found if structure.is_note(asked.kind, asked.words))


def test_no_more_prompts_are_asked_than_a_run_has_time_for():
    data = [{"prompt": [{"role": "user", "content": str(i // 2)}]} for i in range(7 * fresh.MOST)]
    some = fresh.prompts(data)
    assert len(some) == fresh.MOST and some[0] == data[0] and len({row["prompt"][0]["content"] for row in some}) == len(some)
    assert fresh.prompts([]) == [] and fresh.prompts(data[:3]) == [data[0], data[2]]


def test_the_plan_says_how_many_are_written_and_counts_their_time(writer):
    data = choices(writer.count_tokens, 8)
    measures = {"parameters": 10**7, "hidden": 320, "inner": 1000, "layers": 8, "vocabulary": 4096}
    material = Material(data, [], {}, [], tokens=18_000, longest=500, sides={"prompt": 6000, "chosen": 6000, "rejected": 6000})
    plain = plan.make(material, PLAIN, measures, [])
    shown = plan.make(material, JUDGED, measures, [])
    assert shown.steps == run.steps(16, JUDGED) == 2 * plain.steps and shown.seconds > 2 * plain.seconds - plan.START_SECONDS
    assert shown.notes[0].startswith("2 fresh letters are written for each posting, if") and not plain.notes
    assert f"the way “{config.recipe_label('dpo_first')}”" in shown.notes[1], "few choices teach more when postings join"
    filled = plan.make(material, JUDGED.model_copy(update={"judged_prompts": 20}), measures, [])
    assert filled.steps == run.steps(8 + 20, JUDGED) and filled.seconds > shown.seconds
    assert "for each posting, and for 12 made-up ones, if" in filled.notes[0] and len(filled.notes) == 1


@pytest.mark.slow
def test_a_run_learns_from_what_was_judged_and_says_what_it_found(writer, tmp_path):
    data = choices(writer.count_tokens, 14)
    base = bases.describe_base(config.BUNDLED) | {"max_new_tokens": 300}
    folder = run.create(tmp_path / "run_1", JUDGED.model_dump() | {"epochs": 1}, base, data[:12], data[12:])
    told = []
    outcome = dpo.train(folder, told.append, letters=0)
    report = outcome.report
    assert report["train_pairs"] == 12 and report["fresh_pairs"] == report["taste"]["judged"] > 0
    assert report["steps"] == run.steps(12 + report["fresh_pairs"], config.read_recipe(folder / "recipe.yaml"))
    kinds = [event["kind"] for event in told]
    notes = [event["reason"] for event in told if event["kind"] in ("letters", "note")]
    assert notes[0].startswith("Before it learns, it writes") and notes[-1] == "" and kinds.index("letters") < kinds.index("start")
    assert not (folder / fresh.FILE).exists(), "what was written for the training goes with its checkpoints"
