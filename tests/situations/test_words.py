"""Local faults, two by two, in Codex's own words: what the look says first is what the real Codex prints.

Configurations, arguments and profile files are drawn from pieces that are each wrong in one way; a fixed seed, so that every run
compares the same ones. The key is unset, so nothing is sent.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from joytui.codex.look import look
from joytui.codex.world import Invocation
from tests.support.hang import HANG_S
from tests.support.real_codex import CURRENT, codex

DRAWN = 160
HEAD = 'model_provider = "j"\n{model}{top}'
PROVIDER = '[model_providers.j]\nname = "j"\nbase_url = "http://127.0.0.1:9/v1"\nenv_key = "NOT_SET_ANYWHERE"\n'
TOPS = (
    "", 'approval_policy = "x"\n', "sandbox_mode = 5\n", 'model_reasoning_effort = ""\n', 'model_catalog_json = "/missing"\n',
    'default_permissions = "nope"\n', 'profile = "w"\n', 'notify = "x"\n', "unknown = 1\n", "project_doc_max_bytes = -1\n",
)  # fmt: skip
TAILS = (
    "", "[mcp_servers.x]\n", '[mcp_servers.x]\ncommand = "a"\nurl = "b"\n', '[features]\nx = "y"\n', "[tools]\nweb_search = 5\n",
    "[profiles.w]\nmodel = 5\n", '[profiles.w]\nmodel = "x"\n', '[model_providers.openai]\nname = "x"\n', '[model_providers.k]\nname = ""\n',
    '[model_providers.k]\nname = "k"\nwire_api = "chat"\n', "[agents]\nmax_threads = 0\n", "[permissions.p]\n", "x = [\n", "zz = 1\n",
    '[history]\npersistence = "x"\n', '[shell_environment_policy]\ninherit = "x"\n', '[otel]\nexporter = "otlp-http"\n',
)  # fmt: skip
FLAGS: tuple[tuple[str, ...], ...] = (
    (), ("-p", "w"), ("-p", "missing"), ("-p", "a.b"), ("-m", ""), ("-c", "model=5"), ("-c", 'model_provider="zz"'),
    ("-c", 'model_providers.j.wire_api="chat"'), ("-c", "x"), ("--strict-config",), ("--enable", "zz"), ("--oss",), ("-C", "/missing"),
    ("--output-schema", "/missing"), ("-o", "/missing/y"), ("-s", "bad"), ("--full-auto",), ("-c", "mcp_servers.x={}"),
    ("-c", 'projects."/x".trust_level="bad"'), ("-c", "tools.web_search=5"),
)  # fmt: skip
PROFILES = (None, "model = 5\n", "model = \n", 'zz = 1\nmodel_provider = "q"\n', '[model_providers.j]\nname = ""\n')


def draw(number: int) -> tuple[str, tuple[str, ...], str | None]:
    """config.toml, arguments, and w.config.toml."""
    chance = random.Random(number)
    top, tail, profile = chance.choice(TOPS), chance.choice(TAILS), chance.choice(PROFILES)
    model = chance.choice(('model = "auto"\n',) * 4 + ('model = ""\n',))
    one, other = chance.sample(FLAGS, 2)
    args = (*one, *other) if one[:1] != other[:1] or one[:1] == ("-c",) else one
    return HEAD.format(model=model, top=top) + PROVIDER + tail, args, profile


def plain(text: str, folder: Path) -> str:
    """The message without colours, folders, and the lines that show the file."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).replace(str(folder), "{D}").splitlines()
    kept = [line.strip() for line in lines if line.strip() and not re.match(r"\d* *\|", line.strip())]
    start = next(
        (at for at, line in enumerate(kept) if re.match("error|failed to read output|output schema", line, re.I)),
        len(kept),
    )
    words = " | ".join(kept[start:])
    words = re.sub(r" \| (?:tip|Usage|For more).*", "", words)
    return words.split(" | ")[0] if words.startswith("ERROR: Missing") else words


def compared(number: int, base: Path, binary: str) -> str:
    """ "" where both say the same, else both texts."""
    config, args, profile = draw(number)
    folder = base / str(number)
    for name in ("ch", "work", "home"):
        (folder / name).mkdir(parents=True)
    (folder / "ch" / "config.toml").write_text(config)
    if profile is not None:
        (folder / "ch" / "w.config.toml").write_text(profile)
    env = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder / "home"), "CODEX_HOME": str(folder / "ch")}
    command = [binary, "exec", "--skip-git-repo-check", *args, "say hi"]
    done = subprocess.run(
        command,
        cwd=folder / "work",
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    world = look(Invocation(("exec", *args, "say hi"), env, folder / "work", CURRENT))
    first = next((issue for issue in world.problems if issue.effect == "refuses"), None)
    real, ours = plain(done.stderr, folder), plain((first.message or "") if first else "", folder)
    return "" if real == ours else f"{config}\n{args} {profile!r}\n  Codex: {real}\n  ours:  {ours}"


@pytest.mark.codex
def test_what_the_look_says_first_is_what_codex_prints(tmp_path: Path):
    binary = codex(CURRENT)
    with ThreadPoolExecutor(4) as pool:
        different = [text for text in pool.map(lambda number: compared(number, tmp_path, binary), range(DRAWN)) if text]
    assert not different, f"{len(different)} of {DRAWN}\n" + "\n".join(different)
