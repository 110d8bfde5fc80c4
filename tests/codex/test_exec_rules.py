"""rules/*.rules: what the real Codex 0.169.0 loads is loaded, and what it refuses is named with its line."""

from __future__ import annotations

import os
import subprocess

import pytest

from joytui.codex.exec_rules import rules_fault
from tests.codex.conftest import SEED, Scene
from tests.support.hang import HANG_S
from tests.support.real_codex import codex

OK = 'prefix_rule(pattern=["git", "status"], decision="allow")\n'
LOADED = {
    "a rule": OK,
    "nothing": "",
    "a comment": "# none yet\n",
    "all of its arguments": 'prefix_rule(pattern=["git", ["add", "rm"]], decision="prompt", justification="asks", match=["git add"])\n',
    "other rules": 'network_rule(host="x.com", protocol="https", decision="allow")\nhost_executable(name="git", paths=["/usr/bin/git"])\n',
    "a name of its own": 'git = ["git"]\ndef rule(word):\n    prefix_rule(pattern=git + [word], decision="allow")\nrule("status")\n',
    "on one line": "x = 1; y = 2 if x else 3\n",
}
REFUSED = {
    "an open bracket": ('prefix_rule(pattern=["git"\n', "Parse error"),
    "curly quotes": ("prefix_rule(pattern=[“git”])\n", "Parse error"),
    "a byte order mark": ("\ufeff" + OK, "Parse error: invalid input `\ufeff`"),
    "a tab": ("def f():\n\treturn 1\n", "Parse error: tabs are not allowed"),
    "a class": (OK + "class A: pass\n", "cannot use reserved keyword `class`"),
    "an import": (OK + "import os\n", "cannot use reserved keyword `import`"),
    "a loop": ("while True:\n    pass\n", "cannot use reserved keyword `while`"),
    "a file to load": ('load("x", "y")\n', "No imports are available"),
    "a misspelt rule": (OK.replace("prefix_rule", "prefix_rules"), "Variable `prefix_rules` not found"),
    "a decision": (OK.replace("allow", "maybe"), "invalid decision: maybe"),
    "no pattern": ('prefix_rule(decision="allow")\n', "Missing parameter `pattern` for call to `prefix_rule`"),
    "a pattern of text": ('prefix_rule(pattern="git")\n', "Type of parameter `pattern` doesn't match"),
    "an empty pattern": ("prefix_rule(pattern=[])\n", "pattern cannot be empty"),
    "an argument": (OK.replace(")", ", why=1)"), "Found `why` extra named parameter(s) for call to prefix_rule"),
}


@pytest.mark.parametrize("name", LOADED)
def test_what_loads(name: str) -> None:
    assert rules_fault(LOADED[name]) is None


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    text, reason = REFUSED[name]
    fault = rules_fault(text)
    assert fault is not None
    assert reason in fault[1]
    assert fault[0] == (2 if name in ("a tab", "a class", "an import") else 1)


TRUST = SEED + '[projects."{}"]\ntrust_level = "{}"\n'


@pytest.mark.parametrize(
    ("file", "config", "args", "first"),
    [
        ("ch/rules/z.rules", SEED, (), "rules-invalid"),
        ("ch/rules/z.rules", SEED, ("exec", "--ignore-rules"), None),
        ("ch/rules/z.txt", SEED, (), None),
        ("ch/rules/below/z.rules", SEED, (), None),
        ("ch/rules", SEED, (), "rules-invalid"),
        ("work/.codex/rules/z.rules", SEED, (), None),
        ("work/.codex/rules/z.rules", TRUST.format("{work}", "trusted"), (), "rules-invalid"),
        ("work/.codex/rules/z.rules", TRUST.format("{work}", "untrusted"), (), None),
        ("ch/rules/z.rules", SEED.replace('= "joytoken"\nmodel ', '= "nope"\nmodel '), (), "provider-undefined"),
        ("ch/rules/z.rules", SEED.replace('"auto"', '""'), (), "rules-invalid"),
    ],
)
def test_which_files_count_and_when(
    scene: Scene, file: str, config: str, args: tuple[str, ...], first: str | None
) -> None:
    scene.write(file, "(")
    world = scene.look(*args, config=config.replace("{work}", str(scene.root / "work")))
    assert (world.problems[0].cause if world.problems else None) == first
    if first == "rules-invalid":
        assert (world.problems[0].where or "").startswith(str(scene.root / file))


@pytest.mark.codex
@pytest.mark.parametrize("name", [*LOADED, *REFUSED])
def test_codex_says_so_too(scene: Scene, name: str) -> None:
    """The key is unset, which stops Codex behind its rules and before any request."""
    text, reason = REFUSED.get(name) or (LOADED[name], "")
    scene.write("ch/rules/default.rules", text)
    first = scene.look("exec", key=None).problems[0]
    env = {"PATH": os.environ["PATH"], "HOME": str(scene.root / "home"), "CODEX_HOME": str(scene.root / "ch")}
    done = subprocess.run(
        [codex(), "exec", "--skip-git-repo-check", "say hi"], env=env, cwd=scene.root / "work",
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S, check=False,
    )  # fmt: skip
    assert (first.cause == "rules-invalid") == ("Error loading rules:" in done.stderr) == (name in REFUSED), done.stderr
    assert reason in done.stderr
