"""What a training may break: other texts become unlikely (forgetting), taught letters come up in letters for others (reciting)."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import yaml

from ftapp import config, prompts, reciting

if TYPE_CHECKING:
    from ftapp.backends.local import AdapterRef, LocalBackend

FORGOTTEN = 0.10  # a greater rise of the loss is a warning
NOT_MEASURED = "Reciting was not measured: no letter for somebody else was written."



def probe_texts(learned: set[str]) -> list[tuple[str, list[dict[str, str]], str]]:
    """(group, messages, text): fixed texts of every kind that was not taught, and questions that have nothing to do with letters."""
    from ftapp.bundled import generator

    found = []
    for kind in prompts.KINDS:
        if kind not in learned:
            made = [generator.example(90210, i, unseen=True, clean=True, kind=kind) for i in range(4)]
            found += [(prompts.KIND_NAMES[kind], [dict(m) for m in one.prompt.messages], one.letter) for one in made]
    rows = yaml.safe_load((config.CONFIGS / "probe_texts.yaml").read_text(encoding="utf-8"))
    return found + [("other texts", [{"role": "user", "content": row["question"]}], row["answer"].strip()) for row in rows]


def forgetting(
    backend: LocalBackend, before: AdapterRef | None, after: AdapterRef, learned: set[str], stop: Callable[[], bool] = lambda: False
) -> dict[str, Any]:
    """{before, after, rise, groups, warning, sentence}: loss in nats a token on fixed texts that were not taught.

    A group's loss is the mean over its tokens. `rise` is the geometric mean of the groups' after / before, less 1, so that a group that
    the model never knew does not drown the others; above `FORGOTTEN` a warning is given.
    """
    from ftapp.backends.likelihood import nats

    sums: dict[str, list[float]] = {}
    for group, messages, text in probe_texts(learned):
        if stop():
            break
        (a, count), (b, _) = nats(backend, messages, text, before), nats(backend, messages, text, after)
        row = sums.setdefault(group, [0.0, 0.0, 0])
        row[0], row[1], row[2] = row[0] + a, row[1] + b, row[2] + count
    groups = {name: {"before": a / n, "after": b / n, "rise": b / a - 1} for name, (a, b, n) in sums.items() if n and a}
    if not groups:
        return {"before": None, "after": None, "rise": None, "groups": {}, "warning": False, "sentence": "Forgetting was not measured."}
    was, now = (statistics.fmean(row[side] for row in groups.values()) for side in ("before", "after"))
    rise = statistics.geometric_mean(row["after"] / row["before"] for row in groups.values()) - 1
    worst = max(groups, key=lambda name: groups[name]["rise"])
    if rise > FORGOTTEN:
        most = f"{worst} ({groups[worst]['rise']:.0%})"
        sentence = (f"It forgot some of what it could do: other texts and kinds of letter surprise it {rise:.0%} more than before, most of "
                    f"all {most}. Use it for the kind that you taught, or teach with fewer epochs.")  # fmt: skip
    else:
        change = f"{abs(rise):.0%} {'more' if rise > 0 else 'less'}"
        sentence = f"Nothing notable was forgotten: other texts and kinds of letter surprise it {change} than before."
    return {"before": was, "after": now, "rise": rise, "groups": groups, "warning": rise > FORGOTTEN, "sentence": sentence}



def recited(
    others: Sequence[Mapping[str, str]], taught: Sequence[Mapping[str, Any]], written: Sequence[Mapping[str, Any]] | None = None,
    drafts: Sequence[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """{letters, leaks: [{kind, text, title}], warning, sentence}: what the adapter's letters for other people recite of those taught.

    `others`: {title, prompt, before, after}, the texts of what was asked and of the letters; `taught`: rows {prompt, completion}.
    `written`: those of them that a person wrote, all unless said; sentences of the model's own letters are nobody's secret.
    `drafts`: those letters, for what of `written` a model had written before.
    """
    count = len(others)
    if not count:
        return {"letters": 0, "leaks": [], "warning": False, "sentence": NOT_MEASURED}
    known = reciting.taught(taught)
    if written is not None:
        known = dataclasses.replace(known, runs=reciting.taught(written, drafts).runs)
    ordinary = reciting.vocabulary([one["before"] for one in others])
    found = [
        {"kind": leak.kind, "text": leak.text, "title": one["title"]}
        for one in others for leak in reciting.leaks(one["after"], one["prompt"], known, ordinary)
    ]  # fmt: skip
    if not found:
        said = f"In {count} letters for other people nothing of yours is recited: no employer, no contact, no sentence."
        return {"letters": count, "leaks": [], "warning": False, "sentence": said}
    what = ", ".join(f"a {kind}" for kind in ("name", "contact", "sentence") if any(leak["kind"] == kind for leak in found))
    where = len({leak["title"] for leak in found})
    said = (f"It recites your letters: in {where} of {count} letters for other people stands {what} of yours. "
            "Mask such details in the letters that you teach, or teach with fewer epochs.")  # fmt: skip
    return {"letters": count, "leaks": found, "warning": True, "sentence": said}
