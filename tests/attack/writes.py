"""`python -m tests.attack.writes FOLDER kill|replace|edit|together`: something happens at each step of a fix and of its undo.

A step is whatever the command does with its own file (Python's audit events: open, rename, link, remove, …), so that
none is chosen by luck. One process that has everything loaded forks for each: a fix takes a twentieth of a second then.
Prints one line of JSON for each step at which a promise did not hold, and at the end how many steps there were.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from joytui.cli.main import main

OLD = (
    b'model_provider = "joytoken"\nmodel = "auto"\n[model_providers.joytoken]\nname = "joytoken"\n'
    b'base_url = "http://127.0.0.1:9/openai/v1"\nenv_key = "JOY_TOKEN_API_KEY"\nwire_api = "chat"\n'
)
NEW = OLD.replace(b'"chat"', b'"responses"')
EDIT = b"# a line of another program\n"
FIX = ("doctor", "--fix", "--yes", "--no-send", "--codex-version", "0.169.0")
UNDO = ("doctor", "--undo")
TOGETHER = 12

Act = Callable[[], None]


def home_of(folder: Path) -> Path:
    return folder / "codex"


def config_of(folder: Path) -> Path:
    return home_of(folder) / "config.toml"


def lay(folder: Path, *, data: Path | None = None) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    home_of(folder).mkdir(parents=True)
    config_of(folder).write_bytes(OLD)
    os.environ |= {
        "HOME": str(folder), "CODEX_HOME": str(home_of(folder)), "JOYTUI_DATA_DIR": str(data or folder / "data"),
        "JOYTUI_CONFIG_FILE": str(folder / "joytui.toml"), "JOY_TOKEN_API_KEY": "jt_live_0123456789abcdef", "PATH": "/nowhere",
    }  # fmt: skip


def start(folder: Path, words: tuple[str, ...], step: int = -1, act: Act | None = None) -> int:
    """A process of the command, in which `act` happens just before its n-th step. Its pid."""
    pid = os.fork()
    if pid:
        return pid
    steps = itertools.count()
    acting = False

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal acting
        if acting or act is None or not _touches(folder, event, args):
            return
        if next(steps) == step:
            acting = True
            act()

    out = os.open(folder / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    if act is not None:
        sys.addaudithook(hook)
    code = 70
    try:
        code = main(list(words))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        if act is not None and not acting:
            code = 71  # it has not so many steps
        os._exit(code)


def _touches(folder: Path, event: str, args: tuple[Any, ...]) -> bool:
    if event != "open" and not event.startswith("os."):
        return False
    return any(isinstance(arg, (str, Path)) and str(arg).startswith(str(folder)) for arg in args[:2])


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def run(folder: Path, words: tuple[str, ...], step: int = -1, act: Act | None = None) -> int:
    return ended(start(folder, words, step, act))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def beside(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home_of(folder).iterdir()}


def kill(folder: Path) -> Iterator[dict[str, Any]]:
    """Killed at each step of a fix, and of an undo: the file is whole, undo gives the old bytes, and nothing is left over."""
    for what, words in (("fix", FIX), ("undo", UNDO)):
        for step in itertools.count():
            lay(folder)
            if what == "undo":
                run(folder, FIX)
            if (code := run(folder, words, step, die)) == 71:
                yield {"steps": step, "of": what}
                break
            after = beside(folder)
            whole = code == -signal.SIGKILL and after["config.toml"] in (OLD, NEW)
            undone = run(folder, UNDO)
            said = (folder / "said").read_text()
            left = beside(folder)
            if not whole or left != {"config.toml": OLD} or undone != (0 if after["config.toml"] == NEW else 1):
                yield {"of": what, "step": step, "whole": whole, "undo": undone, "said": said, "left": sorted(left)}
            elif strays := [path.name for path in (folder / "data").glob(".*")]:
                yield {"of": what, "step": step, "strays": strays}


def in_place(folder: Path) -> None:
    with open(config_of(folder), "ab") as file:
        file.write(EDIT)


def anew(folder: Path) -> None:
    place = folder / "theirs"
    place.write_bytes(config_of(folder).read_bytes() + EDIT)
    os.replace(place, config_of(folder))


def replace(folder: Path) -> Iterator[dict[str, Any]]:
    """Another program replaces the file at each step of a fix."""
    return _edited(folder, FIX, anew)


def edit(folder: Path) -> Iterator[dict[str, Any]]:
    """The same in place, and while a change is put back."""
    yield from _edited(folder, FIX, in_place)
    yield from _edited(folder, UNDO, in_place)
    yield from _edited(folder, UNDO, anew)


def _edited(folder: Path, words: tuple[str, ...], act: Callable[[Path], None]) -> Iterator[dict[str, Any]]:
    """The line of another program is in the file, or in a file beside it, whatever becomes of the command."""
    name = f"{words[1]} {act.__name__}"
    for step in itertools.count():
        lay(folder)
        if words is UNDO:
            run(folder, FIX)
        if (code := run(folder, words, step, lambda: act(folder))) == 71:
            yield {"steps": step, "of": name}
            return
        left = beside(folder)
        seen = [text for place, text in left.items() if not place.startswith(".")]
        if not any(EDIT in text for text in seen) or len(seen) != len(left):
            yield {"of": name, "step": step, "code": code, "said": (folder / "said").read_text(), "left": sorted(left)}


def together(folder: Path) -> Iterator[dict[str, Any]]:
    """Fixes in several CODEX_HOMEs at once, with one data folder: each can be undone."""
    shutil.rmtree(folder, ignore_errors=True)
    data = folder / "data"
    places = [folder / f"home-{number}" for number in range(TOGETHER)]
    pids = []
    for place in places:
        lay(place, data=data)
        pids.append(start(place, FIX))
    codes = [ended(pid) for pid in pids]
    for place, code in zip(places, codes, strict=True):
        os.environ |= {"HOME": str(place), "CODEX_HOME": str(home_of(place))}
        fixed = config_of(place).read_bytes() == NEW
        undone = run(place, UNDO)
        if not fixed or undone or config_of(place).read_bytes() != OLD:
            yield {"home": place.name, "fix": code, "undo": undone, "said": (place / "said").read_text()}
    yield {"steps": len(places), "of": "together"}


if __name__ == "__main__":
    place = Path(sys.argv[1]) / "machine"
    lay(place)
    main([*FIX])  # once here, so that all is loaded
    for found in {"kill": kill, "replace": replace, "edit": edit, "together": together}[sys.argv[2]](place):
        sys.__stdout__.write(json.dumps(found) + "\n") if sys.__stdout__ else None
        sys.stdout.flush()
