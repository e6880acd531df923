"""One base model in this process's memory, and the adapters that may write with it.

Knows model folders, chat templates and proofs; not what a letter is and not the database. The file imports quickly:
torch, transformers and peft come in with `LocalBackend.load`, which may run in a background thread.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ftapp.backends import hardware
from ftapp.backends.folders import Progress, file_hash, find, weights_hash
from ftapp.errors import ModelError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from ftapp.backends.decoding import Writing
    from ftapp.backends.lora import Weights

KEPT_ADAPTERS = 4  # the live one, a candidate, and what was compared last; each is a few megabytes
PROBE = ({"role": "user", "content": "kind: cover letter\ntitle: Baker\ncompany: Example\nname:\nSam"},)


PLAIN = {"enable_thinking": False}  # what chat templates are told: a letter needs no thinking aloud; most templates do not ask


@dataclass(frozen=True)
class AdapterRef:
    """An adapter on disk. `sha256` is that of adapter_model.safetensors; scope "letter" (aLoRA) or "all" (plain LoRA)."""

    id: str
    path: Path
    sha256: str
    scope: str


@dataclass(frozen=True)
class Proof:
    """Whether the two sides of a pair are what they are said to be; `reason` is a sentence when they are not."""

    ok: bool
    reason: str = ""


class LocalBackend:
    """Writes with a transformers model. `load` makes one; `ftapp.backends.pair.write` drives it.

    id, spec, base_hash, template_hash, tokenizer; special_tokens: every added token as text; invocation_tokens: ids of
    the template's assistant header; end_tokens: ids that end a letter; forbidden_tokens: ids that are no text at all;
    part_tokens: ids that are a part of a character, where the model may write only those that its prompt holds;
    names: the models of a server that write the base's and the other side; none here.
    """

    names = ("", "")

    def __init__(self, spec, model, tokenizer, base_hash: str) -> None:
        from ftapp.backends.lora import Acting

        self.spec, self.id, self.model, self.tokenizer, self.base_hash = spec, spec.id, model, tokenizer, base_hash
        self.turn = threading.Lock()  # one generation at a time
        self._step = threading.Lock()  # one forward pass at a time: a proof may run between two tokens of a stream
        self._loading = threading.Lock()
        self._acting = Acting(model)
        self._adapters: dict[tuple[str, str, str], Weights] = {}
        self._proofs: dict[Weights, Proof] = {}
        self._only_last = {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}
        added = {i: token.content for i, token in tokenizer.added_tokens_decoder.items()}
        self.special_tokens = tuple(dict.fromkeys([*added.values(), *tokenizer.all_special_tokens]))
        self.template_hash = hashlib.sha256(str(tokenizer.chat_template).encode()).hexdigest()
        self.invocation_tokens = self._header()
        self.end_tokens = self._ends()
        controls = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
        self._bare = self._probe((None, None))
        beyond = range(len(tokenizer), self._bare.shape[1])  # vocabularies are padded to round sizes
        self.forbidden_tokens = sorted((controls | set(beyond)) - self.end_tokens)
        pieces = tokenizer.batch_decode([[i] for i in range(len(tokenizer))]) if spec.whole_characters else []
        self.part_tokens = frozenset(i for i, piece in enumerate(pieces) if "\ufffd" in piece)

    @classmethod
    def load(cls, spec, offline: bool = False, progress: Progress | None = None) -> LocalBackend:
        """Load the model that `spec` names (a folder or a Hub id) and its tokenizer; `progress` as in `folders.find`.

        A folder, and a Hub id that is already in the cache, need no network. Raises ModelError with a sentence when the
        folder is missing or incomplete, the Hub is out of reach, or the model has no chat template.
        """
        with hardware.IMPORTING:
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer
            from transformers.utils import logging as said

        said.disable_progress_bar()  # a bar a shard on the terminal says nothing: the page shows when the model is ready
        folder = find(str(spec.source), offline, spec.revision, progress)
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            with hardware.LOADING:
                model, loading = AutoModelForCausalLM.from_pretrained(
                    folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, dtype=_dtype(spec.dtype),
                    output_loading_info=True, quantization_config=_packed(spec),
                )  # fmt: skip
        except Exception as error:  # each architecture, file format and tokenizer fails in its own class
            raise ModelError(
                f"The model {spec.id!r} could not be loaded ({' '.join(str(error).split())[:200] or type(error).__name__}) - its files are "
                "incomplete or of a kind that transformers cannot read - download it again or choose another model."
            ) from error
        if lacking := loading["missing_keys"]:  # transformers fills them with random numbers and a warning
            raise ModelError(
                f"The weights of {spec.id!r} lack {len(lacking)} of the model's layers - it would write nonsense - its files belong to "
                "another model or were saved without their head; choose another one."
            )
        if not tokenizer.chat_template:
            raise ModelError(
                f"The model {spec.id!r} has no chat template - without one nothing tells a prompt from a letter - choose an "
                "instruct or chat version of it."
            )
        model.requires_grad_(False).eval()
        hardware.keep_4bit_exact(model)
        if not spec.load_in_4bit:  # those are put where they belong while they are packed
            model.to("cuda" if torch.cuda.is_available() else "cpu")
        return cls(spec, model, tokenizer, weights_hash(folder))

    # ---- prompts ----------------------------------------------------------------------------------------------

    def encode(self, messages: Sequence[dict[str, str]]) -> list[int]:
        """The prompt's token ids, assistant header included: exactly what the trainer tokenizes too."""
        return self._template(messages, True)

    def count_tokens(self, messages: Sequence[dict[str, str]]) -> int:
        """How many tokens `encode` gives."""
        return len(self.encode(messages))

    def forbidden(self, prompt: Sequence[int]) -> list[int]:
        """The ids that may not be written after these: what is no text, and parts of characters that the prompt does not spell, which
        would end in a black diamond."""
        return sorted({*self.forbidden_tokens, *(self.part_tokens - set(prompt))})

    def decode(self, ids: Sequence[int]) -> str:
        """The text of a letter's tokens, nothing tidied."""
        return self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def _template(self, messages: Sequence[dict[str, str]], header: bool) -> list[int]:
        try:
            ids = self.tokenizer.apply_chat_template(
                list(messages), tokenize=True, add_generation_prompt=header, return_dict=False, **PLAIN
            )
        except Exception as error:  # jinja2.TemplateError and what templates raise themselves
            raise ModelError(
                f"The chat template of {self.id!r} refuses the prompt ({' '.join(str(error).split())[:120]}) - it may know no system "
                "message - choose another model."
            ) from error
        return list(ids)

    def _header(self) -> tuple[int, ...]:
        """What `add_generation_prompt` adds: the ids from which an adapter of scope "letter" acts. Empty when it adds nothing."""
        with_header, without = self._template(PROBE, True), self._template(PROBE, False)
        return tuple(with_header[len(without) :]) if with_header[: len(without)] == without else ()

    def _ends(self) -> frozenset[int]:
        own = self.model.generation_config.eos_token_id if self.model.generation_config else None
        ids = own if isinstance(own, list) else [own]
        return frozenset(i for i in [*ids, self.tokenizer.eos_token_id] if i is not None)

    # ---- computing --------------------------------------------------------------------------------------------

    def forward(
        self, ids: torch.Tensor, cache, rows: Sequence[Weights | None], stopped: Callable[[], bool] | None = None
    ) -> torch.Tensor:
        """One pass over `ids` (rows, tokens), row i written by `rows[i]`; `stopped` is asked at every layer.

        Returns the logits (rows, vocabulary) of the last token, float32 on the CPU. Raises Stopped and ModelError.
        """
        import torch

        with self._step, torch.inference_mode():
            model = self.loaded()
            self._acting.set(rows, stopped)
            try:
                out = model(input_ids=ids.to(model.device), past_key_values=cache, use_cache=True, **self._only_last)
            finally:
                self._acting.clear()
            return out.logits[:, -1].float().cpu()

    def open(self, prompt: Sequence[int], rows: Sequence, sampling, stopped: Callable[[], bool]) -> Writing:
        """Begin to write; `pair.write` calls this while it holds `turn`."""
        from ftapp.backends.decoding import Writing

        return Writing(self, prompt, rows, sampling, stopped)

    def loaded(self) -> PreTrainedModel:
        """The model; ModelError once it was freed."""
        if self.model is None:
            raise ModelError(f"The model {self.id!r} was unloaded - another one has taken its place - write again.")
        return self.model

    def free(self) -> None:
        """Give the memory back, after the generation that runs (if any) has ended."""
        with self.turn, self._loading, self._step:  # in the order of `weights`, which loads and then steps
            self.model = self._acting = None
            self._adapters.clear()
            self._proofs.clear()

    # ---- adapters ---------------------------------------------------------------------------------------------

    def ensure(self, adapter: AdapterRef) -> None:
        """Have `adapter` in memory. A running stream goes on undisturbed; what was used longest ago is dropped.

        Raises ModelError when its file is not the recorded one, or does not fit this model or scope.
        """
        self.weights(adapter)

    def weights(self, adapter: AdapterRef | None) -> Weights | None:
        """The adapter's weights, loaded when needed; None for the base."""
        if adapter is None:
            return None
        from ftapp.backends import lora

        key = (adapter.id, adapter.sha256, adapter.scope)
        with self._loading:
            if (found := self._adapters.pop(key, None)) is None:
                if reason := _differs(adapter):
                    raise ModelError(reason)
                with self._step:
                    twin = lora.twin(self.loaded())
                found = lora.read(twin, Path(adapter.path))
                self._fits(adapter, found)
                with self._step:
                    self._acting.cover(found)
            self._adapters[key] = found  # last in order is last used
            while len(self._adapters) > KEPT_ADAPTERS:
                self._proofs.pop(self._adapters.pop(next(iter(self._adapters))), None)
            return found

    def _fits(self, adapter: AdapterRef, weights: Weights) -> None:
        """The recorded scope is the one it was trained with, and its header is this model's."""
        scope = "all" if weights.invocation_tokens is None else "letter"
        if scope != adapter.scope:
            raise ModelError(
                f"The adapter {adapter.id!r} is recorded with scope {adapter.scope!r} but was trained with {scope!r} - it would write "
                "otherwise than it learned - import it again with the right scope."
            )
        if scope == "letter" and weights.invocation_tokens != self.invocation_tokens:
            raise ModelError(
                f"The adapter {adapter.id!r} wakes at another assistant header than that of {self.id!r} - it was trained on another model "
                "or chat template - choose an adapter that was trained on this model."
            )

    def prove(self, adapter: AdapterRef) -> Proof:
        """Show that the sides of a pair are what they claim, on a fixed prompt and through the path that writes letters.

        The adapter's files have their recorded SHA-256; the base row beside it, and both rows after it, equal the bare base
        exactly as computed at load; the adapter's row is finite and differs.
        """
        if reason := _differs(adapter):
            return Proof(False, reason)
        try:
            weights = self.weights(adapter)
            if weights not in self._proofs:
                self._proofs[weights] = self._compare(adapter, weights)
            return self._proofs[weights]
        except ModelError as error:
            return Proof(False, str(error))

    def _compare(self, adapter: AdapterRef, weights: Weights) -> Proof:
        import torch

        both, after = self._probe((None, weights)), self._probe((None, None))
        reason = ""
        if not torch.isfinite(both).all():
            reason = "computes values that are not numbers - its weights are damaged - use another one."
        elif not torch.equal(both[0], self._bare[0]) or not torch.equal(after, self._bare):
            reason = "disturbs the base model beside it - the two sides cannot be told apart for certain - restart the app."
        elif torch.equal(both[1], self._bare[1]):
            reason = "changes nothing - both letters would come from the base model - train it on more choices or use another one."
        return Proof(not reason, reason and f"The adapter {adapter.id!r} {reason}")

    def _probe(self, rows: Sequence[Weights | None]) -> torch.Tensor:
        """Logits (rows, vocabulary) of the first letter token of a fixed prompt."""
        from ftapp.backends.decoding import begin

        return begin(self, self.encode(PROBE), rows)[1]


