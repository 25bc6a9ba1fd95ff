"""Flow control, without a plane."""

from __future__ import annotations

import asyncio

import pytest

from dynamo.request_plane._flow import Credits, Inbox


class GoneError(Exception):
    pass


async def test_a_sender_waits_when_its_credits_are_used_up() -> None:
    allowance = Credits(2)
    await allowance.take()
    await allowance.take()
    third = asyncio.create_task(allowance.take())
    await asyncio.sleep(0)
    assert not third.done()
    allowance.add(1)
    await third


async def test_a_waiting_sender_is_told_of_the_end() -> None:
    allowance = Credits(0)
    waiting = asyncio.create_task(allowance.take())
    await asyncio.sleep(0)
    allowance.close(GoneError)
    allowance.close(ValueError)  # too late: the first reason counts
    for task in (waiting, asyncio.create_task(allowance.take())):
        with pytest.raises(GoneError):
            await task


async def test_a_cancelled_sender_uses_no_credit() -> None:
    allowance = Credits(0)
    waiting = asyncio.create_task(allowance.take())
    await asyncio.sleep(0)
    waiting.cancel()
    allowance.add(1)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await allowance.take()


async def test_items_come_out_in_order_and_then_the_end() -> None:
    inbox = Inbox()
    inbox.put(b"1")
    inbox.put(b"2")
    inbox.end()
    inbox.put(b"too late")
    assert [await inbox.get() for _ in range(4)] == [b"1", b"2", None, None]


async def test_an_error_comes_after_the_items_and_once() -> None:
    inbox = Inbox()
    inbox.put(b"1")
    inbox.end(GoneError())
    inbox.end(ValueError())  # too late: the first one counts
    assert await inbox.get() == b"1"
    with pytest.raises(GoneError):
        await inbox.get()
    assert await inbox.get() is None


async def test_a_cleared_inbox_is_at_its_end() -> None:
    inbox = Inbox()
    inbox.put(b"1")
    inbox.clear()
    inbox.put(b"2")
    assert await inbox.get() is None


async def test_a_waiting_reader_gets_what_arrives() -> None:
    inbox = Inbox()
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put(b"1")
    assert await waiting == b"1"
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.end()
    assert await waiting is None
