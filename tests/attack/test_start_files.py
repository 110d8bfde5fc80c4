"""A start file that somebody else wrote: the doctor reads it, comes to its end in bounded work and memory, and goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hang import HANG_S

READER = """
import sys, resource
from pathlib import Path
from joytui.codex.start_files import after_start_files
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
env = {"HOME": sys.argv[1], "PATH": "/usr/bin"}
state = after_start_files(sys.argv[2], env, login=False, interactive=True, etc=Path("/nonexistent"))
print(sorted(state.environment), len(state.files), len(state.beyond), max(map(len, state.environment.values())))
"""
DOUBLED = "A=xxxxxxxxxxxxxxxx\n" + "A=$A$A\n" * 60 + "export A\n"
BASH = {
    "a quote within a default": "export A=${X:-'}'}\n",
    "a quote for a file": "export A=$(cat ')')\n",
    "a value that doubles": DOUBLED,
    "a value that doubles in a loop": "A=x\nfor i in " + "1 " * 90 + "; do A+=$A; done\nexport A\n",
    "a name that is too long": f"source {'a' * 300}\n",
    "a zero byte in a name": "N=$'\\x00'\nexport A=$(cat \"$N\")\nsource $N\n",
    "reads itself, large": "source ~/.bashrc\n" + "export ABC=def\n" * 60_000,
    "reads itself, often": "source ~/.bashrc\n" * 60_000,
    "every file of the disk": "for f in /*/*/*/*/*/*/*none; do export A=1; done\n",
    "arithmetic without an end": "(( " * 300_000,
    "here-documents": "<<A " * 250_000 + "\n",
    "a test of many words": f"[ {'! ' * 50_000} a ]\n",
    "a pattern of many stars": f"X={'a' * 1000}\ncase $X in {'*a' * 200_000}b) A=1;; esac\n",
}
FISH = {
    "a value that doubles": "set A xxxxxxxxxxxxxxxx\n" + "set A $A$A\n" * 60 + "set -x A $A\n",
    "reads itself, often": "source ~/.config/fish/config.fish\n" * 25_000,
}


def follow(home: Path, flavour: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", READER, str(home), flavour], capture_output=True, text=True, timeout=HANG_S, check=False
    )
    assert ran.returncode == 0, ran.stderr[-300:]
    return ran.stdout


@pytest.mark.parametrize("name", BASH)
def test_a_start_file_of_bash_ends(tmp_path: Path, name: str) -> None:
    """Within a gigabyte and half a minute of CPU time, of which each takes a tenth."""
    text = BASH[name]
    (tmp_path / ".bashrc").write_text(text + ("" if "ABC" in text else "\nexport LAST=1\n"))
    assert "HOME" in follow(tmp_path, "bash")


@pytest.mark.parametrize("name", FISH)
def test_a_start_file_of_fish_ends(tmp_path: Path, name: str) -> None:
    (tmp_path / ".config/fish").mkdir(parents=True)
    (tmp_path / ".config/fish/config.fish").write_text(FISH[name])
    assert "HOME" in follow(tmp_path, "fish")


def test_pipes_devices_folders_and_bytes_are_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "bytes").write_bytes(bytes(range(256)) * 100)
    (tmp_path / ".bashrc").write_text("source ~/pipe\nsource /dev/zero\nsource ~\nsource ~/bytes\nexport LAST=1\n")
    assert "LAST" in follow(tmp_path, "bash")


def test_a_folder_for_zsh_that_no_file_system_has(tmp_path: Path) -> None:
    (tmp_path / ".zshenv").write_text("ZDOTDIR=$'\\x00'\nexport LAST=1\n")
    assert "LAST" in follow(tmp_path, "zsh")
