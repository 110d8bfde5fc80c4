"""The installed command in a real process, with folders of its own: what a user at a shell has."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from tests.support.hang import HANG_S


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def json_lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(slots=True)
class Machine:
    """A user's home: own data folder, settings, Codex home. The gateway takes a free port."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "home" / ".codex").mkdir(parents=True, exist_ok=True)
        mine = {
            "HOME": self.folder / "home",
            "CODEX_HOME": self.folder / "home" / ".codex",
            "JOYTUI_DATA_DIR": self.data,
            "JOYTUI_CONFIG_FILE": self.folder / "config.toml",
            "JOYTUI_GATEWAY_PORT": "0",
        }
        self.env = {**os.environ, **{name: str(value) for name, value in mine.items()}, **self.env}
        self.env.pop("JOYTUI_CACHE_DIR", None)

    @property
    def terminal_env(self) -> dict[str, str]:
        """The environment of a command on a terminal, whose size and colours nothing but the terminal decides."""
        env = {name: value for name, value in self.env.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        return {**env, "TERM": "xterm-256color"}

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self, *words: str, env: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
        """`joytui WORDS…` under way, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "joytui", *words],
            env={**self.env, **(env or {})},
            cwd=self.folder,
            stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=subprocess.PIPE,
            stderr=options.pop("stderr", subprocess.PIPE),
            text=True,
            start_new_session=True,
            **options,
        )

    def call(self, *words: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Said:
        """The same without a process: the command's own entry in this interpreter, in this machine's environment.

        Half a second faster each; for commands whose process is not what is tested. As a process it has the machine's
        clock, not the tests': it may speak to a gateway in a real process.
        """
        from joytui.cli.main import main
        from joytui.core import clock

        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, {**self.env, **(env or {})}, clear=True),
            mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")),
            mock.patch.object(clock, "time_ns", time.time_ns),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = main(list(words))
        return Said(code, out.getvalue(), err.getvalue())

    def run(self, *words: str, stdin: str | None = None, env: Mapping[str, str] | None = None) -> Said:
        """`joytui WORDS…` to its end."""
        process = self.start(*words, env=env, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE)
        try:
            out, err = process.communicate(stdin, timeout=HANG_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError(f"joytui {' '.join(words)} did not end:\n{out}\n{err}") from None
        return Said(process.returncode, out, err)

    def ask(self, *words: str) -> Any:
        """The JSON of a command that must succeed."""
        said = self.call(*words, "--json")
        assert said.code == 0, said.err
        return said.json

    def send(self, url: str, key: str, model: str = "auto", headers: Sequence[tuple[str, str]] = ()) -> Any:
        """One request to the model API at the gateway's URL; its answer (httpx.Response)."""
        import httpx

        return httpx.post(
            f"{url}/openai/v1/responses",
            json={"model": model, "input": "say hi", "stream": False},
            headers={"Authorization": f"Bearer {key}", **dict(headers)},
            trust_env=False,
            verify=False,
            timeout=HANG_S,
        )


def in_terminal(machine: Machine, words: Sequence[str], *, columns: int, lines: int = 60) -> list[str]:
    """The lines that a command leaves on a terminal of that size, without their colours."""
    import fcntl
    import pty
    import re
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "joytui", *words],
        env=machine.terminal_env,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        cwd=machine.folder,
        start_new_session=True,
    )
    os.close(theirs)
    data = b""
    try:
        while chunk := os.read(ours, 65536):
            data += chunk
    except OSError:
        pass  # EIO: the other side has closed
    os.close(ours)
    process.wait(timeout=HANG_S)
    text = re.sub(r"\x1b\[[0-9;]*m", "", data.decode())
    return text.replace("\r\n", "\n").splitlines()
