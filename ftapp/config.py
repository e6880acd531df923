"""YAML and environment -> typed settings; the only bridge to LoraConfig, DPOConfig and SFTConfig.

Knows where things lie (home folder, configs, shipped model) and which values are allowed. Knows no model,
no database and no text. Unknown keys in a YAML are errors, so that a misspelt option cannot be ignored.
"""

from __future__ import annotations

import functools
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ftapp.errors import UserError

if TYPE_CHECKING:
    from peft import LoraConfig
    from transformers import BitsAndBytesConfig
    from trl import DPOConfig, SFTConfig

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = ROOT / "configs"
STARTER = ROOT / "ftapp" / "bundled" / "starter"
BUNDLED = "bundled"
Kind = TypeVar("Kind", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AppConfig(_Strict):
    """configs/app.yaml."""

    host: str
    port: int = Field(gt=0, lt=65536)
    model: str
    recipe: str
    sft_recipe: str
    min_pairs: int = Field(gt=0)
    min_examples: int = Field(gt=0)
    min_held_out_groups: int = Field(gt=0)
    early_vote_wait_seconds: float = Field(gt=0)
    max_upload_mb: int = Field(gt=0)
    embedding_model: str
    passage_words: int = Field(gt=0, le=120)  # with a title, 120 words stay within the 256 word pieces of the default model
    most_passages: int = Field(gt=0)
    search_word_share: float = Field(ge=0, le=1)
    search_least_score: float = Field(ge=0, le=1)
    search_least_word_score: float = Field(ge=0, le=1)
    queue_ready: int = Field(ge=2)
    queue_most_waiting: int = Field(gt=0)
    queue_alike: float = Field(gt=0, le=1)
    queue_lease_seconds: float = Field(gt=0)
    repeat_share: float = Field(ge=0, le=0.5)
    repeat_after: int = Field(ge=1)
    forgotten_backup_days: int = Field(gt=0)
    retrain_choices: int = Field(gt=0)
    while_training: Literal["share", "unload"]


class GateLimit(_Strict):
    """A threshold of the gate, and why it is not another one."""

    limit: float = Field(gt=0)
    why: str = Field(min_length=10)


class GateConfig(_Strict):
    """configs/gate.yaml."""

    contrary: GateLimit
    relevance: GateLimit
    structure: GateLimit
    groundedness: GateLimit
    voice: GateLimit
    unsupported: GateLimit
    repetition: GateLimit
    length: GateLimit
    endless: GateLimit
    stamp: GateLimit
    forgetting: GateLimit


class ModelSpec(_Strict):
    """One base model: where it is, how much it reads, what lengths it writes, what it needs."""

    id: str
    source: str  # a folder, or a Hub id
    label: str = ""  # what a person reads for it
    revision: str | None = Field(None, pattern="^[0-9a-f]{40}$")  # the Hub's commit
    licence: str = ""
    load_in_4bit: bool = False  # NF4 with double quantization, to write as well as to teach
    gpu: bool = False  # too slow without one
    download_gb: float = Field(0, ge=0)
    write_gb: float = Field(0, ge=0)  # 0: not known
    teach_gb: float = Field(0, ge=0)
    recipes: dict[Literal["dpo", "sft"], str] = {}  # what teaches it, where that is not configs/app.yaml's
    context_tokens: int = Field(gt=0)
    prompt_budget_tokens: int = Field(gt=0)
    dtype: Literal["auto", "float32", "bfloat16", "float16"]
    words: dict[str, list[int]]
    temperature: float = Field(gt=0)
    top_p: float = Field(gt=0, le=1)
    max_new_tokens: int = Field(gt=0)
    whole_characters: bool = False  # spell no character in bytes but those of the prompt


class HostedRules(_Strict):
    """What hosted fine-tuning asks of a file, and what it costs; a price is for a million tokens read once."""

    least_examples: int = Field(gt=0)
    advised_examples: int = Field(gt=0)
    most_example_tokens: int = Field(gt=0)
    most_file_mb: int = Field(gt=0)
    epochs: int = Field(gt=0)
    price_per_million_tokens: float | None = Field(None, ge=0)


class ServerConfig(_Strict):
    """configs/servers.yaml: how a server that writes is asked."""

    connect_seconds: float = Field(gt=0)
    silence_seconds: float = Field(gt=0)
    letter_seconds: float = Field(gt=0)
    tries: int = Field(ge=1)
    pause_seconds: float = Field(ge=0)
    most_wait_seconds: float = Field(ge=0)
    at_once: int = Field(ge=1)
    most_characters: int = Field(gt=0)
    special_tokens: list[str]
    hosted: HostedRules


class Settings(_Strict):
    """Where this app lives and which model it starts with."""

    home: Path
    model: str
    host: str
    port: int
    offline: bool  # never ask the Hub

    @property
    def database(self) -> Path:
        return self.home / "ftapp.db"

    def folder(self, name: Literal["runs", "adapters", "uploads", "backups"]) -> Path:
        """A folder of the home, made on first use and closed to other users of the machine."""
        path = self.home / name
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path


class Recipe(_Strict):
    """configs/train/*.yaml: one way to teach. Learning rate is for LoRA; batch in pairs; lengths in tokens."""

    name: str
    label: str = ""  # what a person reads for it
    method: Literal["dpo", "sft"]
    scope: Literal["letter", "all"]
    parent: Literal["live_parent", "continue", "starter", "none"] = "live_parent"
    r: int = Field(16, gt=0)
    alpha: int = Field(32, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    target_modules: str | list[str] = "all-linear"  # every linear layer but lm_head, which cannot be a target
    learning_rate: float = Field(1e-3, gt=0)
    beta: float = Field(0.1, gt=0)
    epochs: float = Field(3, gt=0)
    least_steps: int = Field(0, ge=0)  # few rows are passed more often, until there are so many steps: see for_rows
    batch_size: int = Field(4, gt=0)
    accumulation_steps: int = Field(1, gt=0)
    loss_type: list[str] = ["sigmoid"]
    loss_weights: list[float] | None = None
    label_smoothing: float = Field(0.0, ge=0, lt=0.5)
    fresh_letters: int = Field(0, ge=0, le=8)  # that every edited letter is preferred to, see training/fresh.py
    judged_letters: int = Field(0, ge=0, le=16)  # written for every prompt and judged by the taste behind the choices, see there
    judged_prompts: int = Field(0, ge=0, le=200)  # of fewer than that, made-up postings join them
    warmup_share: float = Field(0.1, ge=0, lt=1)
    scheduler: str = "linear"
    max_grad_norm: float = Field(1.0, gt=0)
    max_length: int = Field(1024, gt=0)
    seed: int = 20
    gradient_checkpointing: bool = False  # with it on, transformers drops cached keys and values in training
    step: Literal["shared", "trl"] = "shared"  # of choices: each prompt read once, or TRL's own step
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"  # of frozen weights; auto: float32 on a CPU, as saved on a GPU
    load_in_4bit: bool = False  # NF4: Dettmers et al. 2023, arXiv 2305.14314
    double_quant: bool = False  # their constants in 8 bits: 0.4 bits a weight less
    optim: Literal["adamw_torch_fused", "adamw_torch", "paged_adamw_8bit", "paged_adamw_32bit"] = "adamw_torch_fused"

    @model_validator(mode="after")
    def _can_judge(self) -> Recipe:
        if self.judged_letters == 1 or (self.judged_prompts and not self.judged_letters):
            raise ValueError("judged_letters: at least 2, as one letter cannot be better than another; or 0, and judged_prompts 0 as well")
        if self.method == "sft" and (self.judged_letters or self.fresh_letters):
            raise ValueError("fresh_letters and judged_letters belong to recipes of choices (method dpo)")
        return self

    def for_rows(self, count: int) -> Recipe:
        """The same recipe with as many epochs as give `least_steps` on so many rows; itself when there are enough."""
        a_pass = max(1, math.ceil(math.ceil(count / self.batch_size) / self.accumulation_steps))
        return self.model_copy(update={"epochs": max(self.epochs, math.ceil(self.least_steps / a_pass))})

    def lora_config(self, invocation_tokens: list[int] | None = None) -> LoraConfig:
        """PEFT's LoraConfig. Scope `letter` needs the token ids of the template's assistant header (aLoRA).

        Raises UserError when the scope and the invocation tokens do not fit together.
        """
        if self.scope == "letter" and not invocation_tokens:
            raise UserError(
                f"Recipe {self.name} trains an adapter of scope 'letter', but the model's chat template shows no assistant header. "
                "Such an adapter would not know where the letter begins. Use a recipe with scope 'all'."
            )
        from peft import LoraConfig

        return LoraConfig(
            r=self.r, lora_alpha=self.alpha, lora_dropout=self.dropout, target_modules=self.target_modules, task_type="CAUSAL_LM",
            alora_invocation_tokens=list(invocation_tokens) if self.scope == "letter" and invocation_tokens else None,
        )  # fmt: skip

    def quantization(self, compute_dtype: str) -> BitsAndBytesConfig | None:
        """transformers' BitsAndBytesConfig for NF4, computing in `compute_dtype`; None where the weights stay as they are."""
        if not self.load_in_4bit:
            return None
        from transformers import BitsAndBytesConfig

        return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=self.double_quant,
                                  bnb_4bit_compute_dtype=compute_dtype)  # fmt: skip

    def _common(self, output_dir: Path | str) -> dict[str, Any]:
        if self.gradient_checkpointing and self.scope == "letter":
            raise UserError(
                f"Recipe {self.name} sets gradient_checkpointing for an adapter of scope 'letter'. PEFT loses track of where the letter "
                "begins when layers are computed twice. Use scope 'all', or do without."
            )
        return dict(
            output_dir=str(output_dir), learning_rate=self.learning_rate, num_train_epochs=self.epochs,
            per_device_train_batch_size=self.batch_size, per_device_eval_batch_size=self.batch_size,
            gradient_accumulation_steps=self.accumulation_steps, max_length=self.max_length, max_grad_norm=self.max_grad_norm,
            warmup_steps=self.warmup_share, lr_scheduler_type=self.scheduler, seed=self.seed, data_seed=self.seed,
            gradient_checkpointing=self.gradient_checkpointing, optim=self.optim, logging_steps=1, report_to="none", disable_tqdm=True,
            logging_nan_inf_filter=False,  # else a loss that is no number is logged as the mean of those before
            push_to_hub=False, save_total_limit=2, bf16=False,  # full precision unless the caller knows its device
        )  # fmt: skip

    def dpo_config(self, output_dir: Path | str, **more: Any) -> DPOConfig:
        """TRL's DPOConfig; `more` overrides single fields (steps between checkpoints, device, precision).

        Raises UserError for a label smoothing that the loss would ignore: of TRL's losses `sigmoid` does not read it.
        """
        if self.method != "dpo":
            raise UserError(f"Recipe {self.name} has method {self.method!r}; it does not learn from choices. Use a dpo recipe.")
        if self.label_smoothing and "robust" not in self.loss_type:
            raise UserError(
                f"Recipe {self.name} sets label_smoothing {self.label_smoothing}, which the loss {self.loss_type} ignores. "
                "Wrong choices would count in full. Use loss_type [robust]."
            )
        from trl import DPOConfig

        own = dict(beta=self.beta, loss_type=list(self.loss_type), loss_weights=self.loss_weights, label_smoothing=self.label_smoothing)
        return DPOConfig(**{**self._common(output_dir), **own, **more})

    def sft_config(self, output_dir: Path | str, **more: Any) -> SFTConfig:
        """TRL's SFTConfig: loss on the letter only."""
        if self.method != "sft":
            raise UserError(f"Recipe {self.name} has method {self.method!r}; it does not learn from letters. Use an sft recipe.")
        from trl import SFTConfig

        return SFTConfig(**{**self._common(output_dir), "completion_only_loss": True, "packing": False, **more})


_CHOSEN = "model"  # the file of a home that names its base model


def _read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def _make(kind: type[Kind], path: Path, values: dict[str, Any] | None = None) -> Kind:
    """Validate what a file holds (or `values` from it), and turn pydantic's report into one sentence that names the file and the key."""
    try:
        return kind.model_validate(_read(path) if values is None else values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UserError(f"{path.name}: {key} is not right ({first['msg'].lower()}). The file cannot be used. Correct that line.") from None


@functools.cache
def app_config() -> AppConfig:
    """configs/app.yaml, read once."""
    return _make(AppConfig, CONFIGS / "app.yaml")


@functools.cache
def server_config() -> ServerConfig:
    """configs/servers.yaml, read once."""
    return _make(ServerConfig, CONFIGS / "servers.yaml")


@functools.cache
def gate_config() -> GateConfig:
    """configs/gate.yaml, read once."""
    return _make(GateConfig, CONFIGS / "gate.yaml")


def settings(home: Path | str | None = None, model: str | None = None) -> Settings:
    """Arguments, else FTAPP_HOME, FTAPP_MODEL, GRADIO_SERVER_NAME, GRADIO_SERVER_PORT, else the model chosen in this home, else
    configs/app.yaml."""
    from platformdirs import user_data_dir

    env, app = os.environ, app_config()
    folder = Path(home or env.get("FTAPP_HOME") or user_data_dir("ftapp", appauthor=False)).expanduser().resolve()
    port = env.get("GRADIO_SERVER_PORT") or str(app.port)
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise UserError(f"GRADIO_SERVER_PORT is {port!r}, which is no port. The page could not be opened. Set a number from 1 to 65535.")
    offline = any(env.get(name, "").lower() in ("1", "true", "yes", "on") for name in ("HF_HUB_OFFLINE", "FTAPP_OFFLINE"))
    return Settings(home=folder, model=model or env.get("FTAPP_MODEL") or _chosen_model(folder) or app.model,
                    host=env.get("GRADIO_SERVER_NAME") or app.host, port=int(port), offline=offline)  # fmt: skip


def check_letters(usual: int) -> int:
    """How many letters a finished training is checked with: `usual`, or fewer where FTAPP_CHECK_LETTERS says so (a slow machine)."""
    told = os.environ.get("FTAPP_CHECK_LETTERS", "")
    return min(usual, int(told)) if told.isdigit() else usual


def remember_model(home: Path, model: str) -> None:
    """The next start in this home begins with `model`."""
    fresh = home / f".{_CHOSEN}.new"
    fresh.write_text(model, encoding="utf-8")
    fresh.replace(home / _CHOSEN)


def _chosen_model(home: Path) -> str:
    try:
        return (home / _CHOSEN).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):  # none was chosen, or the file is no text
        return ""


def model_spec(model: str) -> ModelSpec:
    """The entry of configs/models.yaml for a key, Hub id or folder; the `default` entry for any other."""
    path = CONFIGS / "models.yaml"
    entries = _read(path)
    known = model in entries and model != "default"
    values = dict(entries[model] if known else entries["default"])
    source = values.pop("source", model)
    if known and (model == BUNDLED or (ROOT / source).exists()):
        source = str(ROOT / source)
    return _make(ModelSpec, path, {"id": model, "source": source, **values})


def model_ids() -> list[str]:
    """The ladder of configs/models.yaml, smallest first."""
    return [name for name in _read(CONFIGS / "models.yaml") if name != "default"]


def default_recipe(model: str, method: str = "dpo") -> str:
    """What teaches a model in this way unless a person says otherwise."""
    app = app_config()
    return model_spec(model).recipes.get(method) or (app.sft_recipe if method == "sft" else app.recipe)


def recipe_names() -> list[str]:
    return sorted(path.stem for path in (CONFIGS / "train").glob("*.yaml"))


def recipe(name: str) -> Recipe:
    """One file of configs/train. Raises UserError for an unknown name or a wrong value."""
    if name not in recipe_names():
        raise UserError(f"There is no recipe called {name!r}. Training needs one of {', '.join(recipe_names())}. Choose one.")
    path = CONFIGS / "train" / f"{name}.yaml"
    return _make(Recipe, path, {"name": name, **_read(path)})


def recipe_label(name: str) -> str:
    """What a person reads for a recipe; empty where its file says nothing, or is not right (a training with it says what is wrong)."""
    try:
        return recipe(name).label
    except UserError:
        return ""


def recipe_method(name: str) -> str:
    """"dpo" or "sft"; "dpo" where the file is not right (a training with it says what is wrong)."""
    try:
        return recipe(name).method
    except UserError:
        return "dpo"


def read_recipe(path: Path) -> Recipe:
    """The frozen recipe of a run folder."""
    return _make(Recipe, path)
