"""An older commit beside this tree, in one run: `--baseline COMMIT` of the benches that promise not to become slower.

The commit's files stand in the tests' cache folder, with their own venv: made once, with the libraries in the versions
that this interpreter has, so that nothing differs but the project. The benches let both work by turns and judge the pairs:
what the rest of the machine does meets both alike.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tarfile
import venv
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import platformdirs

ROOT = Path(__file__).resolve().parents[2]
AIM = 1.05


@dataclass(frozen=True, slots=True)
class Tree:
    """A state of the project: its folder, and the interpreter that runs it there."""

    name: str
    folder: Path
    python: str

    @property
    def joytui(self) -> str:
        """The installed console script."""
        return str(Path(self.python).with_name("joytui"))


HERE = Tree("joytui", ROOT, sys.executable)


def add_option(parser: argparse.ArgumentParser) -> None:
    """`--baseline COMMIT`."""
    parser.add_argument("--baseline", metavar="COMMIT", help=f"beside this commit: at most {AIM} times what it takes")


def trees(commit: str | None) -> tuple[Tree, ...]:
    """This tree, and where one is asked for the commit's. Ends the bench in words where that cannot be reached."""
    return (HERE,) if commit is None else (HERE, _older(commit))


def _older(commit: str) -> Tree:
    full = _done("git", "-C", str(ROOT), "rev-parse", "--verify", f"{commit}^{{commit}}").decode().strip()
    home = platformdirs.user_cache_path("joytui-tests") / "baseline" / full[:12]
    tree = Tree(full[:7], home / "tree", str(home / "venv" / "bin" / "python"))
    if not (home / "ready").exists():
        print(f"making {home}, once …", flush=True)
        _make(tree, full)
        (home / "ready").touch()
    return tree


def _make(tree: Tree, commit: str) -> None:
    home = tree.folder.parent
    shutil.rmtree(home, ignore_errors=True)
    with tarfile.open(fileobj=io.BytesIO(_done("git", "-C", str(ROOT), "archive", commit))) as files:
        files.extractall(tree.folder, filter="data")
    venv.create(home / "venv", with_pip=True)
    here = {one.metadata["Name"]: one.version for one in distributions()}
    same = "".join(f"{name}=={version}\n" for name, version in here.items() if name != "joytui")
    (home / "versions.txt").write_text(same, encoding="utf-8")
    versions = ("-c", str(home / "versions.txt"))
    _done(tree.python, "-m", "pip", "install", "-q", *versions, "-e", str(tree.folder))


def _done(*command: str) -> bytes:
    try:
        return subprocess.run(command, capture_output=True, check=True).stdout
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"--baseline: {' '.join(command)}: {error.stderr.decode().strip()}") from None
    except OSError as error:
        raise SystemExit(f"--baseline needs {command[0]}: {error.strerror}") from None
