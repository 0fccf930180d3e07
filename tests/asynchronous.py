"""Coroutines in tests that are functions."""

import asyncio
from concurrent.futures import ThreadPoolExecutor


def outcome(coroutine):
    """Of a coroutine. In a thread of its own: after a browser test a loop of Playwright's runs in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
