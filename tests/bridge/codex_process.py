"""One bounded run of the real Codex against a gateway on loopback, in its own home, and what it wrote down."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.codex_run import bounded
from tests.support.hang import HANG_S


@dataclass(frozen=True, slots=True)
class CodexRun:
    """How it ended. `usage`: the sums of its rollout files; `exit_code` is None when the limit ended it."""

    exit_code: int | None
    stdout: str
    stderr: str
    home: Path
    work: Path

    def rollout_lines(self) -> list[dict[str, Any]]:
        files = sorted(self.home.glob("codex/sessions/**/rollout-*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines() if line.strip()]

    def usage(self) -> dict[str, int]:
        """Tokens by Codex's own count: each response once (`token_usage_record`, Codex 0.153 and newer)."""
        totals: dict[str, int] = {}
        seen: set[str] = set()
        for line in self.rollout_lines():
            record = line["payload"]
            if line["type"] != "token_usage_record" or record["response_id"] in seen:
                continue
            seen.add(record["response_id"])
            for name, value in record["usage"].items():
                if isinstance(value, int):
                    totals[name] = totals.get(name, 0) + value
        return totals


async def run_codex(command: str, base_url: str, key: str, folder: Path, args: Sequence[str]) -> CodexRun:
    """`codex exec … ARGS` with the guide's config for `base_url`. Everything it starts ends with it."""
    home, work = folder / "home", folder / "work"
    (home / "codex").mkdir(parents=True, exist_ok=True)
    work.mkdir(exist_ok=True)
    config = (
        'model_provider = "joytoken"\nmodel = "auto"\n[model_providers.joytoken]\nname = "joytoken"\n'
        f'base_url = "{base_url}"\nenv_key = "JOY_TOKEN_API_KEY"\n'
    )
    (home / "codex" / "config.toml").write_text(config)
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "CODEX_HOME": str(home / "codex"), "JOY_TOKEN_API_KEY": key}
    words = [command, "exec", "--skip-git-repo-check", "-s", "danger-full-access", *args]
    done = await asyncio.to_thread(bounded, words, env, work, HANG_S)
    return CodexRun(done.exit_code, done.stdout, done.stderr, home, work)
