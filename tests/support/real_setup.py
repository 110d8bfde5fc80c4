"""One developer's machine with joytui's gateway on it, and the real Codex: what the end-to-end tests run on.

Everything lives in one folder: HOME, CODEX_HOME, the work tree, joytui's data. Only loopback is used.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joytui.core.joytoken import KEY_VARIABLE, config_block
from tests.support.codex_run import Done, bounded
from tests.support.faketime import MACHINE_CLOCK
from tests.support.hang import HANG_S
from tests.support.real_codex import codex


@dataclass
class Setup:
    """HOME and all. `env` is the developer's shell; `start_gateway` fills `url`."""

    folder: Path
    url: str = ""
    env: dict[str, str] = field(default_factory=dict)
    _gateway: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        for name in ("home", "codex", "work", "data"):
            (self.folder / name).mkdir()
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "CODEX_HOME": str(self.codex_home),
            "JOYTUI_DATA_DIR": str(self.folder / "data"),
            "JOYTUI_CONFIG_FILE": str(self.folder / "joytui.toml"),
            "LANG": "C.UTF-8",
            **MACHINE_CLOCK,
        }

    @property
    def codex_home(self) -> Path:
        return self.folder / "codex"

    def start_gateway(self, *options: str, env: Mapping[str, str] | None = None) -> str:
        """`joytui gateway run --port 0` in the foreground of its own process; its URL, when it is ready."""
        command = [sys.executable, "-m", "joytui", "gateway", "run", "--port", "0", *options]
        log = (self.folder / "gateway.stderr").open("a")
        self._gateway = subprocess.Popen(
            command, env={**self.env, **(env or {})}, stdout=subprocess.PIPE, stderr=log, text=True, cwd=self.folder
        )
        log.close()
        self.url = self._ready(self._gateway)
        return self.url

    def _ready(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(HANG_S):
                raise AssertionError("the gateway was not ready in time")
        line = process.stdout.readline()
        if not line.startswith("ready "):
            raise AssertionError(f"the gateway said {line!r}; {(self.folder / 'gateway.stderr').read_text()[-2000:]}")
        return line.split()[1]

    def stop_gateway(self) -> None:
        if self._gateway is not None:
            process, self._gateway = self._gateway, None
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=HANG_S)

    def with_codex(self) -> None:
        """Puts the real Codex on PATH, for the commands that look for it there."""
        self.env["PATH"] = f"{Path(codex()).parent}:{self.env['PATH']}"

    def configure(self, *, extra: str = "") -> Path:
        """The guide's config.toml for this gateway."""
        path = self.codex_home / "config.toml"
        path.write_text(config_block(f"{self.url}/openai/v1") + extra)
        return path

    def create_key(self, name: str, *options: str) -> dict[str, Any]:
        """A key of the gateway, put into the shell's environment."""
        created: dict[str, Any] = json.loads(self.joytui("keys", "create", name, *options, "--json").stdout)
        self.env[KEY_VARIABLE] = created["key"]
        return created

    def joytui(
        self, *arguments: str, ok: tuple[int, ...] = (0,), limit: float = HANG_S, stdin: str | None = None
    ) -> Done:
        """A command of joytui, in the work tree; its exit code must be one of `ok`."""
        command = [sys.executable, "-m", "joytui", *arguments]
        done = subprocess.run(
            command,
            env=self.env,
            cwd=self.folder / "work",
            capture_output=True,
            text=True,
            timeout=limit,
            input=stdin or "",
            check=False,
        )
        assert done.returncode in ok, f"joytui {arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return Done(done.returncode, done.stdout, done.stderr, 0.0)

    def json_lines(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.joytui(*arguments, "--json").stdout.splitlines()]

    def codex(self, *arguments: str, version: str | None = None, limit: float = HANG_S, **env: str) -> Done:
        """`codex exec --skip-git-repo-check ARGUMENTS` in the work tree."""
        command = [codex(version) if version else codex(), "exec", "--skip-git-repo-check", *arguments]
        return bounded(command, {**self.env, **env}, self.folder / "work", limit)

    def console(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the console API, as a console makes it."""
        token = (self.folder / "data" / "admin-token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else (b"{}" if method == "POST" else None)
        request = urllib.request.Request(f"{self.url}/console/v1{path}", data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=HANG_S) as answer:
            return json.load(answer)

    def rollouts(self) -> list[Path]:
        return sorted(self.codex_home.glob("sessions/**/*.jsonl"))

    def noted_usage(self) -> list[dict[str, Any]]:
        """The `token_usage_record` payloads as Codex itself wrote them, read here without joytui."""
        found = []
        for path in self.rollouts():
            for line in path.read_text().splitlines():
                record = json.loads(line)
                if record["type"] == "token_usage_record":
                    found.append(record["payload"])
        return found
