"""The collapse guard: ends a training whose letters fall apart, before a broken checkpoint is saved, and says why.

Four signs, each against where the training began: the chosen letters become unlikely, the whole model moves too far from its reference
(both from TRL's rewards, which are beta x log-ratios, so no further pass is needed), and letters that are written now and then
repeat themselves or lose their length. Knows numbers and a trainer; nothing of run folders.
"""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ftapp import metrics
from ftapp.errors import TrainingError
from ftapp.scripts import word_count

CHOSEN_NATS = 0.5  # a token: a chosen letter that is so much less likely than before has been unlearned; good runs stay above -0.1
KL_NATS = 0.75  # a token, of letters that the reference wrote: beyond it the two models have little in common
REPEATS = 0.25  # rise of the share of words used before in the letter; tastes move it by a tenth at most
LENGTH = 2.0  # times longer or shorter
WINDOW = 5  # logged steps: one batch says little
PROMPTS, TOKENS, WORDS = 2, 120, 90  # TOKENS are about so many WORDS
SHARE = 0.05  # of the training's time may go into looking
KEPT = "- the training was stopped and what was saved before is kept - teach with a lower learning rate, fewer rounds or other choices."


class Guard:
    """`metrics` and `letters` give a sentence when the training must end, else ""."""

    def __init__(self, beta: float, letter_tokens: float, taught: Sequence[str]) -> None:
        """`taught` are the letters that are learned from, `letter_tokens` their mean length: to become as long as they are, or to come
        back to a word as often, is no collapse."""
        self._words = statistics.fmean(map(word_count, taught))
        self._repeats = statistics.fmean(metrics.repetition(" ".join(text.split()[:WORDS])) for text in taught)
        self._scale = max(1e-9, beta * letter_tokens)
        self._rows: deque[tuple[float, float]] = deque(maxlen=WINDOW)
        self.first: tuple[float, float] | None = None

    def metrics(self, row: Mapping[str, float]) -> str:
        """One logged row under TRL's names; without rewards (a training of letters) it says nothing."""
        if "rewards/chosen" not in row or "rewards/rejected" not in row:
            return ""
        self._rows.append((row["rewards/chosen"] / self._scale, row["rewards/rejected"] / self._scale))
        if len(self._rows) < WINDOW:
            return ""
        chosen, rejected = (statistics.fmean(side) for side in zip(*self._rows, strict=True))
        if chosen < -CHOSEN_NATS:
            return f"The letters that you chose became unlikely ({-chosen:.2f} nats a token less than before, {CHOSEN_NATS} are allowed)"
        if -(chosen + rejected) / 2 > KL_NATS:
            return f"The model moved too far from where it began ({-(chosen + rejected) / 2:.2f} nats a token, {KL_NATS} are allowed)"
        return ""

    def letters(self, written: Sequence[str]) -> str:
        """Letters for the same prompts as ever; the first call sets the measure: `first`, their share of repeated words and their words."""
        repeats = statistics.fmean(map(metrics.repetition, written))
        words = statistics.fmean(map(word_count, written))
        if self.first is None:
            self.first = repeats, words
            return ""
        before, length = self.first
        shortest, longest = min(length, self._words) / LENGTH, max(length, self._words) * LENGTH
        if repeats - max(before, self._repeats) > REPEATS:
            return f"Its letters repeat themselves ({repeats:.0%} of the words were used before in the letter, {before:.0%} at the start)"
        if not shortest <= words <= max(longest, 1):
            return f"Its letters lose their length ({words:.0f} words, {length:.0f} at the start)"
        return ""


def callback(guard: Guard, write: Callable[[], Sequence[str]] | None) -> Any:
    """A transformers callback that asks the guard at every logged row and, as far as time allows, before a checkpoint is saved.

    `write` gives the letters. What it finds is raised as a TrainingError, which ends the run before the next checkpoint. A checkpoint
    holds what the first letters were like: a run that goes on from it is held to the same measure as one that was never cut off.
    """
    from transformers import TrainerCallback
    from transformers.trainer_callback import ExportableState

    class Watching(TrainerCallback, ExportableState):
        _began = _spent = _last = 0.0

        def state(self) -> dict[str, Any]:
            return {"args": {}, "attributes": {"first": guard.first}}

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            held = state.stateful_callbacks.setdefault(type(self).__name__, self.state())["attributes"]["first"]
            guard.first = held and tuple(held)
            self._began = time.monotonic()
            self._look(state.global_step)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict | None = None, **_: Any) -> None:
            _end(guard.metrics({name: value for name, value in (logs or {}).items() if isinstance(value, int | float)}), state.global_step)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            allowed = SHARE * (time.monotonic() - self._began)
            if control.should_save and state.global_step < state.max_steps and self._spent + self._last <= max(allowed, 2 * self._last):
                self._look(state.global_step)

        def _look(self, step: int) -> None:
            if write is None:
                return
            began = time.monotonic()
            said = guard.letters(write())
            self._last = time.monotonic() - began
            self._spent += self._last
            _end(said, step)

    return Watching()


def _end(said: str, step: int) -> None:
    if said:
        raise TrainingError(f"{said} at step {step} {KEPT}")


def writer(model: Any, tokenizer: Any, prompts: Sequence[Sequence[int]]) -> Callable[[], list[str]]:
    """Writes one greedy letter for each of the first prompts (ids with the assistant header), with the model as it is now."""
    import torch

    def write() -> list[str]:
        teaching = model.training
        # frozen weights may be rounded (see `acting.round_frozen`) while the adapter's are not: only autocast brings them together
        half = next((one.dtype for one in model.parameters() if one.dtype in (torch.bfloat16, torch.float16)), None)
        model.eval()
        try:
            texts = []
            for ids in prompts[:PROMPTS]:
                given = torch.tensor([list(ids)], device=model.device)
                with torch.no_grad(), torch.autocast(model.device.type, half, enabled=half is not None):
                    out = model.generate(input_ids=given, attention_mask=torch.ones_like(given), max_new_tokens=TOKENS, do_sample=False,
                                         use_cache=True, pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id)  # fmt: skip
                texts.append(tokenizer.decode(out[0, given.shape[1] :], skip_special_tokens=True))
            return texts
        finally:
            model.train(teaching)

    return write
