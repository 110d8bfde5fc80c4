"""A small stage for Codex's files: home, CODEX_HOME, a working folder, a system folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from joytui.codex.look import look
from joytui.codex.world import Invocation, World

KEY = "jt_live_0123456789abcdef"
SEED = """\
model_provider = "joytoken"
model = "auto"

[model_providers.joytoken]
name = "joytoken"
base_url = "https://api-dev.joytokens.ai/openai/v1"
env_key = "JOY_TOKEN_API_KEY"
"""


@dataclass(frozen=True)
class Scene:
    """`look` in the folders of one test."""

    root: Path

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def look(
        self,
        *args: str,
        config: str | bytes | None = SEED,
        env: Mapping[str, str] | None = None,
        key: str | None = KEY,
        version: str = "0.169.0",
    ) -> World:
        if config is not None:
            self.write("ch/config.toml", config)
        variables = {"HOME": str(self.root / "home"), "CODEX_HOME": str(self.root / "ch"), "PATH": "/nonexistent"}
        if key is not None:
            variables["JOY_TOKEN_API_KEY"] = key
        variables.update(env or {})
        return look(Invocation(args, variables, self.root / "work", version, self.root / "etc"))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    for name in ("home", "ch", "work", "etc"):
        (tmp_path / name).mkdir()
    return Scene(tmp_path)


def causes(world: World) -> list[str]:
    """The causes of the problems, in Codex's order."""
    return [issue.cause for issue in world.problems]
