"""Supervised training on real tiny models: what is learned, what is not, stopping, going on, and choices that start from it."""

import json
import random

import pytest

from ftapp import config, evaluation
from ftapp.backends.local import AdapterRef, LocalBackend
from ftapp.errors import TrainingError
from ftapp.training import dpo, run, sft, tokens
from ftapp.training.bases import describe_base, load_base
from tests import tiny

pytestmark = pytest.mark.timeout(600)  # TRL's imports alone take a minute on a machine that is busy otherwise
WORDS = "team work nurse data letter teacher company position open years café".split()
HELD_OUT = 5


def text(rng, lead):
    return lead + " " + " ".join(rng.choice(WORDS) for _ in range(10))


def examples(count=20, seed=0):
    """Letters of somebody who always begins and ends in the same way."""
    rng = random.Random(seed)
    return [{"id": f"e{i:02}", "prompt": [{"role": "system", "content": "Write."}, {"role": "user", "content": text(rng, "title:")}],
             "completion": text(rng, "Dear hiring team,") + " Kind regards,", "split_key": f"{i:x}"} for i in range(count)]  # fmt: skip


def pairs(count=12, seed=1):
    rng = random.Random(seed)
    return [{"id": f"p{i:02}", "prompt": [{"role": "user", "content": text(rng, "title:")}], "chosen": text(rng, "Dear"),
             "rejected": text(rng, "Sure! Here"), "split_key": f"{i:x}"} for i in range(count)]  # fmt: skip


def create(folder, model, name="sft_bundled", parent=None, data=None, **recipe):
    data = data or examples()
    plain = {"epochs": 3, "warmup_share": 0.0, "learning_rate": 5e-3, "judged_letters": 0}
    values = config.recipe(name).model_dump() | plain | recipe
    frozen = parent and {"id": parent.id, "path": str(parent.path), "sha256": parent.sha256, "scope": parent.scope}
    base = describe_base(str(model)) | {"max_new_tokens": 20, "parent": frozen}
    return run.create(folder, values, base, data[HELD_OUT:], data[:HELD_OUT])


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return tiny.tiny_llama(tmp_path_factory.mktemp("models") / "llama")


@pytest.fixture(scope="module")
def trained(llama, tmp_path_factory):
    """(run folder, outcome, events) of a run of scope "letter" from the base."""
    folder, events = create(tmp_path_factory.mktemp("runs") / "run_1", llama), []
    return folder, sft.train(folder, events.append, letters=2), events


def test_letters_are_learned_and_the_report_says_how_well(trained):
    folder, outcome, events = trained
    report = outcome.report
    assert outcome.state == "succeeded" and report["method"] == "sft" and report["train_examples"] == 15
    assert report["held_out"]["after"] < report["held_out"]["before"] - 0.5 and "times as likely" in report["held_out"]["sentence"]
    assert "became more likely" in report["curve"]
    assert report["memory_bytes"] > 10**8 and report["tokens_a_second"] > 0
    curve = [event for event in events if "loss" in event.get("metrics", {})]
    assert [event["step"] for event in curve] == list(range(1, report["steps"] + 1))
    assert {"loss", "mean_token_accuracy", "seconds_left"} <= set(curve[-1]["metrics"])
    assert len(report["letters"]) == 2 and run.sealed(folder / "adapter")
    assert json.loads((folder / "report.json").read_text()) == json.loads(json.dumps(report))


def test_only_the_answer_is_learned_with_the_ids_of_the_writer(llama, tmp_path):
    data = examples(8)
    folder = create(tmp_path / "run_1", llama, data=data)
    recipe, base = config.read_recipe(folder / "recipe.yaml"), run.read_json(folder / "base.json")
    model, tokenizer = load_base(base, recipe)
    encoded = tokens.encode_rows(tokenizer, data, recipe.max_length)
    trainer = sft.build_trainer(model, tokenizer, recipe, base, encoded, encoded[:2], tmp_path / "checkpoints")
    backend = LocalBackend.load(config.model_spec(str(llama)))
    batch = next(iter(trainer.get_eval_dataloader()))
    for i in range(2):
        seen = batch["input_ids"][i][batch["attention_mask"][i].bool()].tolist()
        learned = batch["labels"][i][batch["labels"][i] != sft.IGNORED].tolist()
        assert seen == encoded[i]["prompt_ids"] + encoded[i]["completion_ids"]
        assert encoded[i]["prompt_ids"] == list(backend.encode(data[i]["prompt"]))
        assert learned == encoded[i]["completion_ids"] and learned[-1] in backend.end_tokens
    changed = [{**row, "prompt": [{"role": "user", "content": "title: something else"}]} for row in data]
    other = tokens.encode_rows(tokenizer, changed, recipe.max_length)
    assert [ids["completion_ids"] for ids in other] == [ids["completion_ids"] for ids in encoded]


def test_the_loss_is_the_mean_over_the_answers_tokens(llama, tmp_path):
    import torch

    data = examples(2)
    folder = create(tmp_path / "run_1", llama, data=examples(8))
    recipe, base = config.read_recipe(folder / "recipe.yaml"), run.read_json(folder / "base.json")
    model, tokenizer = load_base(base, recipe)
    encoded = tokens.encode_rows(tokenizer, data, recipe.max_length)
    trainer = sft.build_trainer(model, tokenizer, recipe, base, encoded, [], tmp_path / "checkpoints")
    trainer.model.eval()
    batch = trainer._prepare_inputs(next(iter(trainer.get_train_dataloader())))
    with torch.no_grad():
        loss = trainer.compute_loss(trainer.model, batch).item()
        bare, _ = load_base(base, recipe)  # a fresh adapter changes nothing yet
        total = count = 0
        for ids in encoded:
            whole = torch.tensor([ids["prompt_ids"] + ids["completion_ids"]])
            scores = torch.log_softmax(bare(input_ids=whole).logits[0, :-1].float(), -1)
            own = scores.gather(1, whole[0, 1:, None])[len(ids["prompt_ids"]) - 1 :, 0]
            total, count = total - own.sum().item(), count + len(own)
    assert loss == pytest.approx(total / count, rel=2e-2)  # products may be rounded to bfloat16 here


