"""One installed Codex that is asked, offline and without a key: with its own home, and no terminal."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

ANSWER_S = 30.0


@dataclass(frozen=True)
class Answer:
    """What a run said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Binary:
    """`command`: the path of `codex`; `folder`: where its home and its working folder are made."""

    command: str
    folder: Path

    def ask(self, *args: str, config: str = "", limit: float = ANSWER_S) -> Answer:
        """One run. `config` is the whole config.toml."""
        home, work = self.folder / "codex-home", self.folder / "work"
        home.mkdir(exist_ok=True)
        work.mkdir(exist_ok=True)
        (home / "config.toml").write_text(config, encoding="utf-8")
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "CODEX_HOME": str(home),
            "NO_COLOR": "1",
            "COLUMNS": "200",
        }
        done = subprocess.run(
            [self.command, *args], cwd=work, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit, check=False
        )  # fmt: skip
        return Answer(done.returncode, done.stdout, done.stderr)
