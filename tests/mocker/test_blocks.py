from __future__ import annotations

from dynamo.mocker._blocks import BlockPool


def test_the_block_that_was_free_for_longest_is_forgotten_first() -> None:
    pool = BlockPool(3, 4)
    for key in (10, 20, 30):
        (block,) = pool.take((), 1)
        pool.publish(block, key)
        pool.release([block])
        assert pool.find([key]) == [block]
    pool.release(pool.take(pool.find([10]), 0))  # used again
    pool.take((), 1)
    assert [bool(pool.find([key])) for key in (10, 20, 30)] == [True, False, True]


def test_blocks_that_cannot_be_found_go_before_those_that_can() -> None:
    pool = BlockPool(2, 4)
    full, part = pool.take((), 2)
    pool.publish(full, 10)
    pool.release([full])
    pool.release([part])
    assert pool.take((), 1) == [part]
    assert pool.find([10]) == [full]


def test_of_a_prefix_the_end_is_forgotten_before_the_start() -> None:
    pool = BlockPool(3, 4)
    blocks = pool.take((), 3)
    for key, block in enumerate(blocks):
        pool.publish(block, key)
    pool.release(blocks)
    pool.take((), 1)
    assert pool.find([0, 1, 2]) == blocks[:2]


def test_a_shared_block_is_free_when_its_last_holder_lets_it_go() -> None:
    pool = BlockPool(2, 4)
    (block,) = pool.take((), 1)
    pool.publish(block, 10)
    pool.take(pool.find([10]), 0)
    pool.release([block])
    assert pool.usage == 0.5
    pool.release([block])
    assert pool.usage == 0.0


def test_taking_more_than_there_is_takes_nothing() -> None:
    pool = BlockPool(3, 4)
    (block,) = pool.take((), 1)
    pool.publish(block, 10)
    pool.release([block])
    # The shared block is itself one of the three that are free.
    assert pool.take([block], 3) is None
    assert (pool.free, pool.holders()) == (3, [0, 0, 0])
    assert pool.take([block], 2)


def test_two_blocks_of_the_same_content_are_one_to_whoever_looks() -> None:
    pool = BlockPool(2, 4)
    first, second = pool.take((), 2)
    pool.publish(first, 10)
    pool.publish(second, 10)
    assert pool.find([10]) == [first]
    pool.release([first, second])
    assert pool.take((), 1) == [second]
    assert pool.find([10]) == [first]
