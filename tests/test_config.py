"""Settings and recipes: every YAML becomes the real thing that it describes."""

import pytest

from ftapp import config, structure
from ftapp.errors import UserError
from ftapp.prompts import KINDS


def test_arguments_come_before_the_environment_and_the_environment_before_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("FTAPP_HOME", str(tmp_path / "env"))
    monkeypatch.setenv("FTAPP_MODEL", "some/model")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "7999")
    assert config.settings().home == tmp_path / "env"
    assert config.settings().model == "some/model"
    assert config.settings().port == 7999
    assert config.settings(home=tmp_path / "given", model="bundled").home == tmp_path / "given"
    assert config.settings(model="bundled").model == "bundled"


def test_the_model_chosen_in_a_home_is_the_next_start_s(tmp_path, monkeypatch):
    monkeypatch.delenv("FTAPP_MODEL", raising=False)
    config.remember_model(tmp_path, "some/model")
    assert config.settings(home=tmp_path).model == "some/model"
    assert config.settings(home=tmp_path, model="bundled").model == "bundled"
    monkeypatch.setenv("FTAPP_MODEL", "another/model")
    assert config.settings(home=tmp_path).model == "another/model"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_without_any_setting_the_file_decides(monkeypatch):
    monkeypatch.delenv("FTAPP_HOME")
    made, app = config.settings(), config.app_config()
    assert (made.model, made.host, made.port) == (app.model, app.host, app.port)
    assert made.home.name == "ftapp"


def test_a_port_that_is_none_is_a_sentence(monkeypatch):
    monkeypatch.setenv("GRADIO_SERVER_PORT", "front door")
    with pytest.raises(UserError, match="front door"):
        config.settings()


def test_folders_of_a_home_are_closed_to_others(tmp_path):
    made = config.settings(home=tmp_path / "h").folder("runs")
    assert made.is_dir() and made.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("model", [*config.model_ids(), "someone/some-model", "/a/folder"])
def test_every_model_offers_lengths_for_every_kind_that_fit_its_context(model):
    spec = config.model_spec(model)
    assert spec.id == model
    assert set(spec.words) == set(KINDS)
    longest = max(max(words) for words in spec.words.values())
    assert spec.prompt_budget_tokens + spec.max_new_tokens <= spec.context_tokens
    assert longest * 1.6 < spec.max_new_tokens, "a letter of the longest length must fit"


