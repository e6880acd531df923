"""When a training does not fit: noticing it, saying it in numbers, and the next smaller plan that learns the same.

Knows recipes and this machine's memory, no model.
"""

from __future__ import annotations

import sys
from typing import Any

from ftapp.backends import hardware
from ftapp.config import Recipe

GB = 10**9
USED_UP = "The memory was used up"
# how torch says it where the system refuses a piece of memory, besides its own OutOfMemoryError
_SAID = ("can't allocate memory", "out of memory", "cannot allocate memory", "unable to allocate")
# How it says it of what it calls: C++, oneDNN (pytorch/pytorch#70237, #55884), and a thread that gets no room for its stack.
_BELOW = ("bad_alloc", "could not create a primitive", "can't start new thread", "resource temporarily unavailable")


def ran_out(error: BaseException) -> bool:
    """Whether an error means that memory was used up, on a GPU or beside it."""
    told = str(error).lower()
    if isinstance(error, RuntimeError):
        return any(said in told for said in _SAID + _BELOW)
    return isinstance(error, MemoryError) or isinstance(error, OSError) and any(said in told for said in _SAID)


def peak_bytes() -> int:
    """The most that this process has held so far: on the GPU where there is one, else in memory; 0 where nobody counts."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return torch.cuda.max_memory_reserved()
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def there_bytes() -> int:
    return (hardware.gpu_memory_bytes() if "torch" in sys.modules else 0) or hardware.memory_bytes()


def sentence(recipe: Recipe, step: int, longest: int, peak: int, there: int) -> str:
    """What to tell a person whose training did not fit: sizes in GB, tokens of the longest sequence, and what to do."""
    held = f"{peak / GB:.1f} of {there / GB:.1f} GB" if peak and there else "all of it"
    when = f"at step {step}" if step else "before the first step"
    smaller = smaller_than(recipe)
    do = f"start the smaller plan: {smaller[1]}" if smaller else "use a smaller base model, or leave out the longest letters"
    what = f"{held}; {recipe.batch_size} at a time, the longest of {longest} tokens"
    return f"{USED_UP} {when} ({what}) - nothing was published - {do}."


def smaller_than(recipe: Recipe) -> tuple[Recipe, str] | None:
    """The next smaller plan, and in words what changes; or None. First what learns the same, then what costs time, then precision."""

    def but(**changed: Any) -> Recipe:
        return recipe.model_copy(update=changed)

    if recipe.batch_size > 1:
        half = next(n for n in range(recipe.batch_size // 2, 0, -1) if recipe.batch_size % n == 0)
        times = recipe.accumulation_steps * recipe.batch_size // half
        return but(batch_size=half, accumulation_steps=times), f"{half} at a time, {times} times before each step, which learns the same"
    if not recipe.gradient_checkpointing and recipe.scope == "all":
        return but(gradient_checkpointing=True), "layers computed twice instead of kept, which learns the same and takes a third longer"
    if not recipe.load_in_4bit:
        return but(load_in_4bit=True, double_quant=True, optim="paged_adamw_8bit"), "the base model in 4 bits, which learns nearly the same"
    return None


def smaller(recipe: Recipe, times: int) -> Recipe:
    """`smaller_than`, that many times; fewer where there is no smaller plan."""
    for _ in range(times):
        recipe = (smaller_than(recipe) or (recipe, ""))[0]
    return recipe
