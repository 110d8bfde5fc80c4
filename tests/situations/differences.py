"""Where one version of Codex does otherwise than the one before it: situations, made up, each with the causes that are right for 0.171.

Compressed answers, new keys, flags and features, the shapes of new models, app servers elsewhere. `python -m tests.situations.record`
lets a real Codex live through them and writes down what it did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from tests.support.situation import Situation

HEAD = 'model_provider = "joytoken"\n{model}{top}[model_providers.joytoken]\nname = "joytoken"\nbase_url = "http://127.0.0.1:{{PORT}}/openai/v1"\n'
TABLE = 'env_key = "JOY_TOKEN_API_KEY"\nrequest_max_retries = 0\nstream_max_retries = 0\n'
KEY = {"JOY_TOKEN_API_KEY": "<KEY>"}
GOOD = "healthy"


def situations() -> tuple[Situation, ...]:
    """All of them, without what a Codex did."""
    return (*_packed(), *_keys(), *_flags(), *_models(), *_elsewhere())


def made(
    name: str,
    causes: str,
    *args: str,
    plays: str = "healthy",
    model: str | None = "auto",
    top: str = "",
    table: str = "",
    tail: str = "",
    env: Mapping[str, str] = KEY,
    files: Mapping[str, str | None] | None = None,
) -> Situation:
    named = f'model = "{model}"\n' if model is not None else ""
    config = HEAD.format(model=named, top=top) + TABLE + table + tail
    return Situation(name, plays, config, env=env, args=args, files=files or {}, causes=tuple(causes.split("|")))


def _packed() -> Iterator[Situation]:
    broken = "encoding-broken"
    for plays, causes in {
        "gzip_always": GOOD, "zstd_always": GOOD, "gzip": GOOD, "zstd_of_two_frames": GOOD, "gzip_without_its_sum": GOOD,
        "gzip_login": "not-a-gateway|not-an-event-stream", "gzip_402": "insufficient-quota", "zstd_402": "insufficient-quota",
        "deflate_always": broken, "gzip_unlabelled": broken, "gzip_cut": broken, "zstd_cut": broken, "gzip_label_only": broken,
        "gzip_named_in_capitals": broken, "two_labels": broken, "zstd_named_gzip": broken, "empty_gzip": broken, "406": broken,
        "415": broken, "400_wordless": broken, "403_page": broken, "502_page": broken,
    }.items():  # fmt: skip
        yield made(f"packed {plays}", causes, plays=f"Q_{plays}")
    yield made("packed, held back", broken, plays="Q_gzip_held_back", table="stream_idle_timeout_ms = 900\n")
    yield made(
        "packed, not asked for", GOOD, plays="Q_gzip_cut", table='http_headers = { "accept-encoding" = "identity" }\n'
    )


def _keys() -> Iterator[Situation]:
    wrong, unknown, strict = "config-type", "unknown-keys", "--strict-config"
    for name, causes, tail in (
        ("process_mode", GOOD, '[responses]\nprocess_mode = "after_complete_response"\n'),
        ("process_mode of another name", wrong, '[responses]\nprocess_mode = "sometimes"\n'),
        ("process_mode a number", wrong, "[responses]\nprocess_mode = 5\n"),
        ("process_mode misspelt", GOOD, '[responses]\nprocess_mod = "streaming"\n'),
        ("heartbeat", GOOD, "[code_mode]\nheartbeat_interval_s = 0\n"),
        ("heartbeat negative", wrong, "[code_mode]\nheartbeat_interval_s = -1\n"),
        ("heartbeat too large", wrong, "[code_mode]\nheartbeat_interval_s = 4294967296\n"),
        ("trace", GOOD, "[rollout_trace]\nmax_payload_bytes = 1\nmax_bytes = 0\n"),
        ("trace a string", wrong, '[rollout_trace]\nmax_payload_bytes = "1"\n'),
        ("headers_helper", GOOD, '[otel]\nheaders_helper = "/bin/true"\nheaders_helper_refresh_interval_ms = 1000\n'),
        ("headers_helper a list", wrong, '[otel]\nheaders_helper = ["/bin/true"]\n'),
        ("headers_helper at once", wrong, "[otel]\nheaders_helper_refresh_interval_ms = 0\n"),
        ("status line", GOOD, "[tui]\nstatus_line_provider = 3\n"),
        ("keymap", GOOD, '[tui.keymap.composer]\nundo = ["ctrl-z", "ctrl-y"]\n'),
        ("keymap of no key", wrong, '[tui.keymap.composer]\nundo = "zzz-q"\n'),
        ("keymap a truth", wrong, "[tui.keymap.pager]\nmark_markdown = true\n"),
        ("transparent_tcp a string", wrong, '[permissions.x.network]\ntransparent_tcp = "yes"\n'),
        ("token budget", GOOD, "[features.token_budget]\ncontext_window_as_tool_output = true\n"),
        ("token budget a string", wrong, '[features.token_budget]\ncontext_window_as_tool_output = "x"\n'),
        ("rollout budget a string", wrong, '[features.rollout_budget]\nlimit_budget = "x"\n'),
        ("rollout budget a number", wrong, "[features.rollout_budget]\nreminder_at_context_start = 3\n"),
        ("new feature", GOOD, "[features]\nutc_environment_date = true\n"),
        ("new feature a string", wrong, '[features]\nsafe_image_decoder = "yes"\n'),
    ):
        yield made(f"key {name}", causes, tail=tail)
    yield made("key of a table as a value", wrong, top="responses = true\n")
    yield made(
        "strict, new keys",
        GOOD,
        strict,
        tail='[responses]\nprocess_mode = "streaming"\n[features]\nmcp_shared_repl_cwd = true\n',
    )
    yield made("strict, misspelt in a new table", unknown, strict, tail="[responses]\nprocess_mod = 1\n")
    yield made("strict, on the command line", unknown, strict, "-c", "responsez.x=1")
    yield made("key on the command line", wrong, "-c", 'responses.process_mode="bad"')
    profile = {"{D}/ch/w.config.toml": '[responses]\nprocess_mode = "bad"\n'}
    yield made("key of a profile", wrong, "-p", "w", files=profile)
    project = {"{D}/work/.codex/config.toml": "[responses]\nprocess_mode = 4\n"}
    yield made("key of a project", wrong, tail='[projects."{D}/work"]\ntrust_level = "trusted"\n', files=project)


def _flags() -> Iterator[Situation]:
    refused = "codex-flag-unsupported"
    for words, causes in {
        ("--enable", "catalog_apps_instructions"): GOOD, ("--enable", "per_environment_context"): GOOD,
        ("--disable", "file_backed_tool_audio"): GOOD, ("--enable", "nobody_has_this"): refused, ("--trust",): GOOD,
        ("--yolo",): GOOD, ("--full-auto",): refused, ("--ephemeral",): GOOD, ("--cyber-access-program", "daybreak_blue"): GOOD,
        ("--cyber-access-program", "daybreak_green"): refused, ("--remote-auth-token-env", "T"): refused,
    }.items():  # fmt: skip
        yield made(f"flag {' '.join(words)}", causes, *words)


def _models() -> Iterator[Situation]:
    no, rejected = "Q_no_additional_tools", "request-rejected"
    yield made("model of none, an older catalog", "model-not-found", plays="Q_knows_gpt-6.1-sol", model=None)
    yield made("model of none, a catalog of its day", GOOD, plays="Q_knows_gpt-6.2-sol", model=None)
    for slug in (
        "gpt-6.2-sol",
        "openai/gpt-6.2-astra",
        "gpt-daybreak-red-latest",
        "gpt-6.2-sol-mini",
        "codex-auto-review",
    ):
        yield made(f"model {slug}, no additional_tools", rejected, plays=no, model=slug)
    for slug in ("gpt-7-sol", "GPT-6.2-sol", "a/b/gpt-6.2-sol", "gpt-5.5"):
        yield made(f"model {slug}, no additional_tools", GOOD, plays=no, model=slug)
    for tool, slug, causes in (
        ("namespace", "auto", rejected),
        ("namespace", "gpt-6.2-sol", GOOD),
        ("custom", "gpt-5.5", rejected),
        ("tool_search", "auto", GOOD),
    ):
        yield made(f"model {slug}, no {tool}", causes, plays=f"Q_no_{tool}", model=slug)


def _elsewhere() -> Iterator[Situation]:
    """App servers that are not there, or are none: one that answers needs its own Codex (tests/doctor/test_remote_server.py)."""
    refused, failed = "codex-flag-unsupported", "remote-server-failed"
    at = partial(made, env={})
    for address, causes in {
        "ws://127.0.0.1:9": failed, "ws://127.0.0.1:{PORT}": failed, "wss://127.0.0.1:{PORT}": failed, "unix:///nope/x": failed,
        "ws://127.0.0.1": refused, "ws://127.0.0.1:9/x": refused, "http://127.0.0.1:9": refused, "127.0.0.1:9": refused,
    }.items():  # fmt: skip
        yield at(f"server {address}", causes, "--remote", address)
    gone = ("--remote", "ws://127.0.0.1:9")
    yield at("server, and a model", refused, *gone, "-m", "gpt-5.5")
    yield at("server, and an ephemeral thread", refused, *gone, "--ephemeral")
    yield at("server, and a token that is not set", failed, *gone, "--remote-auth-token-env", "T")
    yield at(
        "server, and a token that no header holds", failed, *gone, "--remote-auth-token-env", "T", env={"T": "a\nb"}
    )
    yield replace(at("server, and a broken file", failed, *gone), config="x = [\n")
