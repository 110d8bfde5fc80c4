"""Side by side with the real Codex: the first fault that it prints is the first that `look` names."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.codex.conftest import SEED, Scene
from tests.support.hang import HANG_S
from tests.support.real_codex import codex

LOCAL = SEED.replace("https://api-dev.joytokens.ai", "http://127.0.0.1:9")
CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "chat beats a legacy profile": ('profile = "x"\n' + LOCAL + 'wire_api = "chat"\n', ()),
    "-p with a table beats chat": (LOCAL + 'wire_api = "chat"\n[profiles.x]\nmodel = "a"\n', ("-p", "x")),
    "type before the provider table": (LOCAL.replace('name = "joytoken"', "") + '[history]\nmax_bytes = "x"\n', ()),
    "a default's place": ("review_model = 5\nhide_agent_reasoning = 5\n" + LOCAL, ()),
    "reserved before nameless": (LOCAL.replace('name = "joytoken"', "") + '[model_providers.ollama]\nname = "x"\n', ()),
    "-c mends chat": (LOCAL + 'wire_api = "chat"\n', ("-c", "model_providers.joytoken.wire_api=responses")),
    "strict": ("foo = 1\n" + LOCAL, ("--strict-config",)),
    "strict finds a type first": ("foo = 1\nreview_model = 5\n" + LOCAL, ("--strict-config",)),
    "smart quotes": (LOCAL + "a = “x”\n", ()),
    "undefined": (LOCAL.replace('= "joytoken"\nmodel ', '= "JoyToken"\nmodel '), ()),
    "auth and env_key": (LOCAL + 'auth = {command = "x"}\n', ()),
    "trust": (LOCAL + '[projects."/x"]\ntrust_level = "yes"\n', ()),
    "catalog": ('model_catalog_json = "/nonexistent.json"\n' + LOCAL, ()),
    "feature": (LOCAL, ("--enable", "no_such_feature")),
}


@pytest.mark.codex
@pytest.mark.parametrize("name", CASES)
def test_the_first_fault_is_codexs(scene: Scene, name: str) -> None:
    config, args = CASES[name]
    world = scene.look("exec", *args, config=config, key=None)
    env = {"PATH": os.environ["PATH"], "HOME": str(scene.root / "home"), "CODEX_HOME": str(scene.root / "ch")}
    done = subprocess.run(
        [codex(), "exec", "--skip-git-repo-check", *args, "say hi"], env=env, cwd=scene.root / "work",
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S, check=False,
    )  # fmt: skip
    said = re.sub(r"[\s|^]+", "", done.stderr)
    first = world.problems[0].message or ""
    assert re.sub(r"[\s|^]+", "", first.split("\n  |")[0].split("\n   |")[0]) in said, done.stderr[-600:]
