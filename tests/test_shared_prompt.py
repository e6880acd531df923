"""The step that reads a prompt once: TRL's numbers, PEFT's meaning, less work, and TRL's own step where it cannot be done."""

import copy
import random
import subprocess

import pytest

from ftapp import config
from ftapp.training import bases, dpo, processes, reference, run
from tests import tiny
from tests.test_dpo import create, llama, rows, text  # noqa: F401 - llama is a fixture

pytestmark = pytest.mark.timeout(600)
PLAIN = {"bf16": False, "use_cpu": True, "report_to": "none", "disable_tqdm": True, "logging_steps": 1, "save_strategy": "no"}


def uneven(count=8, seed=1):
    """Pairs whose prompts and letters differ much in length, one letter of the end token alone."""
    rng = random.Random(seed)
    data = rows(count, seed)
    for i, row in enumerate(data):
        row["prompt"][1]["content"] = " ".join(text(rng, "title:") for _ in range(1 + i % 3))
        row["chosen"] = " ".join([row["chosen"]] * (1 + i % 4))
    data[3]["rejected"] = ""
    return data


class Contest:
    """TRL's trainer and ours from the same weights on the same pairs, in float32."""

    def __init__(self, folder, tmp, scope="all", data=None, adapter=True, **more):
        from datasets import Dataset
        from trl import DPOConfig

        from ftapp.training.shared_prompt import EncodedDPOTrainer, SharedPromptTrainer

        base = bases.describe_base(str(folder))
        model, tokenizer = bases.load_base(base)
        header = base["invocation_tokens"] if scope == "letter" else None
        path = tiny.tiny_adapter(folder, tmp / f"adapter_{scope}", header, scale=0.05)
        ids = dpo.encode_rows(tokenizer, data or uneven(), 1024)
        self.ids, self.said = ids, []

        def make(kind, **extra):
            from peft import PeftModel

            own = copy.deepcopy(model)
            lora = None
            if adapter:  # a parent: both start from weights that do something
                own = PeftModel.from_pretrained(own, path, is_trainable=True)
            else:
                recipe = config.recipe("dpo_bundled").model_copy(update={"scope": scope})
                lora = recipe.lora_config(header)
            settings = {"output_dir": str(tmp / kind.__name__), "learning_rate": 1e-3, "per_device_train_batch_size": 4,
                        "gradient_checkpointing": False, "max_length": None, "precompute_ref_log_probs": True}  # fmt: skip
            given = DPOConfig(**PLAIN | settings | more)
            return kind(model=own, args=given, processing_class=tokenizer, peft_config=lora,
                        train_dataset=Dataset.from_list(ids), **extra)  # fmt: skip

        self.trl = make(EncodedDPOTrainer)
        self.ours = make(SharedPromptTrainer, say=self.said.append)

    def batch(self, trainer):
        return next(iter(trainer.get_train_dataloader()))

    def loss_and_gradient(self, trainer):
        import torch

        learning = [p for _, p in sorted(trainer.model.named_parameters()) if p.requires_grad]
        noise = torch.Generator().manual_seed(5)
        for parameter in learning:  # away from the reference, or every reward is zero and its sign a matter of rounding
            parameter.data += 0.02 * torch.randn(parameter.shape, generator=noise)
        trainer.model.train()
        trainer.model.zero_grad()
        loss = trainer.compute_loss(trainer.model, self.batch(trainer))
        loss.backward()
        return loss.item(), torch.cat([p.grad.flatten() for p in learning]), dict(trainer._metrics["train"])


@pytest.fixture(scope="module", params=["llama", "qwen2"])
def model(request, tmp_path_factory):
    make = {"llama": tiny.tiny_llama, "qwen2": tiny.tiny_qwen2}[request.param]
    return make(tmp_path_factory.mktemp("models") / request.param)


