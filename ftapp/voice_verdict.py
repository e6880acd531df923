"""Was the training worth it? One plain sentence from distances: against before, and against letters as examples in the prompt. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

NOTICED = 0.05  # steps; distances that differ by less are the same
LESS_GROUNDED = 0.03
NOT_TRIED = "Your letters as examples in the prompt could not be tried: none fits into this model's prompt, so teaching is the way."
BEATS = "It also beats your letters as examples in the prompt of the base model ({})."
AS_GOOD = (
    "But your letters as examples in the prompt of the base model do as well ({}): this training is not worth it yet. Put letters into the "
    "template, or teach it more of them."
)
NOT_LEARNED = "It did not learn your voice: its letters are as far from it as before ({}). Give it more letters, then teach again."


def examples(report: Mapping[str, Any]) -> str:
    """How many letters were in the prompt that a training is compared with; "" where none was tried."""
    count = report.get("examples") if "prompted" in report["table"] else 0
    if not count:
        return ""
    noun = "letter of yours was the example" if count == 1 else "letters of yours were the examples"
    return f"{count} {noun} in the prompt: up to three are, as many as it holds."


class _Beside(NamedTuple):
    """Mean distances of the adapter's letters and of the others', how often the adapter's is nearer, and of how many."""

    after: float
    theirs: float
    nearer: int
    count: int


def verdict(written: Sequence[Mapping[str, Any]], own: float | None) -> dict[str, Any]:
    """{worth_it: True, False or None, sentence}: is the adapter nearer to the voice than the base, and than the base with examples?

    `written`: each prompt's letters {before, after, prompted?} with their `voice_distance` and `groundedness`; `own`: how far the
    person's own letters are apart. Only prompts that both sides answered are compared; distances nearer than `NOTICED` are the same.
    """
    base, shown = (_against([one for one in written if who in one], who) for who in ("before", "prompted"))
    if base is None:
        return {"worth_it": None, "sentence": "No letter was written, so nothing can be said of the voice yet."}
    yard = f"; your own letters are {own:.2f} apart" if own is not None else ""
    if base.theirs - base.after < NOTICED:
        return {"worth_it": False, "sentence": NOT_LEARNED.format(f"{base.after:.2f}, before {base.theirs:.2f}{yard}")}
    learned = (f"Its letters are nearer to your voice than before: {base.after:.2f}, before {base.theirs:.2f}{yard}; "
               f"nearer in {base.nearer} of {base.count} letters.")  # fmt: skip
    worth, more = True, NOT_TRIED
    if shown is not None:
        worth = shown.theirs - shown.after >= NOTICED
        numbers = f"{shown.after:.2f} against {shown.theirs:.2f}, nearer in {shown.nearer} of {shown.count} letters"
        more = (BEATS if worth else AS_GOOD).format(numbers)
    lost = _grounded(written)
    end = lost or (" The training is worth it." if worth else "")
    return {"worth_it": worth and not lost, "sentence": f"{learned} {more}{end}"}


def _against(written: Sequence[Mapping[str, Any]], who: str) -> _Beside | None:
    """The adapter's letters beside those of `who`; None without letters."""
    pairs = [(one["after"]["voice_distance"], one[who]["voice_distance"]) for one in written]
    pairs = [(a, b) for a, b in pairs if a is not None and b is not None]
    if not pairs:
        return None
    means = (statistics.fmean(side) for side in zip(*pairs, strict=True))
    return _Beside(*means, sum(a < b for a, b in pairs), len(pairs))


def _grounded(written: Sequence[Mapping[str, Any]]) -> str:
    both = [(one["before"]["groundedness"], one["after"]["groundedness"]) for one in written]
    both = [(a, b) for a, b in both if a is not None and b is not None]
    if not both:
        return ""
    was, now = statistics.fmean(a for a, _ in both), statistics.fmean(b for _, b in both)
    if was - now < LESS_GROUNDED:
        return ""
    return (f" But it claims more that nothing supports: {now:.0%} of its claims are supported, before {was:.0%}. Do not let it write yet: "
            "teach more letters, or with fewer epochs.")  # fmt: skip
