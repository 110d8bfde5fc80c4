"""All that joytui takes of Textual behind its public face (8.2): no other file names a private member of it.

What is here can change with any minor version of Textual, hence the upper bound in pyproject.toml.
tests/contract/test_textual_private.py holds what this file relies on against the installed Textual.
"""

from __future__ import annotations

from threading import Thread
from typing import Any

from textual.app import App
from textual.driver import Driver
from textual.drivers._writer_thread import WriterThread
from textual.screen import Screen


class HookedApp(App[None]):
    """An App that can be asked for its driver, and whose frames and end by an error a subclass can see to."""

    @property
    def driver(self) -> Driver | None:
        """What speaks to the terminal; None before the start."""
        return self._driver

    @property
    def in_batch(self) -> bool:
        """Whether what is drawn now is thrown away, because a batch of updates is under way."""
        return bool(self._batch_count)

    def draw(self, screen: Screen[Any], renderable: Any) -> None:
        """Writes a frame to the terminal. Override it to leave frames out; `renderable` is None if there is nothing to draw."""
        super()._display(screen, renderable)

    def fail(self, error: Exception) -> None:
        """Ends the App after an exception that nothing caught. Override it to change what is shown: a traceback with local variables."""
        super()._handle_exception(error)

    def end_without_traceback(self, error: Exception) -> None:
        """Ends the App after this exception with exit code 1, and writes nothing."""
        self._return_code = 1
        self._exception = self._exception or error
        self._close_messages_no_wait()

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        self.draw(screen, renderable)

    def _handle_exception(self, error: Exception) -> None:
        self.fail(error)


class PacedScreen(Screen[None]):
    """A screen whose styles are made once and which is drawn once before its first frame, where Textual does both twice."""

    def __init__(self, *, classes: str | None = None) -> None:
        super().__init__(classes=classes)
        self._css_update_count = self.app._css_update_count  # a new screen is styled by the stylesheet as it is now

    def _compositor_refresh(self) -> None:
        if not self.app._batch_count:  # what is drawn in a batch is thrown away, with the note of what was to be drawn
            super()._compositor_refresh()


def resume_on_continue(driver: Any) -> None:
    """Has the driver tell the App when the process continues after a stop, as it does where Textual itself stopped it."""
    driver._must_signal_resume = True


def waiting_writes(driver: Driver | None) -> int:
    """How many writes wait for the terminal; 0 for a driver that writes at once."""
    writer = _writer(driver)
    return 0 if writer is None else writer._queue.qsize()


def drop_waiting_writes(driver: Driver | None) -> Thread | None:
    """Takes back what waits for the terminal and tells the thread that writes to end; that thread, None if there is none."""
    writer = _writer(driver)
    if writer is not None:
        waiting = writer._queue
        with waiting.mutex:
            waiting.queue.clear()
            waiting.queue.append(None)
            waiting.not_empty.notify()
    return writer


def _writer(driver: Driver | None) -> WriterThread | None:
    return getattr(driver, "_writer_thread", None)