@pytest.mark.parametrize("scope", ["all", "letter"])
def test_loss_gradient_and_metrics_are_trls(model, tmp_path, scope):
    import torch

    contest = Contest(model, tmp_path, scope)
    assert contest.ours.shared and contest.said == []
    for side in ("ref_chosen_logps", "ref_rejected_logps"):
        assert contest.ours.train_dataset[side] == pytest.approx(contest.trl.train_dataset[side], abs=1e-3)
    (their_loss, theirs, metrics), (loss, ours, own) = (contest.loss_and_gradient(t) for t in (contest.trl, contest.ours))
    assert loss == pytest.approx(their_loss, abs=1e-4)
    assert theirs.abs().max() > 1e-4 and torch.cosine_similarity(ours, theirs, 0) > 0.9999
    assert torch.allclose(ours, theirs, atol=1e-4 * theirs.abs().max().item() + 1e-6)
    assert metrics.keys() == own.keys()
    for name in metrics:
        assert own[name] == pytest.approx(metrics[name], abs=2e-3), name


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["all", "letter"])
def test_fifty_steps_follow_trls_curve(model, tmp_path, scope):
    contest = Contest(model, tmp_path, scope, data=uneven(32), adapter=False, max_steps=50)
    curves = []
    for trainer in (contest.trl, contest.ours):
        trainer.train()
        curves.append([entry["loss"] for entry in trainer.state.log_history if "loss" in entry])
    assert len(curves[0]) == 50 and curves[0][-1] < 0.6
    assert max(abs(a - b) for a, b in zip(*curves, strict=True)) < 1e-3


@pytest.mark.parametrize("loss", [["sigmoid", "sft"], ["ipo"], ["robust"]])
def test_other_losses_are_trls_too(llama, tmp_path, loss):  # noqa: F811
    contest = Contest(llama, tmp_path, "letter", loss_type=loss, label_smoothing=0.1)
    assert contest.ours.shared
    (theirs, *_), (ours, *_) = (contest.loss_and_gradient(trainer) for trainer in (contest.trl, contest.ours))
    assert ours == pytest.approx(theirs, rel=1e-4)


@pytest.mark.parametrize("scope", ["all", "letter"])
def test_gradient_checkpointing_changes_no_gradient(llama, tmp_path, scope):  # noqa: F811
    import torch

    plain = Contest(llama, tmp_path / "a", scope).ours
    checked = Contest(llama, tmp_path / "b", scope, gradient_checkpointing=True).ours
    checked.model.gradient_checkpointing_enable()  # as Trainer.train does
    assert checked.shared and checked.model.is_gradient_checkpointing
    gradients = []
    for trainer in (plain, checked):
        trainer.model.train()
        loss = trainer.compute_loss(trainer.model, next(iter(trainer.get_train_dataloader())))
        loss.backward()
        gradients.append(torch.cat([p.grad.flatten() for _, p in sorted(trainer.model.named_parameters()) if p.requires_grad]))
    assert gradients[0].abs().max() > 1e-4 and torch.allclose(*gradients, atol=1e-6)


