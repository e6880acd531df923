"""Whether a training ended because nothing more could be written. Knows errors, no run."""

from __future__ import annotations

import errno
from collections.abc import Iterator

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
# torch's and safetensors' writers are not Python: they tell the system's error in words only
_SAID = ("no space left", "os error 28", "os error 27", "file too large", "quota exceeded", "pytorchstreamwriter failed writing")


def full(error: BaseException) -> bool:
    """Whether an error, or one that it came from, means a full disk, a used-up quota or the largest file allowed."""
    return any(getattr(one, "errno", None) in _FULL or any(said in str(one).lower() for said in _SAID) for one in _chain(error))


def sentence(step: int) -> str:
    """What to tell a person."""
    when = f"at step {step}" if step else "before the first step"
    return f"The disk is full {when} - nothing was published, and what was saved before is kept - free some room, then resume the training."


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
