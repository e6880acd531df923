"""TRL's DPOTrainer with a step that reads each prompt once. Losses, metrics, callbacks and checkpoints stay TRL's own.

TRL puts prompt and letter through the model four times a pair: twice for the policy, twice for the reference. Here policy and reference
score both letters after one reading of the prompt, in a row of its own without padding (`packing`), so batches need no like lengths:

- scope "all": one reading with gradient; exactly TRL's loss and gradient.
- scope "letter": the adapter sleeps until the assistant header, so prompts are read by the base without gradient, once for policy and
  reference, and kept over the epochs while they fit into a stated number of bytes. Exactly what PEFT computes for aLoRA.

The reference's log-probabilities are computed once a pair and kept (`reference`). TRL's loss code runs unchanged: it is given scores in
the places where its own forward pass would have put them. What cannot be done this way is left to TRL's own step, and said.
Imports torch, transformers, PEFT and TRL; import it where a training begins.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from accelerate.utils import gather_object, is_peft_model
from trl import DPOTrainer
from trl.models.utils import disable_gradient_checkpointing
from trl.trainer.utils import FusedCausalLMOutput

from ftapp.training import acting, letter_head, packing
from ftapp.training.trainers import keep_small_steps

log = logging.getLogger(__name__)
PROMPT_BYTES = 512 * 2**20  # keys and values of prompts that are kept; 900 tokens of a 0.5B model take 11 MB
MOST_APART = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.05}  # mean gap of log-probabilities that rounding explains
JOLT = 0.02  # a fresh adapter changes nothing and would prove nothing


class EncodedDPOTrainer(DPOTrainer):
    """The stock trainer, given ids in place of texts (this version has no other way in)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        keep_small_steps(self.model)

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset


