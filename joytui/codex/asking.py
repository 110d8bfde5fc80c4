"""Asks the installed Codex what it knows: its models, features and flags, and what its own loader says of the configuration.

All of it is answered offline, without a key and without a request (observed, 0.94.0 to 0.171.0). Codex's own folder of helpers,
`$CODEX_HOME/tmp/arg0…`, is left by it, often with its links: what was not there before is removed again.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from joytui.codex.asked import Facts, Loader
from joytui.codex.world import CodexBinary
from joytui.core.bounded_run import Ran, run_bounded
from joytui.core.redaction import Redactor, may_name_secret
from joytui.core.whole_file import write_whole

ANSWER_S = 2.0
MOST_BYTES = 8 * 1024 * 1024
NOWHERE = "joytui-none"
"""A provider that is defined nowhere: Codex's loader has read everything when it misses it."""
_LATE = "it did not answer in time"

_QUESTIONS = (("debug", "models", "--bundled"), ("features", "list"), ("--help",), ("exec", "--help"))
_KEPT = ("PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "APPDATA", "LOCALAPPDATA", "CODEX_HOME", "LANG", "TMPDIR", "TEMP")
_NO_NETWORK = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
_FLAG = re.compile(r"^ {2,6}(?:(-\w), )?(--[\w-]+)(?: <([\w=]+)>(\.\.\.)?)?$")
_CHOICES = re.compile(r"\[possible values: ([^\]]+)\]")
_CHOICE = re.compile(r"^ +- ([\w-]+):")
_FEATURE = re.compile(r"^([\w.-]+)\s+\S.*?\s+(true|false)$")
_ERROR = re.compile(r"^(?:Error\b|error:)", re.M)
_UNKNOWN_FIELD = re.compile(r"unknown configuration field `([^`]+)`")


def program_of(binary: CodexBinary) -> Path | None:
    """The file to ask: the native program of an npm package, else what is on PATH. None for one that is not plainly the user's
    or root's: a file that others may write is not run."""
    real = Path(os.path.realpath(binary.path))
    for file in (*_native(real), real):
        try:
            found = file.stat()
        except OSError:
            continue
        ours = not hasattr(os, "geteuid") or found.st_uid in (0, os.geteuid())
        return file if stat.S_ISREG(found.st_mode) and ours and not found.st_mode & stat.S_IWOTH else None
    return None


def _native(real: Path) -> list[Path]:
    """The program beside the npm wrapper bin/codex.js."""
    if real.name != "codex.js":
        return []
    package = real.parent.parent
    name = "codex.exe" if sys.platform == "win32" else "codex"
    folders = (*package.parent.glob("codex-*"), *package.glob("node_modules/@openai/codex-*"), package)
    return sorted(file for folder in folders for file in folder.glob(f"vendor/*/bin/{name}"))


# --- what it knows


def ask_facts(program: Path, env: Mapping[str, str], cache: Path | None) -> Facts:
    """Models, features and flags. Kept in the cache folder by the program's path, inode, size and time; a script's answers are not kept,
    since what it starts may change."""
    mark = _mark(program)
    kept = cache / "codex-facts.json" if cache and mark else None
    if kept and (known := _kept(kept, mark)):
        return known
    # imported late: mostly the answers are kept, and nothing of this is needed
    import tempfile
    from concurrent.futures import ThreadPoolExecutor

    with tempfile.TemporaryDirectory(prefix="joytui-codex-", ignore_cleanup_errors=True) as home:
        clean = _clean(env) | {"HOME": home, "CODEX_HOME": home}
        with ThreadPoolExecutor(len(_QUESTIONS)) as pool:
            answers = list(pool.map(lambda words: _answer(program, words, clean, home), _QUESTIONS))
    models, first = _models(answers[0])
    features = _features(answers[1])
    facts = Facts(models, first, features, _flags(*map(_text, answers[2:])))
    if kept and all((models, features, facts.flags)):
        _keep(kept, mark, facts)
    return facts


def _clean(env: Mapping[str, str]) -> dict[str, str]:
    kept = {name: env[name] for name in _KEPT if name in env}
    return {**kept, **_NO_NETWORK, "NO_COLOR": "1", "COLUMNS": "200"}


def _answer(program: Path, args: Sequence[str], env: Mapping[str, str], folder: str | Path) -> Ran | None:
    try:
        return run_bounded([str(program), *args], env=env, cwd=folder, seconds=ANSWER_S, most_bytes=MOST_BYTES)
    except (OSError, ValueError):
        return None


def _text(ran: Ran | None) -> str:
    return ran.out.decode("utf-8", "replace") if ran and ran.code == 0 else ""


def _models(ran: Ran | None) -> tuple[dict[str, str] | None, str | None]:
    try:
        catalog = json.loads(_text(ran))["models"]
        shapes = {str(one["slug"]): _shape(one) for one in catalog}
        visible = [one for one in catalog if one.get("visibility") == "list"]
        first = min(visible, key=lambda one: int(one["priority"]))["slug"] if visible else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None, None
    return (shapes, first) if shapes else (None, None)


def _shape(model: Mapping[str, Any]) -> str:
    if model.get("use_responses_lite"):
        return "lite"
    return "freeform" if model.get("apply_patch_tool_type") == "freeform" else "classic"


def _features(ran: Ran | None) -> tuple[str, ...] | None:
    lines = [line for line in _text(ran).splitlines() if line.strip()]
    found = [_FEATURE.match(line.rstrip()) for line in lines]
    return tuple(one[1] for one in found if one) if lines and all(found) else None


def _flags(top: str, inner: str) -> dict[str, dict[str, Any]] | None:
    if "Usage: codex exec" not in inner or "Usage: codex" not in top:
        return None
    outer, within = _helped(top), _helped(inner)
    found = {**outer, **within}
    for name, flag in found.items():
        if (name in outer) != (name in within):
            flag["where"] = "tui" if name in outer else "exec"
    return found if "--config" in found and "--help" in found else None


def _helped(text: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    last: dict[str, Any] = {}
    for line in text.splitlines():
        if flag := _FLAG.match(line):
            short, name, value, many = flag.groups()
            last = found[name] = {"short": short, "value": value, "many": bool(many)}
        elif listed := _CHOICES.search(line):
            last["choices"] = listed[1].split(", ")
        elif choice := _CHOICE.match(line):
            last.setdefault("choices", []).append(choice[1])
    return found


def _mark(program: Path) -> list[Any] | None:
    """What tells one native program from another; None for a script."""
    try:
        with program.open("rb") as file:
            script = file.read(2) == b"#!"
        found = program.stat()
    except OSError:
        return None
    return None if script else [str(program), found.st_ino, found.st_size, found.st_mtime_ns]


def _kept(file: Path, mark: list[Any] | None) -> Facts | None:
    try:
        told = json.loads(file.read_text("utf-8"))
        if told["mark"] != mark:
            return None
        facts = told["facts"]
        return Facts(dict(facts["models"]), facts["default_model"], tuple(facts["features"]), dict(facts["flags"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(file: Path, mark: list[Any] | None, facts: Facts) -> None:
    """A cache that cannot be written costs time, nothing else."""
    with contextlib.suppress(OSError):
        write_whole(file, json.dumps({"mark": mark, "facts": asdict(facts)}).encode())


# --- what its loader says


def ask_loader(
    program: Path, args: Sequence[str], env: Mapping[str, str], cwd: Path, home: Path, *, strict: bool
) -> Loader:
    """The loader's verdict on these arguments (without a prompt) and this CODEX_HOME; with `strict`, the unknown keys too.

    Nothing is asked where an argument holds a secret. The key's variable is not passed on, `auth.command` and MCP servers are not
    started: Codex ends at the provider that is defined nowhere."""
    if holds_secret(args, env):
        return Loader("not asked", why="the arguments contain a secret")
    clean = _clean(env)
    made = _Made(home)
    words = (*args, "-c", f'model_provider="{NOWHERE}"', "x")

    def ask(*more: str) -> Loader:
        return _loader(_answer(program, ("exec", *more, *words), clean, cwd))

    told = ask("--strict-config") if strict else ask()
    if strict and told.outcome == "loads":
        told = Loader("loads", unknown=())  # mostly so; what fails strictly may still load, and is asked once more
    elif strict and told.why != _LATE:
        strictly, told = told, ask()
        told = _with_unknown(told, strictly) if told.outcome == "loads" else told
    left = made.undone()
    return Loader(told.outcome, told.fault, told.unknown, told.why, left)


def holds_secret(args: Sequence[str], env: Mapping[str, str]) -> bool:
    """Whether an argument has the shape of a secret, or is one of the environment's."""
    known = [value for name, value in env.items() if may_name_secret(name) and len(value) >= 6]
    redactor = Redactor(known)
    return any(redactor.text(arg) != arg for arg in args)


def _loader(ran: Ran | None) -> Loader:
    if ran is None or ran.ended != "itself":
        return Loader("not asked", why=_LATE if ran else "it cannot be run")
    said = ran.err.decode("utf-8", "replace")
    if ran.code and f"Model provider `{NOWHERE}` not found" in said:
        return Loader("loads")
    if ran.code and (found := _ERROR.search(said)):
        return Loader("fault", said[found.start() :].strip()[:4000])
    return Loader("not asked", why="its answer is not in the expected form")


def _with_unknown(loads: Loader, strict: Loader) -> Loader:
    named = _UNKNOWN_FIELD.findall(strict.fault or "")
    return Loader("loads", unknown=tuple(dict.fromkeys(named)) if named else None)


class _Made:
    """Codex's helpers in its home, `tmp/arg0*/codex-arg0*` (links and a lock): those that were not there before go again, where no Codex
    holds them, and then the folders around them, where they are new and empty."""

    def __init__(self, home: Path) -> None:
        self._tmp = home / "tmp"
        self._before = self._folders()

    def _folders(self) -> list[Path]:
        """The deepest first."""
        patterns = ("arg0*/codex-arg0*", "arg0*")
        with contextlib.suppress(OSError):
            return [*(one for some in patterns for one in sorted(self._tmp.glob(some))), *self._tmp.parent.glob("tmp")]
        return []

    def undone(self) -> str | None:
        """What could not be removed."""
        new = [folder for folder in self._folders() if folder not in self._before]
        for folder in new:
            with contextlib.suppress(OSError):
                if folder.parent.parent == self._tmp:
                    _empty(folder)
                folder.rmdir()
        return next((str(folder) for folder in new if folder.exists()), None)


def _empty(helpers: Path) -> None:
    """Removes the links and the lock of a Codex that has ended. OSError where one holds them."""
    lock = helpers / ".lock"
    if sys.platform != "win32" and lock.exists():
        import fcntl

        with lock.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    for file in helpers.iterdir():
        if file.is_symlink() or file == lock:
            file.unlink()
