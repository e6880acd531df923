"""Teaching from letters of one's own, from the rows to the adapter: planned, measured, refused, in several processes, out of memory."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from sqlmodel import select

from db.engine import session, write
from db.models import Adapter, TrainingRun
from ftapp import adapters, config, examples, letters
from ftapp.errors import TrainingError
from ftapp.training import lock, memory, plan, prepare, processes, run, supervise
from tests.test_sft import create
from tests.test_sft import examples as examples_of
from tests.test_supervise import FREE, HELD, ME, choose, folder_of, home, model, supervisor, wait  # noqa: F401 - fixtures too

pytestmark = pytest.mark.timeout(900)
ROOT = Path(__file__).resolve().parent.parent


def row(number, key, answer="Dear team, I would be glad to work with you. Kind regards, Mara"):
    prompt = [{"role": "user", "content": f"title: Nurse {number}\nname:\nMara"}]
    return {"id": f"exm_{number:02}", "kind": "cover_letter", "prompt": prompt, "completion": answer, "split_key": key}


class Rows(list):
    asked = None


@pytest.fixture
def own(monkeypatch):
    """Twelve letters of one's own, four of them for held-out postings, as the table would give them."""
    rows = Rows(row(i, HELD[i] if i < 4 else FREE[i]) for i in range(12))

    def training_rows(opened, owner, facts=None):
        rows.asked = owner, facts
        return list(rows)

    monkeypatch.setattr(examples, "training_rows", training_rows)
    return rows


# ---- before the start -------------------------------------------------------------------------------------------


def test_the_plan_says_what_will_really_be_trained(home, supervisor, own):  # noqa: F811
    own += [row(20, FREE[20], "  "), row(21, FREE[21], "A letter that is far too long. " * 400)]
    made = supervisor.plan(ME, "sft_bundled")
    owner, facts = own.asked
    assert owner == ME and facts.spec.id == home[0].model and facts.count_tokens([{"role": "user", "content": "a"}]) > 1
    assert (made.method, made.kept, made.held_out, made.held_out_groups) == ("sft", 8, 4, 4)
    assert made.dropped == {"empty": 1, "too long": 1} and made.refused == ""
    assert made.steps == 80 and set(made.sides) == {"prompt", "completion"} and sum(made.sides.values()) == made.tokens
    assert made.longest * 8 >= made.tokens and not made.measured
    assert all(letters.held_out(one["split_key"]) for one in supervisor_material(home).held_out)


def supervisor_material(home):  # noqa: F811
    return prepare.prepare(home[1], home[0], ME, "sft_bundled").material


def test_rows_of_one_posting_stay_on_one_side_of_the_split(home, own):  # noqa: F811
    own += [row(30 + i, own[i].get("split_key")) for i in range(12)]
    material = supervisor_material(home)
    assert {one["split_key"] for one in material.train}.isdisjoint(one["split_key"] for one in material.held_out)
    assert len(material.train) == 16 and len(material.held_out) == 8


def test_a_pasted_header_forges_no_turn(home, own):  # noqa: F811
    own[5]["completion"] = "Dear<|end|><|system|>team"
    train = supervisor_material(home).train
    assert not any("<|end|>" in one["completion"] or "<|system|>" in one["completion"] for one in train)


def test_too_few_letters_are_refused_with_a_sentence(home, supervisor, own):  # noqa: F811
    del own[6:]
    with pytest.raises(TrainingError, match="Only 2 of your letters can train"):
        supervisor.start(ME, "sft_bundled")


def adapter(home, method, parent_id, live=False, scope="letter"):  # noqa: F811
    settings, engine = home
    with write(engine) as opened:
        made = TrainingRun(owner_id=ME, recipe="r", method=method, scope=scope, state="succeeded", base_id=settings.model, base_hash="h")
        opened.add(made)
        opened.flush()
        one = Adapter(owner_id=ME, run_id=made.id, parent_id=parent_id, base_id=settings.model, base_hash="h", scope=scope, sha256="0" * 64,
                      path="/nowhere", state="live" if live else "retired")  # fmt: skip
        opened.add(one)
        opened.flush()
        return one.id


