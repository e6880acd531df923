# ruff: noqa: F811 (fixtures of another file)
"""What others do with an export: datasets loads every format, and TRL's trainers learn from it."""

import pytest

from ftapp import config, formats, preferences, rowfiles
from ftapp.transfer import FORMATS
from tests.test_transfer import both, chosen  # noqa: F401


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_datasets_loads_every_format(chosen, both, tmp_path, name):
    from datasets import load_dataset

    _, kind, ending, _ = formats.WRITERS[name]
    out = tmp_path / f"out.{ending}"
    done = both.take("local", name, out)
    loaded = load_dataset("csv" if ending == "csv" else "json", data_files=str(out), split="train", cache_dir=str(tmp_path / "cache"))
    assert len(loaded) == done.rows
    if name == "trl":
        assert loaded[0]["prompt"][0]["role"] == "system" and loaded.features["provenance"]["seconds"].dtype == "float64"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["trl", "trl-implicit", "kto", "openai-sft"])
def test_trls_trainers_take_what_is_written(chosen, both, tmp_path, name):
    from datasets import load_dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer

    from tests.tiny import tiny_llama

    out, folder = tmp_path / "out.jsonl", tiny_llama(tmp_path / "model")
    done = both.take("local", name, out)
    rows = load_dataset("json", data_files=str(out), split="train", cache_dir=str(tmp_path / "cache"))
    trainer, options = {"kto": (KTOTrainer, KTOConfig), "openai-sft": (SFTTrainer, SFTConfig)}.get(name, (DPOTrainer, DPOConfig))
    run = {"output_dir": str(tmp_path / "run"), "max_steps": 1, "per_device_train_batch_size": 2, "save_strategy": "no"}
    given = options(report_to=[], use_cpu=True, **run)
    model = AutoModelForCausalLM.from_pretrained(folder)
    made = trainer(model=model, args=given, train_dataset=rows, processing_class=AutoTokenizer.from_pretrained(folder))
    assert len(made.train_dataset) == done.rows
    assert made.train().training_loss > 0


def test_the_limits_hold_for_the_longest_letter_that_can_be_edited():
    assert rowfiles.MOST_ROW > 10 * preferences.MOST_EDITED_CHARACTERS and config.app_config().max_upload_mb > 1
