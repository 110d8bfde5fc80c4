"""A terminal that reads slowly, or not at all: frames are left out rather than queued, and a signal ends the console all the
same; ctrl+z goes to the shell, and fg comes back to a whole picture.

Textual writes from a thread with a queue of 30; when that is full its event loop waits, and with it every key, timer and
signal. So a frame is not written while earlier ones still wait; once they are through, the screen is drawn once, as it is then.
And the first frame waits for nothing that it does not show.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import select
import signal
import threading
from typing import Any

from textual.reactive import var
from textual.screen import Screen

from joytui.tui.textual_private import drop_waiting_writes, resume_on_continue, waiting_writes
from joytui.tui.type_ahead import TypeAheadApp

WAITING = 4
"""Writes in the queue (a frame is three with its marks) from which on frames are left out."""
LOOK_S = 0.1
PATIENCE_S = 2.0
_SIGNALS = ("SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT")
_LEAVE = b"".join(
    b"\x1b[%s" % end
    for end in (
        b"?2026l", b"?2004l", b"?7h", b"?2048l", b"?1000l", b"?1002l", b"?1003l", b"?1006l", b"?1015l", b"<u",
        b"?1049l", b"?25h", b"?1004l", b"0m",
    )
)  # fmt: skip


class PacedApp(TypeAheadApp):
    """An App whose event loop never waits for its terminal."""

    drawn: var[bool] = var(False)
    """Whether a frame has gone to the terminal. What would hold the first one up waits for it."""

    _owed = False

    def draw(self, screen: Screen[Any], renderable: Any) -> None:
        if renderable is None or waiting_writes(self.driver) < WAITING:
            super().draw(screen, renderable)
            if not self.drawn and renderable is not None and not self.in_batch:
                self.call_later(setattr, self, "drawn", True)
        elif not self._owed:
            self._owed = True
            self.set_timer(LOOK_S, self._pay)

    def _pay(self) -> None:
        """Draws what was left out, as it is now."""
        if waiting_writes(self.driver) >= WAITING:
            self.set_timer(LOOK_S, self._pay)
            return
        self._owed = False
        self.refresh()

    def tell(self, text: str, *, error: bool = False, warning: bool = False) -> None:
        """A short word to the user."""
        severity: Any = "error" if error else "warning" if warning else "information"
        self.notify(text, severity=severity, timeout=30 if error else 4, markup=False)

    def catch_signals(self) -> None:
        """SIGTERM, SIGHUP, SIGINT and SIGQUIT end the console by its own way out, so the terminal comes back whole; fg draws again."""
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))  # the screen that fg finds is empty
        loop = asyncio.get_running_loop()
        for name in _SIGNALS:
            try:
                number = getattr(signal, name)
                loop.add_signal_handler(number, self._ended_by, number)
            except (NotImplementedError, RuntimeError, ValueError, AttributeError):
                return  # not the main thread (tests), or not a POSIX loop

    def action_suspend_process(self) -> None:
        """To the shell that started the console, also from within a script; where there is none, nothing could wake it again."""
        driver = self.driver
        if driver is None or not driver.can_suspend:
            return
        if os.getpgrp() == os.getsid(0):
            self.tell("this console has no shell behind it; q quits")
            return
        self.app_suspend_signal.publish(self)
        driver.suspend_application_mode()
        resume_on_continue(driver)
        os.killpg(0, signal.SIGSTOP)  # the whole job: a shell waits for its child, which may be `uv run` or a script

    def _ended_by(self, number: int) -> None:
        threading.Thread(target=_see_to_the_end, args=(self.driver, number), daemon=True, name="end").start()
        self.exit(return_code=128 + number)


def _see_to_the_end(driver: Any, number: int) -> None:
    """Ends the process if its terminal takes no more output: the normal exit would wait for that forever."""
    from time import sleep

    file = getattr(driver, "fileno", None)
    while isinstance(file, int):
        sleep(PATIENCE_S)  # a daemon thread: where the own way out succeeds, it is gone before this ends
        if not select.select([], [file], [], 0)[1]:
            _abandon(driver, file)
            os._exit(128 + number)


def _abandon(driver: Any, file: int) -> None:
    """Drops what waits for the terminal, and leaves it as it was found."""
    import fcntl
    import termios

    left = threading.Event()
    atexit.register(
        left.wait, PATIENCE_S
    )  # the own way out goes on once the write has ended: not before this is through
    flags = fcntl.fcntl(file, fcntl.F_GETFL)  # the shell has the same open file: they are restored
    fcntl.fcntl(file, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    try:
        _end_writes(driver)
        termios.tcflush(file, termios.TCOFLUSH)
        os.write(file, _LEAVE)
        if getattr(driver, "attrs_before", None) is not None:
            termios.tcsetattr(file, termios.TCSANOW, driver.attrs_before)
    except (OSError, termios.error):
        pass  # the terminal is gone: nothing to restored
    finally:
        fcntl.fcntl(file, fcntl.F_SETFL, flags)
        left.set()


def _end_writes(driver: Any) -> None:
    """Takes the thread that writes out of its write: a flush of the terminal does not wake it, a signal with a handler does
    (SIGTERM has one, `catch_signals`), and then the terminal, which waits for nobody now, refuses it."""
    threading.excepthook = lambda _: None  # that refusal is not a word for the user
    writer = drop_waiting_writes(driver)
    if writer is None or writer.ident is None:
        return
    for _ in range(50):
        if not writer.is_alive() or not callable(signal.getsignal(signal.SIGTERM)):
            return
        signal.pthread_kill(writer.ident, signal.SIGTERM)
        writer.join(0.02)