class SharedPromptTrainer(EncodedDPOTrainer):
    """DPOTrainer whose policy and reference read each prompt once. `refused` says why it is TRL's own step after all, else it is empty.

    `kept` maps a pair's name (`name(prompt, chosen, rejected)`) to its two reference log-probabilities; what is missing is added.
    `prompt_bytes` bounds the memory of kept prompts. `say` gets the sentence of a refusal.
    """

    def __init__(
        self, *args: Any, kept: MutableMapping[str, list[float]] | None = None, name: Callable[..., str] | None = None,
        prompt_bytes: int = PROMPT_BYTES, say: Callable[[str], None] = log.warning, **kwargs: Any,
    ) -> None:  # fmt: skip
        settings = kwargs["args"]
        theirs, settings.precompute_ref_log_probs = settings.precompute_ref_log_probs, False  # ours comes after it is proved
        super().__init__(*args, **kwargs)
        settings.precompute_ref_log_probs = theirs
        self._reference, self._name = {} if kept is None else kept, name or _plain_name
        self._prompts = packing.Prompts(prompt_bytes)
        self._header: list[int] = []
        self.refused = refusal(self)
        self.shared = not self.refused
        if self.shared:
            self._header = list(self.model.peft_config["default"].alora_invocation_tokens or ())
            self._install()
            self.refused = self._data_refusal() or self._disproof()
            if self.refused:
                self.shared, self._acting.mode = False, acting.AS_PEFT
        if self.refused:
            self.refused = f"It reads every prompt several times ({self.refused}) - it learns the same, but slower - wait longer."
            say(self.refused)
        self.precompute_ref_logps = self.shared or theirs
        if self.precompute_ref_logps:
            self._precompute_all()

    # ---- the model's side ---------------------------------------------------------------------------------------

    def _install(self) -> None:
        """Let the base model's forward take packed rows, and its LoRA layers and its attention know them."""
        base = self.model.get_base_model()
        base.set_attn_implementation(packing.ATTENTION)
        self._acting = acting.Acting(base)
        base.forward = partial(self._forward, base, base.forward)

    def _forward(self, base: Any, original: Callable[..., Any], *args: Any, packed: list[packing.Row] | None = None, **kwargs: Any) -> Any:
        """Scores of the rows' letters, all chosen ones first. Row by row: products in bfloat16 round otherwise in other company, and a
        fresh policy would differ from its reference."""
        if packed is None:
            with self._acting.set(acting.AS_PEFT):
                return original(*args, **kwargs)
        head, sides = base.get_output_embeddings().weight, ([], [])
        for row in packed:
            hidden = packing.run(base.base_model, row, row.input_ids, row.position_ids)
            scores = letter_head.score(hidden[row.scored], head, self._mean_row(head), row.targets)
            for side, part in zip(sides, zip(*(values.split(row.counts) for values in scores), strict=True), strict=True):
                side.append(part)
        together = (torch.cat(values) for values in zip(*sides[0], *sides[1], strict=True))
        return FusedCausalLMOutput(**dict(zip(letter_head.Scores._fields, together, strict=True)))

    def _mean_row(self, head: torch.Tensor) -> torch.Tensor:
        if not hasattr(self, "_mean"):
            self._mean = head.detach().mean(0, dtype=torch.float32)
        return self._mean

    def _read(self, prompt: list[int]) -> packing.Past:
        with self._plainly(), self._acting.set(acting.ASLEEP):
            return packing.read(self.model.get_base_model().base_model, prompt, self.accelerator.device)

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        """Without gradient and its checkpoints, in the precision of the training."""
        unchecked = disable_gradient_checkpointing(self.model, self.args.gradient_checkpointing_kwargs)
        with torch.no_grad(), unchecked, self.accelerator.autocast():
            yield

    # ---- the batch ----------------------------------------------------------------------------------------------

    def _rows(self, inputs: Mapping[str, torch.Tensor]) -> list[packing.Row]:
        """TRL's padded batch (chosen rows, then rejected rows), each pair packed in a row of its own."""
        ids = [row[:length] for row, length in zip(inputs["input_ids"].tolist(), inputs["attention_mask"].sum(1).tolist(), strict=True)]
        starts = [len(row) - count for row, count in zip(ids, inputs["completion_mask"].sum(1).tolist(), strict=True)]
        half, rows = len(ids) // 2, []
        for i in range(half):
            prompt, letters = ids[i][: starts[i]], (ids[i][starts[i] :], ids[half + i][starts[half + i] :])
            before = prompt[: len(prompt) - len(self._header)] if self._header else []
            past = self._prompts.get(before, self._read) if before else None
            rows.append(packing.pack([packing.Pair(prompt[len(before) :], letters, past)], self.accelerator.device))
        return rows

    def _scores(self, model: Any, rows: list[packing.Row], *, labels: torch.Tensor, **_: Any) -> FusedCausalLMOutput:
        """What TRL's patched forward would have returned for the padded batch with these `labels`."""
        scores, asked = model(packed=rows), labels[:, 1:] != -100

        def place(values: torch.Tensor) -> torch.Tensor:
            return values.new_zeros(asked.shape).masked_scatter(asked, values)

        names = letter_head.Scores._fields
        return FusedCausalLMOutput(**{field: place(getattr(scores, field)) for field in names}, label_mask=asked)

    def _compute_loss(self, model: Any, inputs: Any, return_outputs: bool) -> Any:
        if not self.shared or return_outputs:
            return super()._compute_loss(model, inputs, return_outputs)
        return super()._compute_loss(partial(self._scores, model, self._rows(inputs)), inputs, False)

    def compute_ref_log_probs(self, model: Any, inputs: Any) -> Any:
        if not self.shared:
            return super().compute_ref_log_probs(model, inputs)
        rows = self._rows(inputs)  # prompts are read here, before TRL changes which adapter is on
        return super().compute_ref_log_probs(partial(self._scores, model, rows), inputs)

    # ---- the reference ------------------------------------------------------------------------------------------

    def _precompute_all(self) -> None:
        if not self.shared:
            from trl.trainer.utils import hash_module

            self._precompute_model_hash = hash_module(self.ref_model or self.model)
        sizes = self.args.per_device_train_batch_size, self.args.per_device_eval_batch_size
        self.train_dataset = self._precompute_ref_logps(self.train_dataset, "train", self.args.precompute_ref_batch_size or sizes[0])
        if self.eval_dataset is not None:
            self.eval_dataset = self._precompute_ref_logps(self.eval_dataset, "eval", self.args.precompute_ref_batch_size or sizes[1])

    def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
        """Both columns, from what is kept; the rest pair by pair, so that a number does not depend on its neighbours."""
        if not self.shared:
            return super()._precompute_ref_logps(dataset, name, batch_size)
        names = [self._name(row["prompt_ids"], row["chosen_ids"], row["rejected_ids"]) for row in dataset]
        missing = [i for i, key in enumerate(names) if key not in self._reference]
        mine = missing[self.accelerator.process_index :: self.accelerator.num_processes]
        found = gather_object([(names[i], self._reference_of(dataset[i])) for i in mine])
        self._reference.update(found)
        for side, column in enumerate(("ref_chosen_logps", "ref_rejected_logps")):
            dataset = dataset.add_column(column, [self._reference[key][side] for key in names])
        return dataset

    def pair_logps(self, row: Mapping[str, Any]) -> list[float]:
        """[log p(chosen), log p(rejected)] in nats of one pair of token ids, by the policy as it is now."""
        inputs = self._prepare_inputs(self.data_collator([row]))
        labels = inputs["input_ids"].masked_fill(inputs["completion_mask"] == 0, -100)
        with self._plainly():
            return self._scores(self.model, self._rows(inputs), labels=labels).log_probs.sum(1).tolist()

    def _reference_of(self, row: Mapping[str, Any]) -> list[float]:
        inputs = self._prepare_inputs(self.data_collator([row]))
        return [value.item() for value in self.compute_ref_log_probs(self.model, inputs)]

    # ---- proof and start ----------------------------------------------------------------------------------------

    def _data_refusal(self) -> str:
        if self._header:
            for row in (*self.train_dataset, *(self.eval_dataset or ())):
                if row["prompt_ids"][-len(self._header) :] != self._header:
                    return "a prompt does not end with the assistant header"
                if any(_contains(row[side], self._header) for side in ("chosen_ids", "rejected_ids")):
                    return "a letter contains the assistant header"
        return ""

    def _disproof(self) -> str:
        """A reason if the longest pair scores otherwise than in PEFT's and TRL's own forward pass, with an adapter that acts."""
        rows = (*self.train_dataset, *(self.eval_dataset or ()))
        longest = max(rows, key=lambda row: len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"])))
        inputs = self._prepare_inputs(self.data_collator([longest]))
        labels = inputs["input_ids"].masked_fill(inputs["completion_mask"] == 0, -100)
        sizes = {"input_ids": inputs["input_ids"], "attention_mask": inputs["attention_mask"], "use_cache": False}
        try:
            with self._jolted(), self._plainly():
                ours = self._scores(self.model, self._rows(inputs), labels=labels).log_probs
                theirs = self.model(**sizes, labels=labels, fused_lm_head=True).log_probs
        except (packing.OtherAttention, TypeError, AttributeError, KeyError, IndexError) as error:
            log.info("Packed rows failed on this model.", exc_info=True)
            return f"the model's layers do not take them: {type(error).__name__}"
        apart = (ours - theirs).abs().sum().item() / (labels != -100).sum().item()
        dtype = torch.bfloat16 if self.args.bf16 else torch.float16 if self.args.fp16 else self.model.dtype
        return "" if apart <= MOST_APART.get(dtype, 0.1) else f"scores differ by {apart:.2g}"

    @contextmanager
    def _jolted(self) -> Iterator[None]:
        weights = [layer.lora_B["default"].weight for layer in self._acting.layers if "default" in layer.lora_B]
        before, random = [weight.detach().clone() for weight in weights], torch.Generator().manual_seed(0)
        try:
            for weight in weights:
                weight.data += (torch.randn(weight.shape, generator=random) * JOLT).to(weight)
            yield
        finally:
            for weight, old in zip(weights, before, strict=True):
                weight.data.copy_(old)

    def train(self, *args: Any, **kwargs: Any) -> Any:
        if self.shared and self.args.bf16:
            acting.round_frozen(self.model, torch.bfloat16)
        return super().train(*args, **kwargs)


def refusal(trainer: DPOTrainer) -> str:
    """Why prompts cannot be shared by this trainer's model or loss, in a few words; empty where they can."""
    model, args = trainer.model, trainer.args
    if not is_peft_model(model) or getattr(model.peft_config["default"].peft_type, "value", "") != "LORA":
        return "only LoRA adapters can"
    adapter, base = model.peft_config["default"], model.get_base_model()
    config, head = base.config.get_text_config(), base.get_output_embeddings()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    scales = ("final_logit_softcapping", "attn_logit_softcapping", "logit_scale", "output_multiplier", "lm_head_multiplier",
              "logits_scaling")  # fmt: skip
    extras = ("modules_to_save", "trainable_token_indices", "target_parameters", "use_dora", "layer_replication")
    reasons = {
        "the loss weighs pairs (WPO)": trainer.use_weighting,
        "prompts are cut at their beginning": args.max_length is not None and args.truncation_mode == "keep_end",
        "the model is a mixture of experts": trainer.aux_loss_enabled,
        "the data has images": trainer._is_vision_dataset or trainer._is_vlm,
        "a second model is the reference": trainer.ref_model is not None,
        "the model is split over devices": trainer.is_deepspeed_enabled or trainer.is_fsdp_enabled or trainer._tp_size > 1
        or len(set(getattr(base, "hf_device_map", {}).values())) > 1,
        "the adapter is more than LoRA": any(getattr(adapter, extra, None) for extra in extras),
        "the model's layers are not all plain attention": kinds != {"full_attention"} or base.config._attn_implementation != "sdpa",
        "the model scales its logits": any(getattr(config, scale, None) not in (None, 1.0) for scale in scales),
        "the model's head is not a frozen matrix": type(head) is not torch.nn.Linear or head.bias is not None or head.weight.requires_grad,
        "the data comes as a stream": not hasattr(trainer.train_dataset, "__len__"),
        "there are several evaluation sets": isinstance(trainer.eval_dataset, dict),
    }  # fmt: skip
    return next((reason for reason, holds in reasons.items() if holds), "")


def _contains(tokens: list[int], part: list[int]) -> bool:
    return any(tokens[i : i + len(part)] == part for i in range(len(tokens) - len(part) + 1))


def _plain_name(*parts: list[int]) -> str:
    return repr(parts)
