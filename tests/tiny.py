"""Tiny real models for tests: random weights, a real byte-level BPE tokenizer, a real chat template.

They write nonsense, but they load, write and train through exactly the code that real models use.
The makers know nothing of ftapp; `Tinies` loads what they made.
"""

import json
from pathlib import Path

SENTENCES = (
    "Dear hiring team, I am writing about the open position at your company.",
    "I have worked as a nurse, a teacher, an electrician and a data analyst.",
    "kind: cover letter\ntone: plain\nwords: 120\ntitle: Data Analyst\ncompany: Northwind\nname:\nMara Lind",
    "experience:\n- Analyst at Contoso, 2019 to 2022\n* Cut reporting time from 3 days to 4 hours.\nskills: SQL, Python",
    "Kind regards,\nMara Lind\n\nThank you for your time. I would be glad to talk. Über naïve résumé – café.",
    "You write the letter that a person would send. Use only what the résumé says. Return only the letter.",
)
OURS = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


LLAMA3 = (
    "{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim }}{{ '<|eot_id|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)
QWEN3 = CHATML.removesuffix("{% endif %}") + (  # without thinking, it begins with a thought that is empty
    "{% if enable_thinking is defined and not enable_thinking %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}{% endif %}"
)
GEMMA = (  # it knows no system: its text stands before the first question
    "{{ '<bos>' }}{% set first = '' %}{% if messages[0]['role'] == 'system' %}{% set first = messages[0]['content'] + '\\n\\n' %}"
    "{% set messages = messages[1:] %}{% endif %}{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{{ '<start_of_turn>' + ('model' if m['role'] == 'assistant' else m['role']) + '\\n' + (first if loop.first else '') }}"
    "{{ m['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
)


def tiny_tokenizer(special: list[str], end: str, pad: str, template: str, vocab_size: int = 512):
    """A byte-level BPE tokenizer, trained on the sentences above, that knows `special` as added tokens."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    added = [AddedToken(token, normalized=False, special=True) for token in special]
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=added, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES * 3, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=end,
        pad_token=pad,
        additional_special_tokens=[t for t in special if t not in (end, pad)],
        chat_template=template,
        model_max_length=1024,
        clean_up_tokenization_spaces=False,
    )


def _save(config, tokenizer, folder: Path, seed: int) -> Path:
    import torch
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        for parameter in model.parameters():  # ten times the default: greedy text then wanders instead of repeating one token
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.2)
    folder.mkdir(parents=True, exist_ok=True)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _sizes(tokenizer) -> dict:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 1024,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def tiny_llama(folder: Path, seed: int = 0) -> Path:
    """A random Llama of about 100k parameters with the bundled model's tokens and template. Returns the folder."""
    from transformers import LlamaConfig

    special = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    tokenizer = tiny_tokenizer(special, "<|end|>", "<|pad|>", OURS)
    return _save(LlamaConfig(**_sizes(tokenizer), tie_word_embeddings=True), tokenizer, Path(folder), seed)


def tiny_qwen2(folder: Path, seed: int = 0) -> Path:
    """A random Qwen2 with ChatML (its assistant header is several tokens). Returns the folder."""
    from transformers import Qwen2Config

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = tiny_tokenizer(special, "<|im_end|>", "<|endoftext|>", CHATML)
    return _save(Qwen2Config(**_sizes(tokenizer), tie_word_embeddings=True), tokenizer, Path(folder), seed)


def tiny_llama3(folder: Path, seed: int = 0) -> Path:
    """A random Llama with the tokens and the template of Llama 3. Returns the folder."""
    from transformers import LlamaConfig

    special = ["<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    tokenizer = tiny_tokenizer(special, "<|eot_id|>", "<|end_of_text|>", LLAMA3)
    return _save(LlamaConfig(**_sizes(tokenizer), tie_word_embeddings=False), tokenizer, Path(folder), seed)


def tiny_qwen3(folder: Path, seed: int = 0) -> Path:
    """A random Qwen3 (normed queries and keys) whose template thinks unless it is told not to. Returns the folder."""
    from transformers import Qwen3Config

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"]
    tokenizer = tiny_tokenizer(special, "<|im_end|>", "<|endoftext|>", QWEN3)
    return _save(Qwen3Config(**_sizes(tokenizer), head_dim=16, tie_word_embeddings=True), tokenizer, Path(folder), seed)


def tiny_gemma3(folder: Path, seed: int = 0) -> Path:
    """A random Gemma 3: every second layer sees a window of 32 tokens only; roles user and model. Returns the folder."""
    from transformers import Gemma3TextConfig

    special = ["<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"]
    tokenizer = tiny_tokenizer(special, "<end_of_turn>", "<pad>", GEMMA)
    config = Gemma3TextConfig(**_sizes(tokenizer), head_dim=16, query_pre_attn_scalar=16, sliding_window=32,
                              layer_types=["sliding_attention", "full_attention"])  # fmt: skip
    return _save(config, tokenizer, Path(folder), seed)


def tiny_gpt2(folder: Path, seed: int = 0) -> Path:
    """A random GPT-2: learned positions and Conv1D layers, nothing like a Llama. Returns the folder."""
    from transformers import GPT2Config

    special = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    tokenizer = tiny_tokenizer(special, "<|end|>", "<|pad|>", OURS)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_embd=64, n_layer=2, n_head=4, n_positions=1024,
        bos_token_id=None, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return _save(config, tokenizer, Path(folder), seed)


def tiny_adapter(model_folder: Path, folder: Path, invocation_tokens: list[int] | None = None, seed: int = 1, scale: float = 0.1) -> Path:
    """A random LoRA adapter whose B is not zero, so that it changes every letter. Returns the folder.

    With `invocation_tokens` it is an aLoRA (scope "letter"). A `manifest.json` names the file's SHA-256.
    """
    import hashlib

    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder = Path(folder)
    model = AutoModelForCausalLM.from_pretrained(model_folder, local_files_only=True)
    config = LoraConfig(
        r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM", alora_invocation_tokens=invocation_tokens
    )
    generator = torch.Generator().manual_seed(seed)
    model = get_peft_model(model, config)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * scale
    model.save_pretrained(folder)
    sha256 = hashlib.sha256((folder / "adapter_model.safetensors").read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({"adapter_model.safetensors": sha256}))
    return folder


class Tinies:
    """Loaded tiny backends by name (llama, qwen2, gpt2), made once: `tinies("llama")`, `tinies.adapter("llama", "letter")`."""

    makers = {"llama": tiny_llama, "qwen2": tiny_qwen2, "gpt2": tiny_gpt2, "llama3": tiny_llama3, "qwen3": tiny_qwen3,
              "gemma3": tiny_gemma3}  # fmt: skip

    def __init__(self, home: Path) -> None:
        self.home = home
        self._backends: dict = {}

    def folder(self, name: str) -> Path:
        path = self.home / name
        return path if path.exists() else self.makers[name](path)

    def spec(self, folder: Path):
        from ftapp.config import ModelSpec

        return ModelSpec(
            id=folder.name, source=str(folder), context_tokens=1024, prompt_budget_tokens=600, dtype="float32",
            words={"cover_letter": [80, 120]}, temperature=0.8, top_p=0.95, max_new_tokens=60,
        )  # fmt: skip

    def __call__(self, name: str):
        from ftapp.backends.local import LocalBackend

        if name not in self._backends:
            self._backends[name] = LocalBackend.load(self.spec(self.folder(name)))
        return self._backends[name]

    def adapter(self, name: str, scope: str):
        from ftapp.backends.folders import file_hash
        from ftapp.backends.local import AdapterRef

        path = self.home / f"{name}_{scope}"
        if not path.exists():
            tiny_adapter(self.folder(name), path, list(self(name).invocation_tokens) if scope == "letter" else None)
        return AdapterRef(path.name, path, file_hash(path / "adapter_model.safetensors"), scope)