def _differs(adapter: AdapterRef) -> str:
    """A sentence when the adapter's files are not the recorded ones; empty when they are."""
    folder = Path(adapter.path)
    try:
        recorded = {"adapter_model.safetensors": adapter.sha256}
        if (folder / "manifest.json").is_file():
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            if manifest.get("adapter_model.safetensors", adapter.sha256) != adapter.sha256:
                raise ValueError
            recorded |= manifest
        changed = [name for name, digest in recorded.items() if file_hash(folder / name) != digest]
    except FileNotFoundError as error:
        return (
            f"The adapter {adapter.id!r} is incomplete ({Path(error.filename).name} is missing) - it cannot write letters - choose "
            "another adapter, or restore its folder from a backup."
        )
    except (ValueError, OSError, AttributeError):
        changed = ["manifest.json"]
    if changed:
        return (
            f"The adapter {adapter.id!r} is not the one that was recorded ({', '.join(changed)} changed) - its letters could not be "
            "credited to it - choose another adapter, or restore its folder from a backup."
        )
    return ""


def _dtype(name: str | None):
    """The torch dtype of a spec's name; "auto" (or none) is bfloat16 where the hardware computes it, else float32."""
    import torch

    if name and name != "auto":
        return getattr(torch, name)
    return torch.bfloat16 if hardware.computes_bf16() else torch.float32


def _packed(spec):
    """transformers' BitsAndBytesConfig for a model that is kept in 4 bits (NF4, double quantization), else None."""
    if not spec.load_in_4bit:
        return None
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=hardware.fast_dtype()
    )
