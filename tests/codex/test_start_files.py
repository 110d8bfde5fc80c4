"""What joytui reads in a shell's start files is what the shell itself makes of them, or it says that reading does not tell."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from joytui.codex.start_files import after_start_files, flavour_of
from tests.codex.start_scripts import SCRIPTS, lay_home
from tests.support.hang import HANG_S
from tests.support.needs import needs

SHELLS = ("bash", "zsh", "sh", "fish")
UNTOLD = "(reading does not tell)"


def read(shell: str, home: Path, *, login: bool = False, interactive: bool = False, **env: str) -> str | None:
    """K as reading finds it, None if it is not exported."""
    state = after_start_files(
        shell,
        {"HOME": str(home), "PATH": "/usr/bin:/bin", **env},
        login=login,
        interactive=interactive,
        etc=home / "etc",
    )
    computed = "K" in state.exported and state.variables.get("K", "") is None
    if "K" in state.open or computed or (state.beyond and "K" not in state.environment):
        return UNTOLD
    return state.environment.get("K")


def lay(shell: str, folder: Path, script: str) -> tuple[Path, dict[str, str]]:
    """A home in which this script is what a shell that starts for a command reads, and what makes it read it."""
    lay_home(folder)
    name, env = {
        "bash": ("rc", {"BASH_ENV": str(folder / "rc")}),
        "zsh": (".zshenv", {}),
        "sh": (".profile", {}),
        "fish": (".config/fish/config.fish", {}),
    }[shell]
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(script)
    return folder, env


@pytest.mark.parametrize("shell", [pytest.param(one, marks=needs(one) if one != "sh" else ()) for one in SHELLS])
def test_reading_says_what_the_shell_does(shell: str, tmp_path: Path) -> None:
    told, wrong = 0, []
    for number, script in enumerate(script for shells, script in SCRIPTS if shell in shells):
        home, env = lay(shell, tmp_path / str(number), script)
        login = shell == "sh"  # which reads no file otherwise
        done = subprocess.run(
            [str(shutil.which(shell)), "-lc" if login else "-c", "env"], env={"HOME": str(home), "PATH": "/usr/bin:/bin", **env},
            capture_output=True, text=True, timeout=HANG_S, cwd=home,
        )  # fmt: skip
        real = next((line[2:] for line in done.stdout.splitlines() if line.startswith("K=")), None)
        found = read(shell, home, login=login, **env)
        told += found != UNTOLD
        if found not in (real, UNTOLD):
            wrong.append(f"{script!r}: {shell} {real!r}, reading {found!r}")
    assert not wrong, "\n".join(wrong)
    assert told > 8


def test_which_files_a_start_reads(tmp_path: Path) -> None:
    lay_home(tmp_path)
    for name in (".bashrc", ".profile", ".zshenv", ".zprofile", ".zshrc", ".zlogin"):
        (tmp_path / name).write_text(f"export K={name}\n")
    (tmp_path / ".config/fish").mkdir(parents=True)
    (tmp_path / ".config/fish/config.fish").write_text("set -gx K config.fish\n")
    (tmp_path / "zdot").mkdir()
    (tmp_path / "zdot/.zshrc").write_text("export K=zdot\n")
    kinds = ((False, False), (False, True), (True, False), (True, True))  # login, interactive
    assert [read("bash", tmp_path, login=a, interactive=b) for a, b in kinds] == [
        None,
        ".bashrc",
        ".profile",
        ".profile",
    ]
    assert [read("zsh", tmp_path, login=a, interactive=b) for a, b in kinds] == [
        ".zshenv",
        ".zshrc",
        ".zlogin",
        ".zlogin",
    ]
    assert [read("sh", tmp_path, login=a, interactive=b) for a, b in kinds] == [None, None, ".profile", ".profile"]
    assert read("fish", tmp_path) == "config.fish"
    assert read("zsh", tmp_path, interactive=True, ZDOTDIR=str(tmp_path / "zdot")) == "zdot"
    (tmp_path / ".bash_profile").write_text(". ~/.bashrc\n")
    assert read("bash", tmp_path, login=True) == ".bashrc"


def test_fishs_universal_variables(tmp_path: Path) -> None:
    (tmp_path / ".config/fish").mkdir(parents=True)
    (tmp_path / ".config/fish/fish_variables").write_text("# fish\nSETUVAR --export K:jt\\x2duniversal\nSETUVAR L:x\n")
    assert read("fish", tmp_path) == "jt-universal"
    assert read("fish", tmp_path, K="jt_of_the_environment") == "jt_of_the_environment"


@pytest.mark.parametrize(
    "script",
    [
        "source ~/.bashrc\nexport K=jt",  # reads itself
        "f() { f; }\nf\nexport K=jt",
        "if true; then\n" * 3000,
        "export K=jt\n" + "x=$(" * 5000,
        "for a in 1 2 3 4 5 6 7 8 9; do " * 12 + "export K=$a" + "; done" * 12,
        "'" * 9,
        "case x in\n",
        "export K=jt\n}\n",
        "\0\0\xff",
        "#" * 2_000_000,
    ],
    ids=[
        "itself",
        "a call of itself",
        "nested",
        "substitutions",
        "loops",
        "quotes",
        "case",
        "a stray end",
        "bytes",
        "too large",
    ],
)
def test_whatever_stands_in_a_start_file_reading_ends(script: str, tmp_path: Path) -> None:
    (tmp_path / ".bashrc").write_text(script)
    for shell in ("bash", "zsh", "fish"):
        after_start_files(
            shell, {"HOME": str(tmp_path), "BASH_ENV": str(tmp_path / ".bashrc")}, login=False, interactive=True
        )


def test_a_pipe_in_place_of_a_start_file_is_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".bashrc")
    assert read("bash", tmp_path, interactive=True) is None


@pytest.mark.parametrize(
    ("shell", "flavour"),
    [
        ("/bin/bash", "bash"),
        ("-zsh", "zsh"),
        ("/bin/dash", "sh"),
        ("/usr/bin/fish", "fish"),
        ("/bin/tcsh", None),
        ("nu", None),
    ],
)
def test_the_shells_that_can_be_read(shell: str, flavour: str | None) -> None:
    assert flavour_of(shell) == flavour
