"""Work on large bodies, beside the event loop: in one thread, one body at a time, and in steps.

Python lets only one thread work at a time, and changes between them only from one step to the next. So a thread alone does not
keep the loop free: what takes long must be no single step (a regular expression, a text of JSON) over all of a body.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

LARGE = 256 * 1024
"""Bytes from which on a body is worked on beside the loop: about what takes as long as all else that is done for a request."""
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="large-body")


async def aside(size: int, work: Callable[[], T]) -> T:
    """The result of work on this many bytes; small work is done immediately. Raises what the work raises."""
    if size < LARGE:
        return work()
    return await asyncio.get_running_loop().run_in_executor(_thread, work)
