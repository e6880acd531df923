"""Two letters from one prompt: how fast, against what stock libraries do with the same weights in the same run.

    python benchmarks/pair.py                      Qwen2.5-0.5B's shape, random weights, bf16, 900 / 60 and 900 / 300 tokens
    python benchmarks/pair.py --model bundled      seconds for a pair of the model that ships

Peers: two `generate` calls one after the other (bare base, then PEFT's aLoRA), and PEFT's mixed batch
(`adapter_names=["__base__", name]`). All three decode greedily from the same weights and must agree first: token for token in
float32. Rounds are interleaved, figures are medians. Bars at 900 / 60: pair / sequential <= 0.60, pair / mixed <= 0.78.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing here needs the network

import ftapp  # noqa: E402, F401 - switches telemetry off before the libraries are imported

BARS = {"sequential": 0.60, "mixed": 0.78}
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def shape(small: bool):
    """Qwen2.5-0.5B's configuration (its config.json on the Hub); `small` is for trying the script itself."""
    from transformers import Qwen2Config

    sizes = dict(hidden_size=896, intermediate_size=4864, num_hidden_layers=24, num_attention_heads=14, num_key_value_heads=2,
                 vocab_size=151936, max_position_embeddings=32768, rope_theta=1000000.0, tie_word_embeddings=True)  # fmt: skip
    if small:
        sizes |= dict(hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4, vocab_size=2048)
    return Qwen2Config(**sizes, bos_token_id=None, eos_token_id=None, pad_token_id=0)


def byte_tokenizer():
    """One token a byte, so that a prompt of exactly n tokens is easily made."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, special=True) for t in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=CHATML)


class Contest:
    """The same weights three times: in our backend, in PEFT, and bare."""

    def __init__(self, dtype: str, small: bool, folder: Path) -> None:
        import torch
        from peft import LoraConfig, PeftModel, get_peft_model
        from transformers import AutoModelForCausalLM

        from ftapp.backends.folders import file_hash
        from ftapp.backends.local import AdapterRef, LocalBackend
        from ftapp.backends.lora import twin
        from ftapp.config import ModelSpec

        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(shape(small), dtype=torch.float32)
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.06)  # wide enough that a greedy text does not repeat one token
        model = model.to(getattr(torch, dtype)).eval().requires_grad_(False)
        spec = ModelSpec(id="shape", source="shape", context_tokens=32768, prompt_budget_tokens=32000, dtype=dtype, words={},
                         temperature=0.8, top_p=0.95, max_new_tokens=1000)  # fmt: skip
        self.backend = LocalBackend(spec, model, byte_tokenizer(), "random")
        self.backend.end_tokens, self.backend.forbidden_tokens = frozenset(), []  # every contestant writes to the full length
        self.bare = twin(model)
        config = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM",
                            alora_invocation_tokens=list(self.backend.invocation_tokens))  # fmt: skip
        if not (folder / "adapter_model.safetensors").exists():
            new = get_peft_model(twin(model), config)
            for name, parameter in new.named_parameters():
                if "lora_" in name:
                    parameter.data = torch.randn(parameter.shape) * 0.06
            new.save_pretrained(folder)
        self.peft = PeftModel.from_pretrained(twin(model), folder, adapter_name="taught").eval()
        self.adapter = AdapterRef("taught", folder, file_hash(folder / "adapter_model.safetensors"), "letter")
        for peer in (self.bare, self.peft):
            peer.generation_config.eos_token_id = None

    def prompt(self, tokens: int) -> list[dict[str, str]]:
        """Messages of exactly `tokens` tokens, header included."""
        empty = self.backend.count_tokens([{"role": "user", "content": ""}])
        letters = "abcdefghijklmnopqrstuvwxyz ABCDEFGH"
        return [{"role": "user", "content": "".join(letters[(i * i + i // 7) % len(letters)] for i in range(tokens - empty))}]

    def pair(self, prompt: int, letter: int) -> tuple[list[list[int]], float, float]:
        """Ours: tokens of both letters, seconds to the first token of both, seconds to the end of both."""
        from ftapp.backends.pair import Row, Sampling, write

        began, first = time.perf_counter(), 0.0
        rows, sampling = [Row(None, 0), Row(self.adapter, 1)], Sampling(greedy=True, max_new_tokens=letter)
        for final in write(self.backend, self.prompt(prompt), rows, sampling):  # noqa: B007 - used after the loop
            first = first or time.perf_counter() - began
        return [list(ids) for ids in final.ids], first, time.perf_counter() - began

    def sequential(self, prompt: int, letter: int) -> tuple[list[list[int]], float, float]:
        """Two `generate` calls; both letters have begun only once the first is done."""
        one, _, seconds = self._generate(self.bare, prompt, letter, 1)
        two, first, more = self._generate(self.peft, prompt, letter, 1)
        return one + two, seconds + first, seconds + more

    def mixed(self, prompt: int, letter: int) -> tuple[list[list[int]], float, float]:
        """PEFT's batch of two with an adapter name a row."""
        return self._generate(self.peft, prompt, letter, 2, adapter_names=["__base__", "taught"])

    def _generate(self, model, prompt: int, letter: int, rows: int, **names) -> tuple[list[list[int]], float, float]:
        import torch
        from transformers.generation import BaseStreamer

        class Clock(BaseStreamer):
            """Notes when the first new token came (the first `put` is the prompt)."""

            def __init__(self) -> None:
                self.puts: list[float] = []

            def put(self, value) -> None:
                self.puts.append(time.perf_counter())

            def end(self) -> None:
                pass

        ids = torch.tensor([self.backend.encode(self.prompt(prompt))] * rows)
        clock, began = Clock(), time.perf_counter()
        with torch.inference_mode():
            out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=letter,
                                 streamer=clock, **names)  # fmt: skip
        seconds = time.perf_counter() - began
        return out[:, ids.shape[1] :].tolist(), clock.puts[1] - began, seconds


