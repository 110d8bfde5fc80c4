"""`joytui serve` in its own process: its page's address, its consoles, its end."""

from __future__ import annotations

import selectors
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine


@dataclass
class Served:
    """One running `joytui serve`. `words` is what it has said on stderr, when it has ended."""

    process: Any
    url: str
    words: str = ""

    @property
    def origin(self) -> str:
        return "/".join(self.url.split("/")[:3])

    @property
    def host(self) -> str:
        return self.url.split("/")[2]

    def consoles(self) -> list[int]:
        """The pids of the consoles that it runs."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in listed if b"--served" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, self.words = self.process.communicate(timeout=HANG_S)
        return int(self.process.returncode)


def start(machine: Machine, *words: str, env: dict[str, str] | None = None) -> Served:
    """`joytui serve WORDS…` when it is ready."""
    process = machine.start("serve", *(() if "--port" in words else ("--port", "0")), *words, env=env)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        assert selector.select(HANG_S), "joytui serve was not ready in time"
    line = process.stdout.readline()
    assert line.startswith("ready http://"), (line, process.stderr.read())
    return Served(process, line.split()[1])


def gone(pid: int) -> bool:
    """Whether there is no such process any more (a zombie that nobody has waited for is gone, too)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True