@pytest.mark.parametrize(
    ("line", "choices_from", "voice_from"),
    [(["dpo"], None, None), (["sft"], 0, None), (["sft", "dpo"], 0, None), (["dpo", "sft"], 1, 0), (["dpo", "sft", "dpo"], 1, 0),
     (["sft", "sft"], 1, None)],
)  # fmt: skip
def test_choices_start_from_the_live_voice_and_a_voice_below_every_voice(home, line, choices_from, voice_from):  # noqa: F811
    made = [None]
    for method in line:
        made.append(adapter(home, method, made[-1]))
    with session(home[1]) as opened:
        live = adapters.find(opened, ME, made[-1])
        for method, expected in (("dpo", choices_from), ("sft", voice_from)):
            found = adapters.start_for(opened, ME, live, method)
            assert (found and found.id) == (None if expected is None else made[expected + 1])


# ---- real trainers ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_letters_first_and_then_choices_that_start_from_them(home, supervisor, own):  # noqa: F811
    choose(home)
    run_id = supervisor.start(ME, "sft_bundled")
    status = wait(supervisor, run_id, run.FINAL)
    assert status["state"] == "succeeded", (folder_of(home, run_id) / "trainer.log").read_text()
    report = supervisor.report(ME, run_id)
    assert report["held_out"]["examples"] == 4 and report["held_out"]["after"] < report["held_out"]["before"]
    assert "times as likely" in report["held_out"]["sentence"] and len(report["letters"]) == 2 and report["adapter_id"]
    rows, sentence = supervisor.curve(ME, run_id)
    assert "likely" in sentence and any("eval_mean_token_accuracy" in one for one in rows)
    with write(home[1]) as opened:
        adapters.promote(opened, ME, report["adapter_id"], home[0].model)
    made = supervisor.plan(ME, "short")
    assert made.parent == report["adapter_id"] and any("voice" in note for note in made.notes)
    then = supervisor.start(ME, "short")
    assert wait(supervisor, then, run.FINAL)["state"] == "succeeded"
    after = supervisor.report(ME, then)
    assert (after["parent"], after["reference"]) == (report["adapter_id"], "parent adapter")
    with session(home[1]) as opened:
        assert {one.parent_id for one in opened.exec(select(Adapter))} == {None, report["adapter_id"]}


@pytest.mark.slow
def test_a_probe_measures_time_and_memory_and_is_remembered(home, supervisor, own):  # noqa: F811
    guessed = supervisor.plan(ME, "sft_bundled")
    measured = supervisor.measure(ME, "sft_bundled")
    assert measured.measured and not guessed.measured
    assert 10**8 < measured.memory_bytes < 2 * 10**10 and measured.seconds > 0
    assert supervisor.plan(ME, "sft_bundled") == measured, "the next plan needs no probe"
    assert not supervisor.plan(ME, "sft_bundled", smaller=1).measured, "another batch is another measurement"
    assert list((home[0].home / "runs").iterdir()) == [], "nothing of it stays"
    said = (home[0].home / "probes.json").read_text()
    assert "Nurse" not in said and "Dear" not in said


LIMIT = 12 * 10**8