def agree(folder: Path, small: bool) -> None:
    """All three write the same two letters in float32, or nothing below means anything."""
    contest = Contest("float32", small, folder)
    ours, theirs, batch = (getattr(contest, name)(180, 24)[0] for name in ("pair", "sequential", "mixed"))
    if not ours == theirs == batch:
        sys.exit(f"WRONG: the letters differ.\npair       {ours}\nsequential {theirs}\nmixed      {batch}")
    if ours[0] == ours[1]:
        sys.exit("WRONG: the adapter changes nothing, so equality proves nothing.")
    kinds = " and ".join(str(len(set(letter))) for letter in ours)
    print(f"agreement: 2 letters of 24 tokens equal token for token in float32 ({kinds} different tokens)")
    if (proof := contest.backend.prove(contest.adapter)) and not proof.ok:
        sys.exit(f"WRONG: {proof.reason}")


def race(args: argparse.Namespace) -> dict:
    """Interleaved rounds at every length; returns medians and ratios."""
    import torch

    torch.set_num_threads(args.threads)
    results: dict = {"threads": args.threads, "rounds": args.rounds, "prompt_tokens": args.prompt, "letters": {}}
    with tempfile.TemporaryDirectory() as temporary:
        agree(Path(temporary) / "adapter", args.small)
        gc.collect()
        contest = Contest("bfloat16", args.small, Path(temporary) / "adapter")
        names = ("pair", "sequential", "mixed")
        for letter in args.letters:
            for name in names:
                getattr(contest, name)(args.prompt, 2)  # warm
            rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
            for i in range(args.rounds):
                for name in names[i % 3 :] + names[: i % 3]:
                    rounds[name].append(getattr(contest, name)(args.prompt, letter)[1:])
            first, total = ({n: statistics.median(r[k] for r in rounds[n]) for n in names} for k in (0, 1))
            ratios = {name: statistics.median(p[1] / r[1] for p, r in zip(rounds["pair"], rounds[name], strict=True)) for name in names[1:]}
            results["letters"][letter] = {"seconds": total, "first_token_seconds": first, "ratios": ratios}
            print(f"\nprompt {args.prompt}, letters of {letter} tokens, {args.threads} threads, {args.rounds} rounds (medians)")
            for name in names:
                print(f"  {name:<11} {total[name]:7.2f} s   both letters have begun after {first[name]:6.2f} s")
            for name, ratio in ratios.items():
                bar = f"   (bar {BARS[name]:.2f}: {'met' if ratio <= BARS[name] else 'MISSED'})"
                print(f"  pair / {name:<11} {ratio:.2f}{bar if (args.prompt, letter) == (900, 60) else ''}")
    return results