def test_a_prompt_is_read_once_and_kept_within_its_bytes(llama, tmp_path, monkeypatch):  # noqa: F811
    import torch

    from ftapp.training import packing

    lengths, original = [], packing.read
    monkeypatch.setattr(packing, "read", lambda backbone, prompt, device: lengths.append(len(prompt)) or original(backbone, prompt, device))
    ours = Contest(llama, tmp_path, "letter").ours
    assert len(lengths) == len(ours.train_dataset)  # for the reference
    batch = next(iter(ours.get_train_dataloader()))
    first = ours.compute_loss(ours.model, batch)
    assert len(lengths) == len(ours.train_dataset)  # not again for the policy
    assert 0 < ours._prompts.bytes <= ours._prompts.most_bytes
    ours._prompts = packing.Prompts(most_bytes=ours._prompts.bytes // 2)
    second = ours.compute_loss(ours.model, batch)
    third = ours.compute_loss(ours.model, batch)
    assert torch.equal(first, second) and torch.equal(second, third), "what is kept changes nothing"
    assert 0 < ours._prompts.bytes <= ours._prompts.most_bytes


def test_only_letters_pass_the_head_and_prompts_pass_the_layers_once(llama, tmp_path, monkeypatch):  # noqa: F811
    from ftapp.training import letter_head, packing

    ours = Contest(llama, tmp_path, "all").ours
    batch, seen, scored = next(iter(ours.get_train_dataloader())), [], []
    run_, score = packing.run, letter_head.score
    monkeypatch.setattr(packing, "run", lambda backbone, row, ids, at: seen.append(ids.numel()) or run_(backbone, row, ids, at))
    monkeypatch.setattr(letter_head, "score", lambda hidden, *rest: scored.append(len(hidden)) or score(hidden, *rest))
    ours.compute_loss(ours.model, batch)
    letters, everything = batch["completion_mask"].sum().item(), batch["attention_mask"].sum().item()
    half = len(batch["input_ids"]) // 2
    prompts = (everything - letters) // 2
    assert len(seen) == half and sum(scored) == letters and sum(seen) == prompts + letters - 2 * half


@pytest.mark.slow
def test_reference_numbers_are_kept_across_runs_and_belong_to_their_base(llama, tmp_path, monkeypatch):  # noqa: F811
    from ftapp.training.shared_prompt import SharedPromptTrainer

    computed, original = [], SharedPromptTrainer._reference_of
    monkeypatch.setattr(SharedPromptTrainer, "_reference_of", lambda self, row: computed.append(1) or original(self, row))
    first = create(tmp_path / "runs" / "run_1", llama)
    dpo.train(first, letters=0)
    assert len(computed) == 24
    second = create(tmp_path / "runs" / "run_2", llama)
    reference.carry(second)
    dpo.train(second, letters=0)
    assert len(computed) == 24, "nothing was computed again"
    assert run.sha256_file(first / "adapter" / "adapter_model.safetensors") == run.sha256_file(
        second / "adapter" / "adapter_model.safetensors"
    )
    third = create(tmp_path / "runs" / "run_3", llama, scope="all")
    reference.carry(third)
    dpo.train(third, letters=0)
    assert len(computed) == 48, "another scope is another reference where a parent acts"
    other = tiny.tiny_llama(tmp_path / "other", seed=5)
    fourth = create(tmp_path / "runs" / "run_4", other)
    reference.carry(fourth)
    assert not (fourth / reference.FILE).exists()
    assert "Dear" not in (first / reference.FILE).read_text()


def test_what_cannot_be_shared_is_said_and_trained_by_trls_step(llama, tmp_path):  # noqa: F811
    contest = Contest(llama, tmp_path, "all", use_weighting=True)
    assert not contest.ours.shared and "WPO" in contest.said[0] and contest.said == [contest.ours.refused]
    theirs, ours = (contest.loss_and_gradient(trainer)[0] for trainer in (contest.trl, contest.ours))
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_a_model_whose_attention_looks_elsewhere_is_found_out(tmp_path):
    from transformers import AutoConfig, AutoModelForCausalLM

    folder = tiny.tiny_qwen2(tmp_path / "sliding")
    settings = AutoConfig.from_pretrained(folder)
    settings.use_sliding_window, settings.sliding_window, settings.max_window_layers = True, 8, 0
    settings.layer_types = ["sliding_attention"] * 2
    model = AutoModelForCausalLM.from_pretrained(folder, config=settings)
    model.save_pretrained(folder)
    contest = Contest(folder, tmp_path, "all")
    assert not contest.ours.shared and "attention" in contest.said[0]


@pytest.mark.slow
def test_a_run_says_which_step_it_took_and_the_recipe_can_ask_for_trls(llama, tmp_path, monkeypatch):  # noqa: F811
    from ftapp.training import shared_prompt

    shared = dpo.train(create(tmp_path / "shared", llama), letters=0)
    asked = dpo.train(create(tmp_path / "asked", llama, step="trl"), letters=0)
    assert (shared.report["step"], asked.report["step"]) == ("shared", "trl")
    monkeypatch.setattr(shared_prompt, "refusal", lambda trainer: "a reason")
    events = []
    refused = dpo.train(create(tmp_path / "refused", llama), events.append, letters=0)
    assert refused.report["step"] == "trl" and refused.state == "succeeded"
    notes = [event["reason"] for event in events if event["kind"] == "note"]
    assert len(notes) == 1 and "a reason" in notes[0]


@pytest.mark.slow
def test_a_base_in_four_bits_learns_the_same_way(llama, tmp_path):  # noqa: F811
    outcome = dpo.train(create(tmp_path / "run_1", llama, load_in_4bit=True), letters=0)
    assert outcome.state == "succeeded" and outcome.report["step"] == "shared"
    assert outcome.report["held_out"]["accuracy"] > 0.5


@pytest.mark.slow
def test_two_processes_learn_the_same_as_one(llama, tmp_path, monkeypatch):  # noqa: F811
    from safetensors.torch import load_file

    learned = []
    for name, count in (("one", "1"), ("two", "2")):
        monkeypatch.setenv("FTAPP_PROCESSES", count)
        folder = create(tmp_path / name, llama, data=rows(22), dtype="float32")  # 16 to learn from: in two, an odd rest is filled up
        environment = processes.environment() | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(processes.command(folder), env=environment, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        assert run.read_json(folder / "report.json")["step"] == "shared"
        learned.append(load_file(folder / "adapter" / "adapter_model.safetensors"))
    one, two = learned
    assert max((one[name] - two[name]).abs().max() for name in one) < 2e-3 < max(values.abs().max() for values in one.values())
