"""DPO on real tiny models: what is trained, where it acts, which ids it sees, stopping and going on."""

import json
import random
from dataclasses import replace

import pytest

from db.engine import write as db_write
from ftapp import config, letters, preferences, prompts
from ftapp.backends import hardware
from ftapp.backends.local import AdapterRef, LocalBackend
from ftapp.backends.pair import Row, Sampling, write
from ftapp.documents import PlainText
from ftapp.errors import ModelError, TrainingError
from ftapp.profiles import JobPosting, ResumeProfile
from ftapp.training import dpo, finish, guard, plan, run, tokens
from tests import tiny

pytestmark = pytest.mark.timeout(600)  # TRL's imports alone take a minute on a machine that is busy otherwise
WORDS = "team work nurse data letter teacher company position open years café".split()
HELD_OUT = 6


def text(rng, lead):
    return lead + " " + " ".join(rng.choice(WORDS) for _ in range(10))


def rows(count=24, seed=0):
    """Choices with a taste that a few steps can learn: one opening is liked, the other is not."""
    rng = random.Random(seed)
    return [{"id": f"p{i:02}", "prompt": [{"role": "system", "content": "Write."}, {"role": "user", "content": text(rng, "title:")}],
             "chosen": text(rng, "Dear"), "rejected": text(rng, "Sure! Here"), "split_key": f"{i:x}"} for i in range(count)]  # fmt: skip


def create(folder, model, parent=None, data=None, **recipe):
    data = data or rows()
    plain = {"epochs": 2, "warmup_share": 0.0, "judged_letters": 0}  # fresh letters: test_fresh.py
    values = config.recipe("dpo_bundled").model_dump() | plain | recipe
    frozen = parent and {"id": parent.id, "path": str(parent.path), "sha256": parent.sha256, "scope": parent.scope}
    base = dpo.describe_base(str(model)) | {"max_new_tokens": 30, "parent": frozen}
    return run.create(folder, values, base, data[HELD_OUT:], data[:HELD_OUT])


@pytest.fixture(scope="module", params=["llama", pytest.param("qwen2", marks=pytest.mark.slow)])
def model(request, tmp_path_factory):
    make = {"llama": tiny.tiny_llama, "qwen2": tiny.tiny_qwen2}[request.param]
    return make(tmp_path_factory.mktemp("models") / request.param)


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return tiny.tiny_llama(tmp_path_factory.mktemp("models") / "llama")


@pytest.fixture(scope="module")
def trained(model, tmp_path_factory):
    """(model folder, run folder, outcome, events) of a run of scope "letter" from the base."""
    folder, events = create(tmp_path_factory.mktemp("runs") / "run_1", model), []
    outcome = dpo.train(folder, events.append, letters=5)
    return model, folder, outcome, events


def backend_of(model):
    """The writer, in float32 whatever this machine computes fastest, so that logits can be compared."""
    return LocalBackend.load(config.model_spec(str(model)).model_copy(update={"dtype": "float32"}))


def as_ref(folder, outcome, scope="letter"):
    return AdapterRef(folder.name, outcome.adapter, outcome.report["adapter_sha256"], scope)