def example(backend):
    """A made-up prompt of ordinary size and the longest letter that the model offers."""
    from ftapp import prompts
    from ftapp.profiles import JobPosting, ResumeProfile

    job = JobPosting(
        title="Bookkeeper", company="Hollin & Sons", location="Leeds", duties=["close the month", "talk to suppliers"],
        requirements=["two years of bookkeeping", "good Excel", "accuracy with numbers", "a friendly telephone manner"],
    )  # fmt: skip
    first = {"title": "Accounts Assistant", "employer": "Farrow Timber", "start": "2020", "end": "2024",
             "achievements": ["Closed each month within three days", "Cut overdue invoices by a third"]}  # fmt: skip
    second = {"title": "Cashier", "employer": "Greenway Stores", "start": "2017", "end": "2020",
              "achievements": ["Balanced four tills every night"]}  # fmt: skip
    profile = ResumeProfile.model_validate({
        "name": "Ilka Brandsma", "headline": "Bookkeeper", "skills": ["Excel", "Sage", "payroll", "credit control"],
        "education": ["AAT Level 3"], "experience": [first, second],
    })  # fmt: skip
    longest = max(backend.spec.words["cover_letter"])
    prompt = prompts.build(profile, job, words=longest, count_tokens=backend.count_tokens,
                           budget_tokens=backend.spec.prompt_budget_tokens, special_tokens=backend.special_tokens)  # fmt: skip
    return prompt, longest


def bundled(args: argparse.Namespace) -> dict:
    """Seconds for a pair of the model that ships, with its starter adapter if there is one."""
    import torch

    from ftapp.backends.folders import file_hash
    from ftapp.backends.local import AdapterRef, LocalBackend
    from ftapp.backends.pair import Row, Sampling, write
    from ftapp.config import STARTER, model_spec

    torch.set_num_threads(args.threads)
    began = time.perf_counter()
    backend = LocalBackend.load(model_spec(args.model))
    load_seconds = time.perf_counter() - began
    adapter, weights = None, STARTER / "adapter_model.safetensors"
    if weights.is_file():
        scope = "letter" if json.loads((STARTER / "adapter_config.json").read_text()).get("alora_invocation_tokens") else "all"
        adapter = AdapterRef("starter", STARTER, file_hash(weights), scope)
        print(f"starter adapter: {backend.prove(adapter)}")
    prompt, longest = example(backend)
    seconds, firsts, tokens = [], [], []
    for seed in range(args.rounds + 1):
        began, first = time.perf_counter(), 0.0
        sampling = Sampling(backend.spec.temperature, backend.spec.top_p, max_new_tokens=backend.spec.max_new_tokens)
        for final in write(backend, prompt.messages, [Row(None, seed), Row(adapter, seed + 1000)], sampling):  # noqa: B007
            first = first or time.perf_counter() - began
        if seed:  # the first one warms
            seconds.append(time.perf_counter() - began)
            firsts.append(first)
            tokens.append(final.tokens)
    print(f"loaded in {load_seconds:.1f} s; prompt {prompt.tokens} tokens, asked for {longest} words; {args.threads} threads")
    for one, row in zip(seconds, tokens, strict=True):
        print(f"  pair in {one:.2f} s ({' and '.join(map(str, row))} tokens)")
    print(f"median {statistics.median(seconds):.2f} s a pair, first tokens after {statistics.median(firsts):.2f} s (bar 4 s)")
    return {"seconds": seconds, "first_token_seconds": firsts, "tokens": tokens, "prompt_tokens": prompt.tokens,
            "load_seconds": load_seconds}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="shape", help="'shape' (random weights, against peers), 'bundled', or any model folder")
    parser.add_argument("--prompt", type=int, default=900)
    parser.add_argument("--letters", type=int, nargs="+", default=[60, 300])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--small", action="store_true", help="a toy shape, to try the script")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object on the last line")
    args = parser.parse_args()
    results = race(args) if args.model == "shape" else bundled(args)
    if args.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
