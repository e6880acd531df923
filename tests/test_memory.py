"""When a training does not fit: it is noticed, said in numbers, and the next smaller plan learns the same."""

import pytest

from ftapp import config
from ftapp.errors import TrainingError
from ftapp.training import memory, processes

FOUR = config.recipe("sft_bundled").model_copy(update={"batch_size": 4})


def test_a_smaller_plan_learns_from_as_many_rows_before_each_step():
    recipe = FOUR.model_copy(update={"scope": "all"})
    levels = [recipe, *(memory.smaller(recipe, times) for times in range(1, 6))]
    assert [(one.batch_size, one.accumulation_steps) for one in levels[:3]] == [(4, 1), (2, 2), (1, 4)]
    assert [one.gradient_checkpointing for one in levels] == [False, False, False, True, True, True]
    assert [one.load_in_4bit for one in levels] == [False] * 4 + [True] * 2
    assert not memory.smaller(FOUR, 5).gradient_checkpointing, "PEFT loses the letter's beginning then"
    assert memory.smaller_than(levels[-1]) is None and levels[-1] == levels[-2]


@pytest.mark.parametrize("size", [3, 5, 6])
def test_odd_batches_keep_their_rows_too(size):
    recipe = FOUR.model_copy(update={"batch_size": size})
    while recipe.batch_size > 1:
        recipe, words = memory.smaller_than(recipe)
        assert recipe.batch_size * recipe.accumulation_steps == size and "learns the same" in words


def test_the_sentence_has_the_numbers_and_the_way_out():
    said = memory.sentence(FOUR, 3, 900, 5 * 10**9, 8 * 10**9)
    assert "at step 3 (5.0 of 8.0 GB; 4 at a time, the longest of 900 tokens)" in said and "2 at a time, 2 times" in said
    last = memory.smaller(FOUR, 9)
    assert "smaller base model" in memory.sentence(last, 0, 900, 0, 0)


@pytest.mark.parametrize(
    ("error", "is_it"),
    [(MemoryError(), True), (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"), True),
     (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), True), (OSError(12, "Cannot allocate memory"), True),
     (RuntimeError("shape mismatch"), False), (RuntimeError("std::bad_alloc"), True), (RuntimeError("can't start new thread"), True),
     (BlockingIOError(11, "Resource temporarily unavailable"), False), (ValueError("out of memory"), False)],
)  # fmt: skip
def test_memory_that_is_used_up_is_told_from_other_faults(error, is_it):
    assert memory.ran_out(error) is is_it


@pytest.mark.parametrize(
    ("batch", "times", "count", "shares"), [(4, 1, 1, (4, 1)), (4, 1, 2, (2, 1)), (1, 8, 2, (1, 4)), (4, 2, 8, (1, 1)), (2, 4, 4, (1, 2))]
)
def test_processes_share_a_batch_and_never_multiply_it(batch, times, count, shares):
    recipe = FOUR.model_copy(update={"batch_size": batch, "accumulation_steps": times})
    assert processes.shares(recipe, count) == shares
    assert shares[0] * shares[1] * count == batch * times


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(TrainingError, match="3 processes cannot share the 4 rows"):
        processes.shares(FOUR, 3)
