"""Models as people use them, in small: Llama 3, Qwen2, Qwen3 and Gemma 3 with chat templates like theirs write, learn from letters,
learn from choices and change writers; whole and in 4 bits."""

import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ftapp import config
from ftapp.backends.local import AdapterRef, LocalBackend
from ftapp.backends.pair import Row, Sampling, write
from ftapp.training import dpo, guard, run, sft, tokens
from ftapp.training.bases import describe_base, load_base
from tests import tiny

pytestmark = pytest.mark.timeout(900)
NAMES = ["llama3", "qwen2", "qwen3", "gemma3"]
PROMPT = [{"role": "system", "content": "Write a letter."}, {"role": "user", "content": "title: Nurse\nname:\nMara"}]
WORDS = "team work nurse data letter teacher company position open years".split()


@pytest.fixture(scope="module", params=NAMES)
def model(request, tmp_path_factory):
    return tiny.Tinies.makers[request.param](tmp_path_factory.mktemp("models") / request.param)


@pytest.fixture(autouse=True)
def _letters_of_random_weights_may_fall_apart(monkeypatch):
    """Taught in a few large steps, which is what the collapse guard is there to end; it has tests of its own."""
    for limit in ("CHOSEN_NATS", "KL_NATS", "REPEATS", "LENGTH"):
        monkeypatch.setattr(guard, limit, float("inf"))


def spec(model, **changed):
    return config.model_spec(str(model)).model_copy(update={"dtype": "float32", "context_tokens": 1024} | changed)


def scope_of(model):
    return "letter" if tokens.header_ids(tokens.tokenizer(model)) else "all"


def rows(count=8, choices=False):
    rng = random.Random(3)

    def text(lead):
        return lead + " " + " ".join(rng.choice(WORDS) for _ in range(8))

    made = [{"id": f"r{i}", "prompt": [{"role": "user", "content": text("title:")}], "split_key": f"{i:x}"} for i in range(count)]
    return [row | ({"chosen": text("Dear"), "rejected": text("Sure")} if choices else {"completion": text("Dear")}) for row in made]


def teach(folder, model, method, parent=None, **recipe):
    name = {"sft": "sft_bundled", "dpo": "dpo_bundled"}[method]
    quick = {"epochs": 3, "scope": scope_of(model), "warmup_share": 0.0, "learning_rate": 2e-2, "judged_letters": 0}
    values = config.recipe(name).model_dump() | quick | recipe
    base = describe_base(str(model)) | {"max_new_tokens": 10}
    base["parent"] = parent and {"id": parent.id, "path": str(parent.path), "sha256": parent.sha256, "scope": parent.scope}
    data = rows(choices=method == "dpo")
    run.create(folder, values, base, data[2:], data[:2])
    outcome = {"sft": sft.train, "dpo": dpo.train}[method](folder, letters=1)
    return AdapterRef(folder.name, outcome.adapter, outcome.report["adapter_sha256"], values["scope"]), outcome.report


def texts(backend, *adapters):
    *_, last = write(backend, PROMPT, [Row(adapter, 5) for adapter in adapters], Sampling(greedy=True, max_new_tokens=12))
    return last.ids


def test_the_writer_and_the_trainer_read_the_same_prompt_and_thinking_is_off(model):
    backend, tokenizer = LocalBackend.load(spec(model)), tokens.tokenizer(model)
    assert tokens.prompt_ids(tokenizer, PROMPT) == list(backend.encode(PROMPT))
    assert tokens.header_ids(tokenizer) == list(backend.invocation_tokens) != []
    assert tokens.end_token(tokenizer) in backend.end_tokens
    shown = tokenizer.decode(backend.encode(PROMPT))
    assert shown.count("Write a letter.") == 1 and "Mara" in shown
    if model.name == "qwen3":
        assert shown.endswith("<think>\n\n</think>\n\n"), "the thought is there and empty"


@pytest.mark.slow
def test_write_learn_from_letters_then_from_choices_and_swap(model, tmp_path):
    backend = LocalBackend.load(spec(model))
    (bare,) = texts(backend, None)
    voice, first = teach(tmp_path / "run_1", model, "sft")
    taste, then = teach(tmp_path / "run_2", model, "dpo", voice)
    assert first["held_out"]["after"] < first["held_out"]["before"]
    assert (then["parent"], then["reference"]) == ("run_1", "parent adapter")
    assert backend.prove(voice).ok and backend.prove(taste).ok
    base, spoken = texts(backend, None, voice)
    assert base == bare != spoken
    swapped = texts(backend, voice, taste, None)
    assert swapped[0] == spoken and swapped[2] == bare


@pytest.mark.parametrize("scope", [pytest.param("letter", marks=pytest.mark.slow), pytest.param("all", marks=pytest.mark.torture)])
def test_in_four_bits_load_learn_save_load_again_and_write(model, tmp_path, scope):
    packed = spec(model, load_in_4bit=True)
    backend = LocalBackend.load(packed)
    kinds = {type(module).__name__ for module in backend.model.modules()}
    assert "Linear4bit" in kinds
    (bare,) = texts(backend, None)
    four = {"load_in_4bit": True, "double_quant": True, "optim": "paged_adamw_8bit", "scope": scope}
    voice, first = teach(tmp_path / "run_1", model, "sft", **four)
    taste, then = teach(tmp_path / "run_2", model, "dpo", voice, **four)
    assert first["held_out"]["after"] < first["held_out"]["before"] and then["parent"] == "run_1"
    for learned in (voice, taste):
        kinds = {tensor.dtype for tensor in load_file(Path(learned.path) / "adapter_model.safetensors").values()}
        assert kinds == {torch.float32}, "in bfloat16 small steps would be lost"
    backend = LocalBackend.load(packed)  # loaded again, as after a restart
    assert backend.prove(voice).ok and backend.prove(taste).ok
    base, spoken = texts(backend, None, voice)
    assert base == bare != spoken
    assert texts(backend, taste, voice)[1] == spoken


@pytest.mark.slow
def test_four_bits_are_four_bits_and_gradients_reach_the_lowest_layer(model, tmp_path):
    import torch

    recipe = config.recipe("sft_qlora_8b_16gb").model_copy(update={"gradient_checkpointing": False})
    base = describe_base(str(model))
    loaded, tokenizer = load_base(base, recipe)
    packed = [module for module in loaded.modules() if type(module).__name__ == "Linear4bit"]
    assert packed and all(module.weight.dtype == torch.uint8 and module.weight.quant_type == "nf4" for module in packed)
    assert all(module.weight.quant_state.nested for module in packed), "double quantization"
    encoded = tokens.encode_rows(tokenizer, rows(), recipe.max_length)
    trainer = sft.build_trainer(loaded, tokenizer, recipe, base, encoded, [], tmp_path / "c")
    trainer.model.eval()
    batch = trainer._prepare_inputs(next(iter(trainer.get_train_dataloader())))
    with torch.no_grad():
        before = trainer.compute_loss(trainer.model, dict(batch)).item()
    trainer.model.train()
    loss = trainer.compute_loss(trainer.model, dict(batch))
    loss.backward()  # an evaluation came first, after which bitsandbytes would repack weights and lose gradients
    assert loss.item() == pytest.approx(before, rel=1e-3)
    lowest = [parameter for name, parameter in trainer.model.named_parameters() if "layers.0." in name and "lora_B" in name]
    assert lowest and all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in lowest)
    learning = [parameter for parameter in trainer.model.parameters() if parameter.requires_grad]
    assert learning and all(parameter.dtype == torch.float32 for parameter in learning)