def logits(model, adapter, ids):
    """PEFT's own uncached logits (tokens, vocabulary); without an adapter the bare model's."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    found = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    found = (PeftModel.from_pretrained(found, adapter) if adapter else found).eval()
    with torch.no_grad():
        return found(input_ids=torch.tensor([ids]), use_cache=False).logits[0]


def test_training_learns_the_taste_and_says_so(trained):
    _, folder, outcome, events = trained
    assert outcome.state == "succeeded" and outcome.report["held_out"]["accuracy"] == 1.0
    assert [event["kind"] for event in events if event["kind"] in ("metrics", "letters")][-1] == "letters"
    assert " letters are there." in events[-1]["reason"], "the gate's check says how far it is"
    curve = [event for event in events if event["kind"] == "metrics" and "rewards/margins" in event["metrics"]]
    assert [event["step"] for event in curve] == list(range(1, outcome.report["steps"] + 1))
    assert curve[-1]["metrics"]["rewards/margins"] > 0.1 > 1e-5 > abs(curve[0]["metrics"]["rewards/margins"])
    for name in ("loss", "rewards/accuracies", "logps/chosen", "logps/rejected", "seconds_left"):
        assert all(name in event["metrics"] for event in curve)
    held_out = [event["metrics"] for event in events if "eval_rewards/margins" in event.get("metrics", {})]
    assert abs(held_out[0]["eval_rewards/margins"]) < 1e-5 < 0.1 < held_out[-1]["eval_rewards/margins"]
    weights = folder / "adapter" / "adapter_model.safetensors"
    assert run.sealed(folder / "adapter") and run.sha256_file(weights) == outcome.report["adapter_sha256"]
    assert json.loads((folder / "report.json").read_text()) == outcome.report


def test_held_out_letters_are_written_before_and_after(trained):
    model, folder, outcome, _ = trained
    letters = outcome.report["letters"]
    assert len(letters) == 5 and outcome.report["letters_note"] == ""
    backend = LocalBackend.load(config.model_spec(str(model)))
    prompt = rows()[0]["prompt"]
    for row, side in ((Row(None, 1), "before"), (Row(as_ref(folder, outcome), 1), "after")):
        *_, last = write(backend, prompt, [row], Sampling(greedy=True, max_new_tokens=30))
        assert last.texts[0] == letters[0][side]
    assert any(letter["before"] != letter["after"] for letter in letters)


def test_a_letter_adapter_leaves_everything_before_the_header_exactly_as_it_was(trained):
    import torch

    model, _, outcome, _ = trained
    tokenizer = backend_of(model).tokenizer
    ids = tokens.encode_pair(tokenizer, rows()[0], tokens.end_token(tokenizer))
    header = len(ids["prompt_ids"]) - len(tokens.header_ids(tokenizer))
    bare, adapted = (logits(model, adapter, ids["prompt_ids"] + ids["chosen_ids"]) for adapter in (None, outcome.adapter))
    assert torch.equal(bare[:header], adapted[:header])
    assert (bare[header:] - adapted[header:]).abs().amax(-1).min() > 1e-3


def test_the_writers_cached_logits_equal_pefts_uncached_ones(trained):
    import torch

    from ftapp.backends.decoding import begin

    model, folder, outcome, _ = trained
    backend = backend_of(model)
    ids = tokens.encode_pair(backend.tokenizer, rows()[0], tokens.end_token(backend.tokenizer))
    prompt, letter = ids["prompt_ids"], ids["chosen_ids"]
    whole = logits(model, outcome.adapter, prompt + letter)
    weights = backend.weights(as_ref(folder, outcome))
    cache, first = begin(backend, prompt, [None, weights], lambda: False)
    assert torch.allclose(first[1], whole[len(prompt) - 1], atol=1e-4)
    for i, token in enumerate(letter[:8]):
        step = backend.forward(torch.tensor([[token], [token]]), cache, [None, weights])
        assert torch.allclose(step[1], whole[len(prompt) + i], atol=1e-4)
        assert not torch.allclose(step[0], whole[len(prompt) + i], atol=1e-4)  # the base's row beside it


@pytest.mark.slow
def test_the_trainer_sees_the_ids_that_the_writer_produced(model):
    backend = LocalBackend.load(config.model_spec(str(model)))
    messages = rows()[0]["prompt"]
    sampling = Sampling(temperature=1.0, top_p=1.0, max_new_tokens=600)
    *_, last = write(backend, messages, [Row(None, seed) for seed in range(16)], sampling)
    done = [i for i, finished in enumerate(last.finished) if finished]
    assert len(done) >= 2, "no letter ended by itself; the test would show nothing"
    one, two = done[:2]
    row = {"prompt": messages, "chosen": last.texts[one], "rejected": last.texts[two],
           "chosen_ids": last.ids[one], "rejected_ids": last.ids[two]}  # fmt: skip
    end = tokens.end_token(backend.tokenizer)
    ids = tokens.encode_pair(backend.tokenizer, row, end)
    assert ids["prompt_ids"] == list(backend.encode(messages))
    assert ids["prompt_ids"][-len(backend.invocation_tokens) :] == tokens.header_ids(backend.tokenizer) == list(backend.invocation_tokens)
    assert (ids["chosen_ids"], ids["rejected_ids"]) == ([*last.ids[one], end], [*last.ids[two], end])
    assert end in backend.end_tokens
    edited = tokens.encode_pair(backend.tokenizer, row | {"chosen": "Dear team"}, end)  # ids that no longer spell the text are not used
    assert edited["chosen_ids"] == [*backend.tokenizer("Dear team")["input_ids"], end]


def test_a_header_that_a_person_typed_into_a_letter_forges_no_turn(llama):
    tokenizer = tokens.tokenizer(llama)
    header = tokenizer.decode(tokens.header_ids(tokenizer))
    typed = f"Dear team,{header}I bake."
    pair = preferences.PreferencePair("prf_1", "prf_1", [{"role": "user", "content": "q"}], typed, "No.", "0" * 64, True, "b", "h", [], [5],
                                      edited=True)  # fmt: skip
    (mended,) = plan._harmless([pair], tokenizer)
    ids = tokens.encode_pair(tokenizer, plan.as_row(mended), tokens.end_token(tokenizer))
    assert not set(tokens.header_ids(tokenizer)) & set(ids["chosen_ids"][:-1]) and "I bake." in mended.chosen
    assert plan._harmless([replace(pair, edited=False)], tokenizer)[0].chosen == typed, "a sampled letter is taught as it was sampled"


def test_a_letter_without_its_talk_is_trained_as_it_was_shown(llama, engine):
    tokenizer = tokens.tokenizer(llama)
    raw = ["Sure! Here is the letter:\n\nDear team, I bake.", "Dear team, I cook."]
    spelled = tuple(tuple(token for letter in text for token in tokenizer(letter)["input_ids"]) for text in raw)  # letter by letter
    job, me = JobPosting(title="Baker"), ResumeProfile(name="Sam Ode")
    draft = letters.Draft(PlainText("Baker"), PlainText("Sam"), job, me, "plain", prompts.build(me, job), letters.split_key("Fernhill"))
    rows = Row(None, 1), Row(None, 2)
    written = letters.Written("b", "h", rows, tuple(raw), (True, True), spelled, Sampling(), 1.0, True)
    with db_write(engine) as opened:
        comparison = letters.save_pair(opened, "local", letters.save_prompt(opened, "local", draft), written)
        preferences.record(opened, "local", comparison, "left")
        (pair,) = preferences.pairs(opened, "local")
    row, end = plan.as_row(pair), tokens.end_token(tokenizer)
    ids = tokens.encode_pair(tokenizer, row, end)
    assert (row["chosen"], row["rejected"]) == ("Dear team, I bake.", raw[1])
    assert ids["chosen_ids"] == [*tokenizer("Dear team, I bake.")["input_ids"], end] and "chosen_ids" not in row
    assert ids["rejected_ids"] == [*spelled[1], end] != [*tokenizer(raw[1])["input_ids"], end], "untouched: as it was sampled"


def test_the_trainer_gets_exactly_these_ids_nothing_cut_or_added(llama, tmp_path):
    data = rows(10)
    folder = create(tmp_path / "run_1", llama, data=data)
    recipe, base = config.read_recipe(folder / "recipe.yaml"), run.read_json(folder / "base.json")
    model, tokenizer = dpo.load_base(base)
    encoded = dpo.encode_rows(tokenizer, data, recipe.max_length)
    trainer = dpo.build_trainer(model, tokenizer, recipe, base, encoded, encoded[:2], tmp_path / "checkpoints")
    batch = next(iter(trainer.get_eval_dataloader()))
    for i in range(2):
        seen = batch["input_ids"][i][batch["attention_mask"][i].bool()].tolist()
        assert seen == encoded[i]["prompt_ids"] + encoded[i]["chosen_ids"]
        assert batch["input_ids"][i][batch["completion_mask"][i].bool()].tolist() == encoded[i]["chosen_ids"]
    assert not trainer.args.gradient_checkpointing and trainer.args.bf16 == hardware.computes_bf16()
    assert all(p.is_floating_point() and p.element_size() == 4 for p in trainer.model.parameters()), "only products are rounded"


@pytest.mark.slow
def test_a_run_with_a_parent_starts_there_is_measured_against_it_and_ships_one_adapter(llama, tmp_path, monkeypatch):
    import torch
    from safetensors.torch import load_file

    monkeypatch.setattr(hardware, "computes_bf16", lambda: False)  # the numbers are compared with those of the model alone
    tokenizer = backend_of(llama).tokenizer
    path = tiny.tiny_adapter(llama, tmp_path / "parent", tokens.header_ids(tokenizer), scale=0.05)
    parent = AdapterRef("adp_parent", path, run.sha256_file(path / "adapter_model.safetensors"), "letter")
    folder, events = create(tmp_path / "run_1", llama, parent), []
    outcome = dpo.train(folder, events.append, letters=1)
    first = next(event["metrics"] for event in events if "eval_rewards/margins" in event.get("metrics", {}))
    assert abs(first["eval_rewards/margins"]) < 1e-5 > abs(first["eval_rewards/chosen"])  # policy and reference are the parent
    ids = tokens.encode_pair(tokenizer, rows()[0], tokens.end_token(tokenizer))
    whole = ids["prompt_ids"] + ids["chosen_ids"]
    scores = torch.log_softmax(logits(llama, path, whole)[len(ids["prompt_ids"]) - 1 : -1], -1)
    wanted = scores.gather(1, torch.tensor(ids["chosen_ids"])[:, None]).sum().item()
    encoded, base = dpo.encode_rows(tokenizer, rows()[:1], 1024), run.read_json(folder / "base.json")
    model, _ = dpo.load_base(base)
    trainer = dpo.build_trainer(model, tokenizer, config.read_recipe(folder / "recipe.yaml"), base, encoded, encoded, tmp_path / "c")
    learning = [name for name, parameter in trainer.model.named_parameters() if parameter.requires_grad]
    assert learning and all(".default." in name for name in learning)  # the reference's copy stays as it is
    assert trainer.eval_dataset[0]["ref_chosen_logps"] == pytest.approx(wanted, abs=1e-2)
    before, after = load_file(path / "adapter_model.safetensors"), load_file(outcome.adapter / "adapter_model.safetensors")
    assert before.keys() == after.keys()
    assert all(not torch.equal(before[name], after[name]) for name in before)
    assert outcome.report["parent"] == "adp_parent" and outcome.report["reference"] == "parent adapter"


def test_a_parent_of_another_scope_or_with_other_bytes_is_refused(llama, tmp_path):
    path = tiny.tiny_adapter(llama, tmp_path / "parent")
    digest = run.sha256_file(path / "adapter_model.safetensors")
    with pytest.raises(TrainingError, match="scope 'all'"):
        dpo.train(create(tmp_path / "run_1", llama, AdapterRef("adp_1", path, digest, "all")), letters=0)
    with pytest.raises(ModelError, match="not the file that was recorded"):
        dpo.train(create(tmp_path / "run_2", llama, AdapterRef("adp_1", path, "0" * 64, "letter")), letters=0)


@pytest.mark.slow
def test_scope_all_reads_the_prompt_with_the_adapter_too(llama, tmp_path):
    import torch

    outcome = dpo.train(create(tmp_path / "run_1", llama, scope="all"), letters=0)
    tokenizer = backend_of(llama).tokenizer
    ids = tokens.prompt_ids(tokenizer, rows()[0]["prompt"])
    assert not torch.allclose(logits(llama, None, ids)[3], logits(llama, outcome.adapter, ids)[3], atol=1e-3)
    assert json.loads((outcome.adapter / "adapter_config.json").read_text())["alora_invocation_tokens"] is None


def test_scoring_only_the_letters_changes_no_number(llama, tmp_path, monkeypatch):
    import torch
    from trl.trainer import utils

    folder = create(tmp_path / "run_1", llama, step="trl")
    recipe, base = config.read_recipe(folder / "recipe.yaml"), run.read_json(folder / "base.json")
    model, tokenizer = dpo.load_base(base)
    encoded, scored = dpo.encode_rows(tokenizer, rows()[:4], 1024), []
    monkeypatch.setattr(utils, "_use_triton", utils._use_triton)  # put back whatever this process had
    trainer = dpo.build_trainer(model, tokenizer, recipe, base, encoded, [], tmp_path / "c")
    batch = next(iter(trainer.get_train_dataloader()))
    kernel = utils._ChunkedLogProbFunction
    monkeypatch.setattr(utils, "_ChunkedLogProbFunction", type("Counting", (), {
        "apply": staticmethod(lambda hidden, *rest: scored.append(len(hidden)) or kernel.apply(hidden, *rest))}))  # fmt: skip
    results = []
    for everywhere in (False, True):
        if everywhere:
            monkeypatch.setattr(utils, "_use_triton", lambda device: False)
        trainer.model.zero_grad()
        loss = trainer.compute_loss(trainer.model, batch)
        loss.backward()
        results.append((loss, torch.cat([p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None])))
    assert scored == [batch["completion_mask"].sum().item(), batch["input_ids"][:, 1:].numel()]
    assert torch.allclose(results[0][0], results[1][0]) and torch.allclose(results[0][1], results[1][1], atol=1e-5)
    assert results[0][1].abs().max() > 1e-4


@pytest.mark.slow
def test_our_held_out_margins_are_trls(llama, tmp_path):
    # TRL averages the means of batches: equal batches, so that its mean is the mean
    folder, events = create(tmp_path / "run_1", llama, batch_size=HELD_OUT // 2), []
    seen = []
    original = finish.held_out_margins
    try:
        finish.held_out_margins = lambda *arguments: seen.extend(original(*arguments)) or seen
        dpo.train(folder, events.append, letters=0)
    finally:
        finish.held_out_margins = original
    trl = [event["metrics"]["eval_rewards/margins"] for event in events if "eval_rewards/margins" in event.get("metrics", {})][-1]
    assert sum(seen) / HELD_OUT == pytest.approx(trl, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("phrase", ["", "and I shall gladly bring cake on Fridays"])
def test_what_the_gate_will_refuse_for_its_choices_is_told_before_it_trains(llama, tmp_path, phrase):
    said = [row | {"chosen": f"{row['chosen']} {phrase}"} for row in rows()]
    events = []
    outcome = dpo.train(create(tmp_path / "run_1", llama, data=said), events.append, stop=lambda: len(events) > 0, letters=1)
    assert outcome.state == "stopped" and events[0]["kind"] == "note"
    told = "will be refused" in events[0]["reason"] and "the same words in every letter" in events[0]["reason"]
    assert told == bool(phrase) and (phrase or "no phrase") not in events[0]["reason"]


@pytest.mark.slow
def test_a_stopped_run_goes_on_and_ends_where_an_uninterrupted_one_does(llama, tmp_path, monkeypatch):
    import torch
    from safetensors.torch import load_file

    straight = dpo.train(create(tmp_path / "straight", llama), letters=0)
    folder, events = create(tmp_path / "stopped", llama), []
    outcome = dpo.train(folder, events.append, stop=lambda: sum("loss" in e.get("metrics", {}) for e in events) >= 4, letters=0)
    assert outcome.state == "stopped" and not (folder / "adapter").exists()
    stopped_at = int(run.last_checkpoint(folder).name.split("-")[1])
    held = run.read_json(run.last_checkpoint(folder) / "trainer_state.json")["stateful_callbacks"]["Watching"]["attributes"]["first"]
    torn = run.last_checkpoint(folder).with_name(f"checkpoint-{stopped_at + 1}")
    torn.mkdir()
    (torn / "adapter_model.safetensors").write_bytes(b"half")  # what a killed trainer leaves behind
    again, firsts, letters = [], [], guard.Guard.letters
    monkeypatch.setattr(guard.Guard, "letters", lambda self, texts: firsts.append(self.first) or letters(self, texts))
    finished = dpo.train(folder, again.append, letters=0)
    assert finished.state == "succeeded"
    assert len(held) == 2 and firsts[0] == tuple(held), "the guard measures from the first start"
    assert next(e for e in again if e["kind"] == "start")["step"] == stopped_at > 0
    assert [e["step"] for e in again if "loss" in e.get("metrics", {})] == list(range(stopped_at + 1, finished.report["steps"] + 1))
    one, other = (load_file(o.adapter / "adapter_model.safetensors") for o in (straight, finished))
    assert all(torch.allclose(one[name], other[name], atol=1e-6) for name in one)
    assert not (folder / "checkpoints").exists()


def test_the_guard_reads_letters_where_layers_are_computed_twice_too(llama, tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(guard.Guard, "letters", lambda self, texts: read.extend(texts) or "")
    outcome = dpo.train(create(tmp_path / "run_1", llama, scope="all", gradient_checkpointing=True, epochs=1), letters=0)
    assert outcome.state == "succeeded" and read and any(text.strip() for text in read)


def test_nothing_is_cut_and_nothing_is_trained_on_another_model(llama, tmp_path):
    long = rows(12)
    long[8] |= {"chosen": "letter " * 1100}
    with pytest.raises(TrainingError, match="the recipe allows 1024"):
        dpo.train(create(tmp_path / "run_1", llama, data=long), letters=0)
    with pytest.raises(TrainingError, match="no pair to train on"):
        dpo.train(create(tmp_path / "run_2", llama, data=rows(HELD_OUT)), letters=0)
    folder = create(tmp_path / "run_3", llama)
    base = run.read_json(folder / "base.json") | {"hash": "0" * 64}
    run.write_text(folder / "base.json", json.dumps(base))
    with pytest.raises(ModelError, match="not the one that the run was made for"):
        dpo.train(folder, letters=0)
