"""The installed Codex is asked, within bounds; what it says beats joytui's own model, and what it does not say is said not to be asked."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from joytui.codex.agreement import cause_of
from joytui.codex.asking import _Made, ask_facts, program_of
from joytui.codex.look import look
from joytui.codex.world import CodexBinary, Invocation, World
from joytui.core.bounded_run import run_bounded
from joytui.core.records import Report
from joytui.doctor import examine
from tests.support.hang import HANG_S, alive, poll
from tests.support.needs import needs

CATALOG = {
    "models": [
        {"slug": "gpt-9-sol", "visibility": "list", "priority": 1, "use_responses_lite": True},
        {"slug": "gpt-8", "visibility": "hide", "priority": 0, "apply_patch_tool_type": "freeform"},
    ]
}
FAKE = """#!/bin/sh
echo "$@" >> "$0.asked"
case "$*" in
--version) echo "codex-cli 0.199.0" ;;
"debug models --bundled") echo '{catalog}' ;;
"features list") printf 'brand_new   stable   true\\nold.one   removed   false\\n' ;;
--help) printf 'Usage: codex\\n{flags}' ;;
"exec --help") printf 'Usage: codex exec\\n{flags}' ;;
*) mkdir -p "$CODEX_HOME/tmp/arg0-linux/codex-arg0$$"; cd "$CODEX_HOME/tmp/arg0-linux/codex-arg0$$"; : > .lock; ln -s "$0" apply_patch; {loader} ;;
esac
"""
LISTED = (
    "-c, --config <key=value>",
    "    --enable <FEATURE>",
    "-m, --model <MODEL>",
    "    --brand-new <WHAT>",
    "-h, --help",
)
FLAGS = "".join(f"  {line}\\n" for line in LISTED)
LOADS = "echo 'Error: Model provider `joytui-none` not found' >&2; exit 1"
GUIDE = """model_provider = "joytoken"
model = "gpt-9-sol"
brand_new_key = 1
[model_providers.joytoken]
name = "joytoken"
base_url = "http://127.0.0.1:9/openai/v1"
env_key = "JOY_TOKEN_API_KEY"
"""


def fake_codex(folder: Path, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "codex"
    path.write_text(script)
    path.chmod(0o755)
    return path


def installed(tmp_path: Path, loader: str = LOADS) -> Path:
    script = FAKE.replace("{catalog}", json.dumps(CATALOG)).replace("{flags}", FLAGS).replace("{loader}", loader)
    return fake_codex(tmp_path / "bin", script)


def invocation(tmp_path: Path, *args: str, config: str = GUIDE) -> Invocation:
    home = tmp_path / "ch"
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(config)
    env = {
        "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path), "CODEX_HOME": str(home),
        "JOYTUI_DATA_DIR": str(tmp_path / "data"), "JOY_TOKEN_API_KEY": "jt_live_planted0123456789",
    }  # fmt: skip
    return Invocation(("exec", *args, "a secret prompt"), env, tmp_path, ask=True)


def seen(tmp_path: Path, *args: str, config: str = GUIDE) -> World:
    return look(invocation(tmp_path, *args, config=config))


def questions(tmp_path: Path) -> str:
    file = tmp_path / "bin" / "codex.asked"
    return file.read_text() if file.exists() else ""


def test_what_a_newer_codex_knows_is_no_fault(tmp_path: Path) -> None:
    installed(tmp_path)
    world = seen(tmp_path, "--brand-new", "x", "--enable", "brand_new")
    assert world.problems == ()
    assert not [issue for issue in world.warnings if issue.cause == "unknown-keys"]
    assert world.command.prompt == "a secret prompt"
    assert world.plan is not None
    assert world.plan.shape == "lite"


def test_what_a_newer_codex_no_longer_lists_is_no_flag_of_it(tmp_path: Path) -> None:
    """But for those that no --help lists. Its loader is not asked with one that writes."""
    installed(tmp_path)
    assert [issue.details["flag"] for issue in seen(tmp_path, "--trust").problems] == ["--trust"]
    assert seen(tmp_path, "--yolo").problems == ()


def test_the_prompt_is_never_passed_on_and_the_folder_goes_again(tmp_path: Path) -> None:
    installed(tmp_path)
    seen(tmp_path, "-m", "gpt-8")
    asked = questions(tmp_path)
    assert "prompt" not in asked
    (loader,) = (line for line in asked.splitlines() if "joytui-none" in line)
    assert loader == 'exec --strict-config --skip-git-repo-check -m gpt-8 -c model_provider="joytui-none" x'
    assert not (tmp_path / "ch" / "tmp").exists()


def test_a_folder_of_codexs_own_stays(tmp_path: Path) -> None:
    installed(tmp_path)
    own = tmp_path / "ch" / "tmp" / "arg0-linux" / "codex-arg0own"
    own.mkdir(parents=True)
    seen(tmp_path)
    assert list(own.parent.iterdir()) == [own]


@needs("/proc")
def test_the_helpers_of_a_codex_that_runs_stay(tmp_path: Path) -> None:
    import fcntl

    home = tmp_path / "ch"
    made = _Made(home)
    (home / "tmp" / "arg0" / "codex-arg0x").mkdir(parents=True)
    with (home / "tmp" / "arg0" / "codex-arg0x" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert made.undone() == str(home / "tmp" / "arg0" / "codex-arg0x")
    assert made.undone() is None
    assert not (home / "tmp").exists()


def test_nothing_is_asked_of_the_loader_where_an_argument_holds_a_secret(tmp_path: Path) -> None:
    installed(tmp_path)
    world = seen(tmp_path, "-c", "model_providers.j.experimental_bearer_token=jt_live_planted0123456789")
    assert world.asked is not None
    assert (world.asked.loader.outcome, world.asked.loader.why) == ("not asked", "the arguments contain a secret")
    assert "planted" not in questions(tmp_path)
    assert "joytui-none" not in questions(tmp_path)


def test_the_binary_wins_and_the_report_says_so(tmp_path: Path) -> None:
    installed(
        tmp_path,
        "echo 'Error loading config.toml: invalid type: integer `1`, expected a string' >&2; echo 'in `brand_new_key`' >&2; exit 1",
    )
    report: Report = examine(invocation(tmp_path), send=False)
    assert (report.verdict.cause, report.verdict.works) == ("config-type", False)
    assert report.codex.asked is not None
    assert report.codex.asked["disagreements"]
    step = next(step for step in report.steps if step.id == "codex.version")
    assert step.status == "warn"
    assert "0.199.0 is newer than what joytui was checked with" in step.summary
    assert report.codex.checked is not None
    assert report.codex.checked["exact"] is False


def test_what_was_not_passed_on_is_still_a_fault(tmp_path: Path) -> None:
    installed(tmp_path)
    one = invocation(tmp_path)
    world = look(replace(one, args=("exec", "one", "two words too many")))
    assert [issue.cause for issue in world.problems] == ["codex-flag-unsupported"]


def test_a_fault_that_codex_does_not_see_is_none(tmp_path: Path) -> None:
    installed(tmp_path)
    world = seen(tmp_path, config=GUIDE.replace("brand_new_key = 1", 'model_verbosity = "brand-new"'))
    assert not [issue for issue in world.problems if issue.cause == "config-type"]
    assert world.asked is not None
    assert len(world.asked.disagreements) == 1


@pytest.mark.parametrize(
    "script",
    ["#!/bin/sh\necho codex-cli 0.199.0\n", "#!/bin/sh\nexit 1\n", "#!/bin/sh\necho 'no such thing' >&2; exit 3\n"],
)
def test_an_answer_of_another_form_counts_as_not_asked(tmp_path: Path, script: str) -> None:
    fake_codex(tmp_path / "bin", script)
    world = seen(tmp_path)
    assert world.asked is not None
    assert world.asked.facts.asked() == ()
    assert world.asked.loader.outcome == "not asked"


def test_a_file_that_others_may_write_is_not_run(tmp_path: Path) -> None:
    path = installed(tmp_path)
    binary = CodexBinary(str(path), "unknown", "0.199.0")
    assert program_of(binary) == path
    path.chmod(path.stat().st_mode | stat.S_IWOTH)
    assert program_of(binary) is None
    assert program_of(CodexBinary(str(tmp_path), "unknown", None)) is None


def test_what_runs_on_or_prints_on_is_ended_with_its_children(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"]}
    endless = run_bounded(["sh", "-c", "yes"], env=env, cwd=tmp_path, seconds=HANG_S, most_bytes=100_000)
    assert (endless.ended, endless.code, len(endless.out)) == ("size", None, 100_000)
    slow = run_bounded(["sh", "-c", "sleep 600"], env=env, cwd=tmp_path, seconds=0.2, most_bytes=100)
    assert slow.ended == "time"
    left = run_bounded(["sh", "-c", "sleep 600 & echo $!"], env=env, cwd=tmp_path, seconds=HANG_S, most_bytes=100)
    assert left.code == 0
    child = int(left.out)
    poll(lambda: not alive(child), lambda: f"the end of {child}")


def test_a_scripts_facts_are_not_kept(tmp_path: Path) -> None:
    program = installed(tmp_path)
    cache = tmp_path / "cache"
    ask_facts(program, os.environ, cache)
    assert not cache.exists()  # of a script nothing is kept: what it starts may change


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("error: unexpected argument '--x' found", "codex-flag-unsupported"),
        ("Error: Unknown feature flag: x", "codex-flag-unsupported"),
        ("Error loading config.toml:\n/h/config.toml:3:1: unclosed array", "config-syntax"),
        ("Error loading config.toml:\n/h/config.toml:3:1: unknown configuration field `x`", "unknown-keys"),
        ("Error loading config.toml: invalid type: integer `4`, expected a string\nin `model`", "config-type"),
        ("Error: model_providers contains reserved built-in provider IDs: `openai`.", "provider-id-reserved"),
        ("Error loading config.toml: model_providers.x: provider name must not be empty", "provider-invalid"),
        ("model_providers.gw: provider auth.command must not be empty", "provider-invalid"),
        ("model_providers.gw: gateway_oauth requires base_url", "provider-invalid"),
        ("model_providers.amazon-bedrock only supports changing `base_url`, `auth`", "provider-id-reserved"),
        ("/h/config.toml:9:12: unknown variant `Responses`, expected `responses` or `chat`", "wire-api-invalid"),
    ],
)
def test_the_cause_of_the_loaders_words(said: str, cause: str) -> None:
    assert cause_of(said) == cause


def test_without_ask_nothing_is_started(tmp_path: Path) -> None:
    installed(tmp_path)
    one = invocation(tmp_path)
    report = examine(Invocation(one.args, one.env, one.cwd), send=False)
    assert report.codex.asked is None
    assert questions(tmp_path).split() == ["--version"]


@pytest.mark.codex
def test_a_shim_of_a_future_version_over_the_real_codex(tmp_path: Path) -> None:
    """No false red, and neither the key's command nor an MCP server is started by the questions."""
    from tests.support.real_codex import codex

    shim = f'#!/bin/sh\n[ "$1" = --version ] && {{ echo codex-cli 0.199.0; exit 0; }}\nexec {codex("0.171.0")} "$@"\n'
    fake_codex(tmp_path / "bin", shim)
    touch = f'command = "touch"\nargs = ["{tmp_path}/started"]\n'
    config = GUIDE.replace(
        'env_key = "JOY_TOKEN_API_KEY"', f"[model_providers.joytoken.auth]\n{touch}[mcp_servers.x]\n{touch}"
    )
    config = config.replace("brand_new_key = 1\n", "")
    world = seen(
        tmp_path, "--enable", "catalog_apps_instructions", config=config + "[responses]\nprocess_mode = 'streaming'\n"
    )
    assert world.problems == ()
    assert world.asked is not None
    assert set(world.asked.facts.asked()) == {"models", "features", "flags"}
    assert (world.asked.loader.outcome, world.asked.loader.unknown) == ("loads", ())
    assert not (tmp_path / "started").exists()
    assert not (tmp_path / "ch" / "tmp").exists()