@pytest.mark.parametrize("model", ["bundled", "default"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_offered_length_can_be_right_for_its_kind(model, kind):
    offered = config.model_spec(model).words[kind]
    for words in offered:
        _, unit, least, most = structure.band(kind, words)
        assert least <= words * (6 if unit == "characters" else 1) <= most  # a word and its space are about 6 characters
        assert unit == "characters" or model != "bundled" or 60 <= words <= 180, "what it was trained to write"
    assert any(structure.is_note(kind, words) for words in offered) is (kind == "linkedin_message")
    assert not structure.is_note(kind, offered[len(offered) // 2]), "the first choice is a message"


def test_the_bundled_model_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config.model_spec("bundled").source == str(config.ROOT / "ftapp" / "bundled" / "model")


@pytest.mark.parametrize("name", config.recipe_names())
def test_every_recipe_builds_the_real_configs(name, tmp_path):
    recipe = config.recipe(name)
    lora = recipe.lora_config([7, 8])
    assert lora.r == recipe.r == (8 if "structured" in name else 16)
    assert lora.alora_invocation_tokens == ([7, 8] if recipe.scope == "letter" else None)
    build = recipe.dpo_config if recipe.method == "dpo" else recipe.sft_config
    made = build(tmp_path, use_cpu=True)
    assert made.learning_rate == recipe.learning_rate > 1e-5, "TRL's default is for full fine-tuning"
    assert made.num_train_epochs == recipe.epochs and made.optim == recipe.optim
    assert made.gradient_checkpointing == recipe.gradient_checkpointing and made.report_to == []
    packed = recipe.quantization("bfloat16")
    assert (packed is not None) == recipe.load_in_4bit == ("qlora" in name or "structured" in name)
    if packed is not None:
        assert packed.bnb_4bit_quant_type == "nf4" and packed.bnb_4bit_use_double_quant
        assert str(packed.bnb_4bit_compute_dtype) == "torch.bfloat16"
    if recipe.method == "dpo":
        assert made.beta == recipe.beta and made.loss_type == recipe.loss_type
    else:
        assert made.completion_only_loss and not made.packing


def test_the_published_recipe_for_structured_letters_is_kept_to_the_letter():
    recipe = config.recipe("sft_structured_letters")
    assert (recipe.r, recipe.alpha, recipe.target_modules, recipe.epochs) == (8, 16, ["q_proj", "v_proj"], 4)
    assert (recipe.batch_size, recipe.accumulation_steps, recipe.max_length, recipe.parent) == (1, 4, 768, "none")


@pytest.mark.parametrize("model", config.model_ids())
def test_every_model_of_the_ladder_is_pinned_and_its_recipes_agree_on_what_they_train(model):
    spec = config.model_spec(model)
    assert spec.label and spec.licence and 0 < spec.write_gb <= spec.teach_gb
    assert (spec.revision is None) == (model == "bundled") and (spec.download_gb > 0) == (model != "bundled")
    first, then = (config.recipe(config.default_recipe(model, method)) for method in ("sft", "dpo"))
    assert (first.method, then.method) == ("sft", "dpo") and first.scope == then.scope, "choices must be able to start from the voice"
    assert spec.load_in_4bit == first.load_in_4bit == then.load_in_4bit
    assert spec.prompt_budget_tokens + spec.max_new_tokens <= first.max_length or model == "bundled"


def test_the_default_recipe_and_its_sibling():
    first, other = config.recipe(config.app_config().recipe), config.recipe("dpo_bundled_all")
    assert (first.scope, first.learning_rate, first.beta, first.epochs, first.batch_size) == ("letter", 1e-3, 0.1, 3, 4)
    assert (other.scope, other.learning_rate) == ("all", 5e-4)


def test_every_recipe_has_words_for_people_and_a_broken_one_is_passed_over(tmp_path, monkeypatch):
    assert all(config.recipe_label(name) for name in config.recipe_names())
    monkeypatch.setattr(config, "CONFIGS", tmp_path)
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "mine.yaml").write_text("method: magic\nlabel: Mine\n")
    assert config.recipe_label("mine") == ""


def test_a_frozen_recipe_reads_back_the_same(tmp_path):
    import yaml

    recipe = config.recipe("dpo_bundled")
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe.model_dump()))
    assert config.read_recipe(tmp_path / "recipe.yaml") == recipe


@pytest.mark.parametrize(
    ("text", "word"),
    [("method: dpo\nscope: letter\nlerning_rate: 1\n", "lerning_rate"), ("method: dpo\nscope: letter\nbeta: -1\n", "beta")],
)
def test_a_mistake_in_a_recipe_is_named(tmp_path, text, word):
    (tmp_path / "mine.yaml").write_text("name: mine\n" + text)
    with pytest.raises(UserError, match=f"mine.yaml.*{word}"):
        config.read_recipe(tmp_path / "mine.yaml")


def test_options_that_a_library_would_ignore_are_refused(tmp_path):
    recipe = config.recipe("dpo_bundled")
    with pytest.raises(UserError, match="label_smoothing"):
        recipe.model_copy(update={"label_smoothing": 0.2}).dpo_config(tmp_path, use_cpu=True)
    robust = recipe.model_copy(update={"label_smoothing": 0.2, "loss_type": ["robust"]})
    assert robust.dpo_config(tmp_path, use_cpu=True).label_smoothing == 0.2
    with pytest.raises(UserError, match="computed twice"):
        recipe.model_copy(update={"gradient_checkpointing": True}).dpo_config(tmp_path, use_cpu=True)
    with pytest.raises(UserError, match="assistant header"):
        recipe.lora_config([])
    with pytest.raises(UserError, match="sft"):
        recipe.sft_config(tmp_path)


def test_unknown_recipe_lists_the_known_ones():
    with pytest.raises(UserError, match="dpo_bundled"):
        config.recipe("../../etc/passwd")


def test_few_rows_are_passed_until_there_are_steps_enough():
    from ftapp.training import run

    recipe = config.recipe("sft_bundled")
    for count in (1, 5, 6, 30, 500):
        fitted = recipe.for_rows(count)
        assert run.steps(count, fitted) >= recipe.least_steps
        assert fitted.epochs == recipe.epochs or run.steps(count, fitted) < recipe.least_steps + count
    assert recipe.for_rows(500) == recipe and config.recipe("dpo_bundled").for_rows(5) == config.recipe("dpo_bundled")
