"""The bundled model's files agree with the code, and the generator keeps its promises. No letter quality here: that is measured."""

import hashlib
import json
import random
import statistics

import pytest

from ftapp import config, prompts
from ftapp.bundled import generator, names, tastes

MODEL = config.ROOT / "ftapp" / "bundled" / "model"


@pytest.fixture(scope="module")
def examples():
    return [generator.example(5, i) for i in range(600)]


def test_the_weights_were_trained_on_this_prompt_schema():
    assert json.loads((MODEL / "bundle.json").read_text())["schema_hash"] == prompts.schema_hash()


def test_a_changed_template_changes_the_schema_hash(monkeypatch):
    before = prompts.schema_hash()
    monkeypatch.setitem(prompts.MOST, "skills", 11)
    assert prompts.schema_hash() != before


def test_the_files_are_those_that_were_built_and_small_enough_for_plain_git():
    recorded = json.loads((MODEL / "bundle.json").read_text())["sha256"]
    assert any(name.endswith(".safetensors") for name in recorded)
    for name, digest in recorded.items():
        data = (MODEL / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest, name
        assert len(data) < 10_000_000, name


def test_the_starter_adapter_is_whole_and_acts_on_letters_only():
    manifest = json.loads((config.STARTER / "manifest.json").read_text())
    for name, digest in manifest.items():
        assert hashlib.sha256((config.STARTER / name).read_bytes()).hexdigest() == digest, name
    described = json.loads((config.STARTER / "adapter_config.json").read_text())
    assert described["alora_invocation_tokens"] and described["base_model_name_or_path"] == config.BUNDLED


def test_the_same_number_gives_the_same_example():
    first, again = generator.example(3, 14), generator.example(3, 14)
    assert (first.prompt.messages, first.letter) == (again.prompt.messages, again.letter)
    assert generator.example(3, 15).letter != first.letter


def test_defects_are_a_minority_and_inventions_are_rare(examples):
    shares = statistics.mean(bool(e.defects) for e in examples)
    assert 0.15 <= shares <= 0.40
    assert statistics.mean("invented" in e.defects for e in examples) <= 0.03


def test_letters_have_the_asked_length(examples):
    near = [abs(len(e.letter.split()) - e.prompt.words) <= 0.25 * e.prompt.words for e in examples]
    assert statistics.mean(near) >= 0.93


def test_clean_letters_hold_the_names_they_were_given():
    for i in range(80):
        e = generator.example(8, i, clean=True)
        slots = e.prompt.slots
        for value in (slots.job.title, slots.job.company, slots.profile.name):
            assert value in e.letter, (i, value)
        assert not e.defects


def test_every_kind_tone_and_slot_turns_up(examples):
    assert {e.prompt.kind for e in examples} == set(prompts.KINDS)
    assert {e.prompt.slots.tone for e in examples} == set(prompts.TONES)
    text = "\n".join(e.prompt.messages[1]["content"] for e in examples)
    for slot in prompts.SLOTS:
        assert f"\n{slot}:" in "\n" + text, slot


def test_unseen_names_are_never_used_in_training():
    rng = random.Random(1)
    for unseen in (True, False):
        assert all(names.held_out(names.place(rng, unseen)) is unseen for _ in range(60))
    seen, unseen = ({generator.example(2, i, unseen=side).profile.name for i in range(60)} - {""} for side in (False, True))
    assert not seen & unseen


def test_a_letter_with_planted_defects_is_worth_less():
    e = generator.example(4, 2, clean=True, kind="cover_letter")
    preamble = generator.patterns()["defects"]["preamble"][0].format(title=e.prompt.slots.job.title, company=e.prompt.slots.job.company)
    spoilt = preamble + " " + e.letter.replace("\n\n", " ")
    good, bad = (tastes.utility(tastes.PLANTED, e.prompt, text, True) for text in (e.letter, spoilt))
    assert good > bad