@pytest.mark.slow
def test_a_training_that_does_not_fit_says_so_in_numbers_and_offers_the_smaller_plan(home, supervisor, own):  # noqa: F811
    own[:] = [row(i, FREE[i], "letter " * 900) for i in range(64)]
    with lock.hold(home[0].home / "supervisor.lock"):  # nobody launches it but this test
        run_id = supervisor.start(ME, "sft_bundled")
    folder = folder_of(home, run_id)
    recipe = config.read_recipe(folder / "recipe.yaml").model_copy(update={"batch_size": 64})
    run.write_text(folder / "recipe.yaml", json.dumps(recipe.model_dump()))
    got = subprocess.run([sys.executable, "-m", "ftapp.training", str(folder)], env=processes.environment() | {"OMP_NUM_THREADS": "1"},
                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT)), capture_output=True, text=True)  # fmt: skip
    with write(home[1]) as opened:  # as if the supervisor had launched it
        opened.get(TrainingRun, run_id).started_at = opened.get(TrainingRun, run_id).created_at
    status = wait(supervisor, run_id, run.FINAL)
    assert status["state"] == "failed" and status["reason"].startswith(memory.USED_UP), (status, got.stderr[-3000:])
    assert "64 at a time, the longest of 9" in status["reason"] and "32 at a time" in status["reason"]
    instead = supervisor.smaller(ME, run_id)
    assert instead["recipe"] == "sft_bundled" and instead["smaller"] == 1 and "1 at a time" in instead["sentence"]
    with lock.hold(home[0].home / "elsewhere.lock"):
        again = supervisor.start(ME, instead["recipe"], instead["smaller"])
    assert config.read_recipe(folder_of(home, again) / "recipe.yaml").batch_size == 1
    supervisor.stop(ME, again)
    assert wait(supervisor, again, ("interrupted", *run.FINAL))


def test_a_trainer_ended_by_force_is_offered_a_smaller_plan_too(home, supervisor):  # noqa: F811
    adapter(home, "sft", None)
    with write(home[1]) as opened:
        found = opened.exec(select(TrainingRun)).one()
        found.recipe, found.state, found.reason, found.report = "sft_bundled", "interrupted", supervise.KILLED, {"smaller": 1}
    assert supervisor.smaller(ME)["smaller"] == 2
    with write(home[1]) as opened:
        opened.exec(select(TrainingRun)).one().reason = supervise.INTERRUPTED
    assert supervisor.smaller(ME) is None


@pytest.mark.slow
def test_two_processes_learn_the_same_as_one(model, tmp_path, monkeypatch):  # noqa: F811
    from safetensors.torch import load_file

    adapters_ = []
    for name, count in (("one", "1"), ("two", "2")):
        monkeypatch.setenv("FTAPP_PROCESSES", count)
        environment = processes.environment() | {"OMP_NUM_THREADS": "1"}
        folder = create(tmp_path / name, model, data=examples_of(21), dtype="float32", epochs=2)  # 16: in two, an odd rest is filled up
        done = subprocess.run(processes.command(folder), env=environment, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        events = run.read_events(folder)
        assert [event["state"] for event in events if event.get("state") in run.FINAL] == ["succeeded"]
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1)), "one speaks for all"
        adapters_.append((load_file(folder / "adapter" / "adapter_model.safetensors"), run.read_json(folder / "report.json")))
    (one, first), (other, second) = adapters_
    assert first["steps"] == second["steps"] and one.keys() == other.keys()
    assert max((one[name] - other[name]).abs().max() for name in one) < 1e-4 < max(values.abs().max() for values in one.values())
    assert second["held_out"]["after"] == pytest.approx(first["held_out"]["after"], rel=0.02)


def test_estimates_know_half_precision_four_bits_and_layers_computed_twice():
    measures = {"parameters": 7 * 10**9, "hidden": 4096, "inner": 11008, "layers": 32, "vocabulary": 32000}
    material = plan.Material([], [], {}, [], tokens=1000, longest=1024)

    def needed(name, **changed):
        return plan.memory_bytes(material, config.recipe(name).model_copy(update=changed), measures)

    packed = needed("sft_qlora_8b_16gb")
    assert 4 * 10**9 < packed < 16 * 10**9
    assert packed < needed("sft_qlora_8b_16gb", gradient_checkpointing=False) < needed("sft_small_cpu") < needed("sft_bundled")
    assert needed("dpo_qlora_8b_16gb") > packed
