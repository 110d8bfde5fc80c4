"""One bounded run of a program in a prepared situation, and what the real Codex said in it.

Modes for Codex: "full" waits for its end; "outcome" stops as soon as it is clear that it fails (it reconnects for the second time, or
waits for a network); "bounded" adds the overrides that cut its retries, so that the final words come at once (where the configuration
has a provider to put them on).
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.situation import Stage

_AGAIN = re.compile(r"Reconnecting\.\.\. (\d+)/(\d+)")
_NOISE = ("could not find bubblewrap", "Model metadata for", "proceeding, even though we could not create PATH aliases")


class Hopeless:
    """Reads Codex's lines as they come, and knows when it can only fail: it reconnects for the second time (the first may help), or waits
    for a network. Failing WebSockets prove nothing yet: it falls back to HTTP."""

    def __init__(self) -> None:
        self.proven = False
        self._websocket = False

    def __call__(self, line: str) -> bool:
        if "Falling back from WebSockets" in line:
            self._websocket = False
        elif "responses_websocket" in line:
            self._websocket = True
        elif "waiting for network" in line:
            self.proven = True
        elif not self._websocket and (again := _AGAIN.search(line)):
            self.proven |= int(again[1]) >= min(2, int(again[2]))
        return self.proven


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended. exit_code None: it was ended by us. `works`: see `run`."""

    exit_code: int | None
    stdout: str
    stderr: str
    seconds: float
    works: bool | None = None


def run(binary: str, prepared: Stage, mode: str, limit: float) -> Done:
    """`codex exec --skip-git-repo-check ARGS "say hi"`. works: True if it answered with words, False if it failed or showed nothing or
    was hopeless, None if it was still waiting in silence at the limit."""
    command = [binary, "exec", "--skip-git-repo-check", *prepared.args]
    if mode == "bounded":
        command += _overrides(prepared)
    hopeless = Hopeless()
    done = bounded([*command, "say hi"], prepared.env, prepared.cwd, limit, stop=hopeless if mode != "full" else None)
    works = _works(done, prepared.args)
    return Done(
        done.exit_code, done.stdout, done.stderr, done.seconds, False if works is None and hopeless.proven else works
    )


def last_words(stderr: str) -> str:
    """Codex's messages, one a ` | `, as a user would quote them: errors and warnings, without the frame of the session."""
    lines = [
        line.strip() for line in _without_colours(stderr).splitlines() if not any(noise in line for noise in _NOISE)
    ]
    start = next((i for i, line in enumerate(lines) if line.startswith(("Error", "ERROR", "error"))), None)
    wanted = [
        line for line in lines if line.startswith(("ERROR:", "warning:", "Error", "user (", "system (", "project ("))
    ]
    if start is not None and not any(line.startswith("ERROR:") for line in lines):
        wanted = [line for line in lines[start:] if line]
    return " | ".join(dict.fromkeys(wanted))[:2000]


def bounded(
    command: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    limit: float,
    *,
    stop: Callable[[str], object] | None = None,
) -> Done:
    """Run a program in its own session with no input; ended, with all its children, at the limit or when `stop(a line)` says so."""
    began = time.monotonic()
    process = subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(env),
        cwd=cwd,
        start_new_session=True,
    )
    enough = threading.Event()
    texts: dict[str, list[str]] = {"stdout": [], "stderr": []}

    def read(name: str) -> None:
        for line in getattr(process, name):
            text = line.decode("utf-8", "replace")
            texts[name].append(text)
            if stop is not None and stop(text):
                enough.set()
        if name == "stderr":
            enough.set()

    readers = [threading.Thread(target=read, args=(name,), daemon=True) for name in texts]
    for reader in readers:
        reader.start()
    enough.wait(limit)
    code = _end(process, grace=0.5 if stop is not None or enough.is_set() else 0.0)
    for reader in readers:
        reader.join(2.0)
    return Done(code, "".join(texts["stdout"]), "".join(texts["stderr"]), round(time.monotonic() - began, 3))


def _end(process: subprocess.Popen[bytes], grace: float) -> int | None:
    """The exit code if the program ended by itself; otherwise its whole session is killed."""
    code: int | None = None
    with contextlib.suppress(subprocess.TimeoutExpired):
        code = process.wait(grace)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return code


def _works(done: Done, args: Sequence[str]) -> bool | None:
    if done.exit_code == 0:
        return bool(done.stdout.strip()) if "--json" not in args else '"agent_message"' in done.stdout
    return False if done.exit_code is not None else None


def _overrides(prepared: Stage) -> list[str]:
    provider = _provider(prepared)
    if provider is None:
        return []
    name, table = provider
    overrides = ["-c", "features.unbounded_connection_retries=false"]
    for key in ("request_max_retries", "stream_max_retries"):
        if key not in table:  # what the user wrote may be the very fault
            overrides += ["-c", f"model_providers.{name}.{key}=0"]
    return overrides


def _provider(prepared: Stage) -> tuple[str, dict[str, object]] | None:
    """The provider that the user's file selects and its table, if it is plain to see and defined there."""
    home = Path(prepared.env.get("CODEX_HOME") or prepared.folder / "home" / ".codex")
    try:
        config = tomllib.loads((home / "config.toml").read_text("utf-8-sig"))
        name, tables = config["model_provider"], config["model_providers"]
    except (OSError, ValueError, KeyError):
        return None
    special = any(
        "model_provider" in one or one in ("-p", "--profile", "--ignore-user-config", "--oss") for one in prepared.args
    )
    plain = isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_-]+", name) and isinstance(tables, dict)
    return (name, tables[name]) if plain and isinstance(tables.get(name), dict) and not special else None


def _without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