def test_an_answer_is_never_cut_and_nothing_is_learned_from_nothing(llama, tmp_path):
    long = examples(8)
    long[6] |= {"completion": "letter " * 1100}
    with pytest.raises(TrainingError, match="Example e06 has .* the recipe allows 1024"):
        sft.train(create(tmp_path / "run_1", llama, data=long), letters=0)
    with pytest.raises(TrainingError, match="nothing can be learned"):
        sft.train(create(tmp_path / "run_2", llama, data=examples(HELD_OUT)), letters=0)


@pytest.mark.slow
def test_a_stopped_run_goes_on_and_ends_where_an_uninterrupted_one_does(llama, tmp_path):
    import torch
    from safetensors.torch import load_file

    straight = sft.train(create(tmp_path / "straight", llama), letters=0)
    folder, events = create(tmp_path / "stopped", llama), []
    outcome = sft.train(folder, events.append, stop=lambda: sum("loss" in e.get("metrics", {}) for e in events) >= 4, letters=0)
    assert outcome.state == "stopped" and not (folder / "adapter").exists()
    stopped_at = int(run.last_checkpoint(folder).name.split("-")[1])
    again = []
    finished = sft.train(folder, again.append, letters=0)
    assert next(e for e in again if e["kind"] == "start")["step"] == stopped_at > 0
    one, other = (load_file(o.adapter / "adapter_model.safetensors") for o in (straight, finished))
    assert all(torch.allclose(one[name], other[name], atol=1e-6) for name in one)
    assert finished.report["held_out"]["before"] == pytest.approx(straight.report["held_out"]["before"])


@pytest.mark.slow
def test_choices_start_from_the_voice_and_are_measured_against_it(trained, llama, tmp_path):
    _, voice, _ = trained
    parent = AdapterRef("adp_voice", voice.adapter, voice.report["adapter_sha256"], "letter")
    folder, events = create(tmp_path / "run_2", llama, "dpo_bundled", parent, pairs()), []
    outcome = dpo.train(folder, events.append, letters=1)
    first = next(event["metrics"] for event in events if "eval_rewards/margins" in event.get("metrics", {}))
    assert first["eval_rewards/chosen"] == 0, "policy and reference begin as the voice"
    assert outcome.report["parent"] == "adp_voice" and outcome.report["reference"] == "parent adapter"
    from safetensors.torch import load_file

    before, after = (load_file(path / "adapter_model.safetensors") for path in (voice.adapter, outcome.adapter))
    assert before.keys() == after.keys()
    assert all(0 < (after[name] - before[name]).abs().max() < 0.5 * before[name].abs().max() + 0.05 for name in before)


@pytest.mark.slow
def test_a_batch_read_in_parts_with_layers_computed_twice_learns_the_same(llama, tmp_path, monkeypatch):
    import torch
    from safetensors.torch import load_file

    from ftapp.backends import hardware
    from ftapp.training import memory

    monkeypatch.setattr(hardware, "computes_bf16", lambda: False)
    whole = config.recipe("sft_bundled").model_copy(update={"batch_size": 4, "scope": "all"})
    adapters = []
    for level in range(4):  # batches of 4, 2, 1, then gradient checkpointing
        recipe = memory.smaller(whole, level)
        fields = {name: getattr(recipe, name) for name in ("batch_size", "accumulation_steps", "gradient_checkpointing", "scope")}
        outcome = sft.train(create(tmp_path / f"run_{level}", llama, data=examples(HELD_OUT + 12), **fields, epochs=2), letters=0)
        adapters.append(load_file(outcome.adapter / "adapter_model.safetensors"))
    assert fields == {"batch_size": 1, "accumulation_steps": 4, "gradient_checkpointing": True, "scope": "all"}
    for other in adapters[1:]:
        assert all(torch.allclose(adapters[0][name], other[name], atol=2e-4) for name in other)


# ---- words about numbers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("losses", "word"), [([3.0, 2.0], "2.7 times"), ([3.0, 3.01], "little was learned"), ([2.0, 3.0], "by heart"), ([3.0], "not known")]
)
def test_held_out_losses_in_words(losses, word):
    found = evaluation.held_out_loss([{"eval_loss": loss} for loss in losses], 4, 3)
    assert word in found["sentence"] and found["examples"] == 4
    assert (found["before"], found["after"]) == ((losses[0], losses[-1]) if len(losses) > 1 else (None, None))


@pytest.mark.parametrize(
    ("train", "held_out", "word"),
    [([3, 3], [], "Too early"), ([3, 3, 3, 3], [], "Little"), ([3, 2, 1, 1], [3, 2], "never saw from 3.00 to 2.00"),
     ([3, 2, 1, 1], [3, 2, 2.5], "by heart"), ([3, 2, 1, 1], [3, 3], "hardly gain"), ([3, 2, 1, float("nan")], [], "broke")],
)  # fmt: skip
def test_a_supervised_curve_in_words(train, held_out, word):
    rows = [{"loss": loss, "mean_token_accuracy": 0.5} for loss in train] + [{"eval_loss": loss} for loss in held_out]
    assert word in evaluation.read_curve(rows)
