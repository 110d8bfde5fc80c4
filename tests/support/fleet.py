"""Gateways in real processes on one store: each with a data folder, a port and, if wanted, its own clock."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.support.hang import HANG_S

_RUN = """
import sys, time
from joytui.cli.main import main
from joytui.core import clock

ahead = int(sys.argv[1])
if ahead:
    clock.time_ns = lambda: time.time_ns() + ahead * 1_000_000_000
sys.exit(main(["gateway", "run", *sys.argv[2:]]))
"""


class Member:
    """One gateway. It keeps its port and its folder over restarts. `ahead_s`: how much its clock is ahead of the machine's."""

    def __init__(self, folder: Path, store: str, *words: str, ahead_s: int = 0, **settings: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.folder = folder
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, "-c", _RUN, str(ahead_s), "--port", str(self.port), *words]
        mine = {
            "HOME": folder,
            "JOYTUI_DATA_DIR": folder,
            "JOYTUI_CONFIG_FILE": folder / "c.toml",
            "JOYTUI_STORE": store,
        }
        given = {f"JOYTUI_GATEWAY_{name.upper()}": text for name, text in settings.items()}
        self._env = {**os.environ, **{name: str(value) for name, value in mine.items()}, **given}
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                self._command, env=self._env, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready "), (line, (self.folder / "log").read_text()[-2000:])

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        process, self.process = self.process, None
        if process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
            process.send_signal(number)
        code = process.wait(HANG_S)
        assert process.stdout is not None
        process.stdout.close()
        return code

    @property
    def bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {(self.folder / 'admin-token').read_text().strip()}"}

    def console(self) -> httpx.Client:
        """A client of its console API, as its administrator."""
        return httpx.Client(
            base_url=f"{self.url}/console/v1", headers=self.bearer, trust_env=False, verify=False, timeout=HANG_S
        )

    def new_key(self, name: str, **policy: str) -> dict[str, str]:
        with self.console() as http:
            answer = http.post("/keys", json={"name": name, "policy": policy})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


@contextlib.contextmanager
def fleet(members: list[Member]) -> Iterator[list[Member]]:
    """All of them running, for the time of the block."""
    try:
        for member in members:
            member.start()
        yield members
    finally:
        for member in members:
            member.end(signal.SIGKILL)
