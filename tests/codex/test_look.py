"""What `look` says about a whole invocation. The facts are those of the real Codex 0.169.0, 0.140.0 and 0.94.0."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from joytui.cli.codex_command import as_data
from joytui.codex.keybindings import keybinding_fault
from joytui.codex.look import look
from joytui.codex.world import Invocation
from tests.codex.conftest import KEY, SEED, Scene, causes
from tests.support.examples import examples
from tests.support.hang import ended
from tests.support.steps import grows_linearly


def test_the_guides_setup(scene: Scene) -> None:
    world = scene.look()
    assert world.problems == ()
    assert world.suspicions == ()
    assert world.plan is not None
    assert world.plan.url == "https://api-dev.joytokens.ai/openai/v1/responses"
    assert dict(world.plan.headers)["authorization"] == b"Bearer " + KEY.encode()
    assert world.effective["base_url"].origin == f"{scene.root}/ch/config.toml:6"
    assert KEY not in repr(world)


@pytest.mark.parametrize(
    ("change", "cause", "says"),
    [
        ('wire_api = "chat"', "wire-api-removed", '`wire_api = "chat"` is no longer supported.'),
        ('wire_api = "Responses"', "wire-api-invalid", "unknown variant `Responses`, expected `responses`"),
        ("request_max_retries = -1", "config-type", "invalid value: integer `-1`, expected u64"),
        ("stream_idle_timeout_ms = 1.5", "config-type", "invalid type: floating point `1.5`, expected u64"),
        ('auth = {command = "x"}', "provider-invalid", "provider auth cannot be combined with env_key"),
        ("aws = {}", "provider-invalid", "provider aws is only supported for"),
        ('query_params = "a=b"', "config-type", 'invalid type: string "a=b", expected a map'),
        ("auth = {}", "config-type", "missing field `command`"),
        ("[history]\nmax_bytes = 'x'", "config-type", 'invalid type: string "x", expected usize'),
        ('[model_providers.openai]\nname = "x"', "provider-id-reserved", "reserved built-in provider IDs: `openai`"),
        (
            '[model_providers.joy.token]\nname = "x"',
            "provider-invalid",
            "model_providers.joy: provider name must not be empty",
        ),
        ("[tui.keymap.global]\ncopy = 'ctrl+c'", "config-type", "unknown key `ctrl+c` in keybinding `ctrl+c`"),
        (
            "[auto_review]\ncircuit_break_action = 'x'",
            "config-type",
            "unknown variant `x`, expected `default` or `strict`",
        ),
        ("[goals]\nmax_goal_token_budget = 0", "config-type", "invalid value: integer `0`, expected a nonzero u64"),
        (
            "[browser_use]\ndefault_origin_policy = 'allow'",
            "config-type",
            "expected struct BrowserUseOriginPolicyConfigToml",
        ),
        ("[[computer_use.windows.exes]]\naccess = 'allow'", "config-type", "missing field `publisher_name`"),
        ("[[hooks.Stop]]\nhooks = [{}]", "config-type", "missing field `type`\nin `hooks`"),
        ("[features]\ncode_mode = 5", "config-type", "data did not match any variant of untagged enum FeatureToml"),
        ("[tui.presets.x]\ninput = 'hi'", "config-type", "tui.presets.x: slot must be a single digit from 0 to 9"),
        (
            '[projects."/x"]\ntrust_level = "yes"',
            "config-type",
            "unknown variant `yes`, expected `trusted` or `untrusted`",
        ),
    ],
)
def test_what_codex_refuses(scene: Scene, change: str, cause: str, says: str) -> None:
    world = scene.look(config=SEED + change + "\n")
    assert causes(world)[0] == cause
    assert says in (world.problems[0].message or "")


@pytest.mark.parametrize(
    ("config", "args", "files", "first"),
    [
        # A syntax error beats everything; nothing mends it.
        (SEED + "a = “x”\n", ("-c", "model_providers.joytoken.wire_api=responses"), {}, "config-syntax"),
        # Layers merge before validation.
        (SEED + 'wire_api = "chat"\n', ("-c", "model_providers.joytoken.wire_api=responses"), {}, None),
        (SEED.replace('"auto"', "5"), ("-p", "w"), {"ch/w.config.toml": 'model = "x"'}, None),
        # Types before the provider table, the table before the selection, the selection before the key.
        (SEED.replace('name = "joytoken"', "") + '[tui]\nanimations = "x"\n', (), {}, "provider-invalid"),
        (SEED.replace('model_provider = "joytoken"', 'model_provider = "x"') + '[model_providers.a]\n', (), {}, "provider-invalid"),
        # A key with a default keeps the default's place: hide_agent_reasoning is looked at before review_model.
        ("review_model = 5\nhide_agent_reasoning = 5\n" + SEED, (), {}, "config-type"),
        ('profile = "x"\n' + SEED + 'wire_api = "chat"\n', (), {}, "wire-api-removed"),
        (SEED + 'wire_api = "chat"\n[profiles.x]\nmodel = "a"\n', ("-p", "x"), {}, "profile-legacy"),
        (SEED, ("-p", "typo"), {}, None),
        (SEED, (), {"etc/managed_config.toml": 'model_provider = "openai"'}, "provider-overridden"),
        (SEED, ("-c", "model_provider=joytoken"), {"etc/managed_config.toml": "bad = "}, "config-syntax"),
        (SEED, (), {"etc/requirements.toml": 'model_provider = "other"'}, "provider-undefined"),
        (SEED, ("-s", "danger-full-access"), {"etc/requirements.toml": 'allowed_sandbox_modes = ["read-only"]'}, "requirements-violated"),
        (SEED, ("--enable", "no_such_feature"), {}, "codex-flag-unsupported"),
        (SEED, ("--ignore-user-config",), {}, "provider-overridden"),
        (SEED, ("--oss", "--local-provider", "ollama"), {}, "provider-overridden"),
        ("foo = 1\n" + SEED, ("--strict-config",), {}, "unknown-keys"),
        ("foo = 1\nreview_model = 5\n" + SEED, ("--strict-config",), {}, "config-type"),
    ],
)  # fmt: skip
def test_which_fault_comes_first(
    scene: Scene, config: str, args: tuple[str, ...], files: dict[str, str], first: str | None
) -> None:
    for name, text in files.items():
        scene.write(name, text)
    found = causes(scene.look(*args, config=config))
    assert (found[0] if found else None) == first


@pytest.mark.parametrize(
    "key", ["auto_review.extra", "goals.x", "browser_use.x", "computer_use.macos.x", "tui.keymap.global.x", "tui.effects.x", "tui.keymap.x"]
)  # fmt: skip
def test_unknown_keys_of_newer_tables_are_named(scene: Scene, key: str) -> None:
    table, _, name = key.rpartition(".")
    world = scene.look(config=SEED + f"[{table}]\n{name} = 5\n")
    (issue,) = [issue for issue in world.warnings if issue.cause == "unknown-keys"]
    assert issue.key == key
    assert not world.problems
    strict = scene.look("--strict-config", config=SEED + f"[{table}]\n{name} = 5\n")
    assert causes(strict) == ["unknown-keys"]


@pytest.mark.parametrize(
    ("text", "taken"),
    [("ctrl-x ctrl-s", True), ("Page-Down", True), ("-a", True), ("f24", True), ("command-option-.", True), ("+", True),
     ("f25", False), ("a b c", False), ("ctrl", False), ("ctrl-ctrl-a", False), ("a-ctrl", False), ("", False), ("é", False), ("-", False)],
)  # fmt: skip
def test_keybindings_as_codex_takes_them(text: str, taken: bool) -> None:
    assert (keybinding_fault(text) is None) is taken


def test_a_default_decides_which_of_two_wrong_values_is_named(scene: Scene) -> None:
    world = scene.look(config="review_model = 5\nhide_agent_reasoning = 5\n" + SEED)
    assert [issue.key for issue in world.problems] == ["hide_agent_reasoning", "review_model"]


def test_an_unset_key_beats_every_url_fault(scene: Scene) -> None:
    world = scene.look(config=SEED.replace("https://api-dev.joytokens.ai/openai/v1", ""), key=None)
    assert causes(world) == ["key-unset", "base-url-invalid"]


@pytest.mark.parametrize(
    ("config", "cause"),
    [
        (None, "config-missing"),
        (SEED.replace('model_provider = "joytoken"', ""), "provider-not-selected"),
        ('[model_providers.joytoken]\nname = "j"\nmodel_provider = "joytoken"\n', "provider-not-selected"),
        (SEED.replace("base_url", "baseUrl"), "base-url-missing"),
    ],
)
def test_where_codex_talks_to_openai(scene: Scene, config: str | None, cause: str) -> None:
    world = scene.look(config=config)
    assert causes(world) == [cause]
    assert world.problems[0].effect == "misroutes"


def test_the_near_miss_is_named(scene: Scene) -> None:
    world = scene.look(config=SEED.replace("env_key", "env-key"))
    assert [issue.cause for issue in world.suspicions] == ["env-key-missing"]
    assert world.suspicions[0].details["misspelt"] == "env-key"
    unknown = next(issue for issue in world.warnings if issue.cause == "unknown-keys")
    assert unknown.details["keys"][0]["near"] == "env_key"


def test_a_project_may_change_the_model_and_not_the_provider(scene: Scene) -> None:
    scene.write("work/.codex/config.toml", 'model_provider = "openai"\nmodel = "gpt-6-sol"\n')
    trust = f'\n[projects."{scene.root}/work"]\ntrust_level = "trusted"\n'
    world = scene.look(config=SEED + trust)
    assert world.problems == ()
    assert world.effective["model"].value == "gpt-6-sol"
    assert {"project-keys-ignored", "model-overridden", "model-changes-wire-shape"} <= {i.cause for i in world.warnings}
    untrusted = scene.look()
    assert untrusted.effective["model"].value == "auto"
    older = scene.look(config=SEED + trust, version="0.120.0")
    assert causes(older) == ["provider-overridden"]


@pytest.mark.parametrize(
    ("version", "wire", "cause"),
    [("0.94.0", "chat", None), ("0.95.0", "responses", None), ("0.169.0", "responses", None)],
)
def test_the_wire_of_the_version(scene: Scene, version: str, wire: str, cause: str | None) -> None:
    world = scene.look(version=version)
    assert world.wire_api == wire
    assert world.plan is not None
    assert world.plan.url.endswith("/chat/completions" if wire == "chat" else "/responses")


def test_openai_base_url_by_version(scene: Scene) -> None:
    env = {"OPENAI_BASE_URL": "https://api-dev.joytokens.ai/openai/v1"}
    assert causes(scene.look(config='model = "auto"\n', env=env, version="0.100.0")) == []
    newest = scene.look(config='model = "auto"\n', env=env)
    assert causes(newest) == ["provider-not-selected"]
    assert "openai-base-url-ignored" in {issue.cause for issue in newest.warnings}
    moved = scene.look(
        config='openai_base_url = "https://api-dev.joytokens.ai/openai/v1"\n', env={"CODEX_API_KEY": KEY}
    )
    assert causes(moved) == []
    assert moved.plan is not None
    assert moved.plan.url == "https://api-dev.joytokens.ai/openai/v1/responses"


@pytest.mark.parametrize(
    ("value", "suspicion", "sent"),
    [
        (KEY + "\n", "key-header-dropped", "dropped"),
        ("\r\n" + KEY, "key-header-dropped", "dropped"),
        (f'"{KEY}"', "key-malformed", "verbatim"),
        (f" {KEY}", "key-malformed", "verbatim"),
        (f"Bearer {KEY}", "key-malformed", "verbatim"),
        ("jt_live_\u200bkey", "key-malformed", "verbatim"),
        (KEY + "  ", None, "verbatim"),
    ],
)
def test_the_keys_value(scene: Scene, value: str, suspicion: str | None, sent: str) -> None:
    world = scene.look(key=value)
    assert [issue.cause for issue in world.suspicions] == ([suspicion] if suspicion else [])
    assert world.credential is not None
    assert world.credential.sent == sent
    assert world.plan is not None
    assert ("authorization" in dict(world.plan.headers)) == (sent == "verbatim")


def test_dotenv_beats_the_shell(scene: Scene) -> None:
    scene.write("ch/.env", "export JOY_TOKEN_API_KEY = 'jt_live_stale'  # old\r\n")
    world = scene.look()
    assert world.credential is not None
    assert world.credential.value == b"jt_live_stale"
    assert world.credential.origin == f"{scene.root}/ch/.env:1"
    assert [issue.cause for issue in world.suspicions] == ["key-shadowed-by-dotenv"]
    scene.write("ch/.env", "JOY_TOKEN_API_KEY=\n")
    assert causes(scene.look()) == ["key-shadowed-by-dotenv"]
    scene.write("ch/.env", "\ufeffJOY_TOKEN_API_KEY=x\n")
    assert causes(scene.look(key=None)) == ["key-unset"]


def test_the_shell_file_is_named(scene: Scene) -> None:
    scene.write("home/.zshrc", f'# mine\nexport JOY_TOKEN_API_KEY="{KEY}"\n')
    world = scene.look(key=None)
    assert world.problems[0].details["set_in"] == [f"{scene.root}/home/.zshrc:2"]
    assert KEY not in repr(world)


@pytest.mark.parametrize(
    ("env_key", "cause"),
    [("", "env-key-invalid"), ("$JOY_TOKEN_API_KEY", "env-key-invalid"), (KEY, "env-key-is-secret")],
)
def test_env_key_that_is_no_name(scene: Scene, env_key: str, cause: str) -> None:
    world = scene.look(config=SEED.replace('"JOY_TOKEN_API_KEY"', f'"{env_key}"'))
    assert causes(world) == [cause]


@pytest.mark.parametrize("raw", [b"\xff\xfem\x00", b"\x00", b"a = \xff", b"[" * 3000, b"\r", b"a" * 10_000, b"=" * 100])
def test_any_bytes_give_an_answer(scene: Scene, raw: bytes) -> None:
    assert causes(scene.look(config=raw))[0] in ("config-unreadable", "config-syntax")


@pytest.mark.parametrize(
    ("version", "says"), [("0.140.0", "Is a directory (os error 21)"), ("0.169.0", "path `{file}` is not a file")]
)
def test_a_directory_as_config(scene: Scene, version: str, says: str) -> None:
    file = scene.root / "ch/config.toml"
    file.mkdir()
    world = scene.look(config=None, version=version)
    assert causes(world) == ["config-unreadable"]  # what it would select is not known
    said = f"Error loading config.toml: Failed to read config file {file}: {says.format(file=file)}"
    assert world.problems[0].message == said


@pytest.mark.parametrize("version", ["0.94.0", "0.140.0", "0.169.0"])
def test_a_file_where_the_codex_folder_belongs(scene: Scene, version: str) -> None:
    scene.write("home/.codex", "")
    problem = scene.look(config=None, env={"CODEX_HOME": ""}, version=version).problems[0]
    file = scene.root / "home/.codex/config.toml"
    assert (problem.cause, problem.effect) == ("config-unreadable", "refuses")
    assert (
        problem.message
        == f"Error loading config.toml: Failed to read config file {file}: Not a directory (os error 20)"
    )
    scene.write("work/.codex", "")  # a project's is none that Codex minds
    assert scene.look().problems == ()


def test_codex_home_that_is_not_there(scene: Scene) -> None:
    home = scene.root / "no-such-home"
    world = scene.look(env={"CODEX_HOME": str(home)})
    assert world.problems[0].message == (
        f'Error finding codex home: CODEX_HOME points to "{home}", but that path does not exist'
    )


def test_many_providers_take_work_by_their_number(scene: Scene) -> None:
    table = '[model_providers.p{0}]\nname = "p{0}"\nbase_url = "http://127.0.0.1:9/{1}"\nenv_key = "K"\n'

    def looking(providers: int) -> Callable[[], None]:
        text = SEED + "".join(table.format(i, "x" * 220) for i in range(providers))

        def look() -> None:
            assert scene.look(config=text).problems == ()

        return look

    assert grows_linearly(looking, 500)
    with ended():
        looking(20_000)()


FIELDS = st.sampled_from(
    [
        "name",
        "base_url",
        "env_key",
        "auth",
        "http_headers",
        "env_http_headers",
        "query_params",
        "experimental_bearer_token",
        "wire_api",
        "aws",
        "zz",
        "request_max_retries",
        "requires_openai_auth",
        "supports_websockets",
        "gateway_oauth",
        "env_key_instructions",
    ]
)
TOPS = st.sampled_from(
    [
        "model",
        "model_provider",
        "model_providers",
        "profile",
        "profiles",
        "projects",
        "project_root_markers",
        "features",
        "openai_base_url",
        "history",
        "model_catalog_json",
        "model_instructions_file",
        "sandbox_mode",
        "oss_provider",
        "zz",
    ]
)
VALUES = st.recursive(
    st.text("aK_1$\"' /:{", max_size=6)
    | st.integers(-5, 2**40)
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.dates(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(FIELDS | TOPS, inner, max_size=2),
    max_leaves=4,
)


@given(
    st.dictionaries(TOPS, VALUES, max_size=4),
    st.dictionaries(FIELDS, VALUES, max_size=5),
    st.lists(
        st.sampled_from(
            ["-c", "model=1", "-p", "x", "--strict-config", "-m", "", "--oss", "features.a=1", "exec", "a.b"]
        ),
        max_size=4,
    ),
    st.sampled_from(["0.169.0", "0.140.0", "0.100.0", "0.94.0", "nonsense"]),
)
@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_values_give_an_answer(
    scene: Scene, top: dict[str, Any], fields: dict[str, Any], args: list[str], version: str
) -> None:
    data = {**top}
    if isinstance(data.setdefault("model_providers", {}), dict):
        data["model_providers"]["joytoken"] = fields
    config = tomlkit.dumps(data)
    world = scene.look(*args, config=config, version=version)
    assert KEY not in repr(world)
    json.dumps(as_data(world))


def test_a_worktree_needs_a_repository(tmp_path: Path) -> None:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    env = {"CODEX_HOME": str(tmp_path)}

    def refused(*args: str) -> bool:
        world = look(
            Invocation(("exec", "--worktree", *args, "hi"), env, tmp_path, "0.171.0", tmp_path / "etc", tmp_path)
        )
        return "codex-flag-unsupported" in [issue.cause for issue in world.problems]

    assert refused()
    assert not refused("-C", "repo")
