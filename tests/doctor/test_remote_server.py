"""`codex exec --remote`: nothing local counts but the token, and the server is asked for a WebSocket."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from joytui.codex.world import Invocation
from joytui.core.records import Report
from joytui.doctor import examine
from tests.support.fault_proxy import FaultProxy
from tests.support.hang import HANG_S
from tests.support.raw_gateway import CONFIG, RawGateway

TAKEN = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
REFUSED = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"


def examined(tmp_path: Path, *args: str, config: str = "", command: str = "exec", **env: str) -> Report:
    (tmp_path / "config.toml").write_text(config)
    env = {"CODEX_HOME": str(tmp_path), "PATH": "/nowhere", **env}
    words = (*([command] if command else []), *args, "hi")
    return examine(Invocation(words, env, tmp_path, "0.171.0", tmp_path / "etc", tmp_path))


@pytest.mark.parametrize("config", ["", "x = [", 'model_provider = "nope"'])
def test_a_server_that_answers_is_all_that_counts(tmp_path: Path, config: str) -> None:
    with RawGateway([TAKEN]) as server:
        report = examined(tmp_path, "--remote", f"ws://127.0.0.1:{server.port}", config=config)
    assert (report.verdict.works, report.verdict.cause) == (True, None)
    assert report.verdict.title == "The app server of --remote answers"


def test_one_that_refuses_and_one_that_is_not_there(tmp_path: Path) -> None:
    with RawGateway([REFUSED]) as server:
        address = f"ws://127.0.0.1:{server.port}"
        refused = examined(tmp_path, "--remote", address, "--remote-auth-token-env", "T", T="planted-token-123")
    gone = examined(tmp_path, "--remote", address)
    for report in (refused, gone):
        assert (report.verdict.works, report.verdict.cause) == (False, "remote-server-failed")
    said = f"Error: failed to connect to remote app server at `{address}/`: "
    assert refused.verdict.codex_says == said + "HTTP error: 401 Unauthorized"
    assert gone.verdict.codex_says == said + "IO error: Connection refused (os error 111)"


NOT_BESIDE = "Error: --remote currently supports only prompt, resume by UUID, and output options; configure the agent on the server"
SCHEMES = "expected `ws://host:port`, `wss://host:port`, `unix://`, or `unix://PATH`"
TOKEN = ("--remote-auth-token-env", "T")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (TOKEN, "Error: `--remote-auth-token-env` requires `--remote`."),
        (("--remote", "ws://127.0.0.1:9", "-m", "x"), NOT_BESIDE),
        (("--remote", "ws://127.0.0.1:9", "-c", "x=1"), NOT_BESIDE),
        (("--remote", "ftp://h:1", "--oss"), NOT_BESIDE),
        (("--remote", "ftp://h:1", *TOKEN), f"Error: invalid remote address `ftp://h:1`; {SCHEMES}"),
        (("--remote", "127.0.0.1:9"), f"Error: invalid remote address `127.0.0.1:9`; {SCHEMES}"),
        (("--remote", "ws://127.0.0.1:9/x"), f"Error: invalid remote address `ws://127.0.0.1:9/x`; {SCHEMES}"),
        (("--remote", "ws://127.0.0.1:9/#"), f"Error: invalid remote address `ws://127.0.0.1:9/#`; {SCHEMES}"),
        (("--remote", "ws://127.0.0.1:9", *TOKEN), "Error: environment variable `T` is not set"),
        (("--remote", "ws://gateway.invalid:9", *TOKEN), "Error: `--remote-auth-token-env` requires a `wss://` or loopback `ws://` remote."),
        (("--remote", "ws://127.0.0.1:9", "--enable", "nope"), "Error: Unknown feature flag: nope"),
        (("--remote", "unix:///nope/x", "--json"), "Error: failed to connect to remote app server at `unix:///nope/x`: No such file or directory (os error 2)"),
    ],
)  # fmt: skip
def test_what_codex_says_before_it_connects(tmp_path: Path, args: tuple[str, ...], says: str) -> None:
    verdict = examined(tmp_path, *args).verdict
    assert verdict.works is False
    assert verdict.codex_says == says


def test_without_a_subcommand_it_is_the_console_as_codex_has_it(tmp_path: Path) -> None:
    """The console takes any option beside --remote; a flag of exec alone says that exec is meant."""
    with RawGateway([TAKEN]) as server:
        words = ("--remote", f"ws://127.0.0.1:{server.port}", "-m", "gpt-5.5")
        assert examined(tmp_path, *words, command="").verdict.works is True
        assert examined(tmp_path, *words, "--no-alt-screen", command="").verdict.works is True
        assert examined(tmp_path, *words, command="", config="x = [").verdict.cause == "config-syntax"
        assert examined(tmp_path, *words, "--json", command="").verdict.codex_says == NOT_BESIDE


@pytest.mark.parametrize("command", ["", "resume"])
@pytest.mark.parametrize(
    ("args", "says"),
    [
        (TOKEN, "ERROR: `--remote-auth-token-env` requires `--remote`."),
        (("--no-daemon", *TOKEN), "ERROR: `--remote-auth-token-env` requires `--remote`."),
        (("--remote", "nonsense", "--no-daemon"), "ERROR: --no-daemon cannot be used with --remote."),
        (("--remote", "ftp://h:1", "-m", "x"), f"Error: invalid remote address `ftp://h:1`; {SCHEMES}"),
        (("--remote", "ws://127.0.0.1:9", "--no-daemon", "--enable", "nope"), "Error: Unknown feature flag: nope"),
    ],
)
def test_what_the_console_says_before_it_connects(
    tmp_path: Path, command: str, args: tuple[str, ...], says: str
) -> None:
    assert examined(tmp_path, *args, command=command).verdict.codex_says == says


@pytest.mark.codex
@pytest.mark.parametrize(
    "args",
    [
        TOKEN, ("--remote", "nonsense", "--no-daemon"), ("--remote", "nonsense", "-m", "x"), ("--remote", "ws://127.0.0.1:9", *TOKEN),
        ("--remote", "ws://127.0.0.1:9", "--enable", "nope", "--no-daemon"),
    ],
)  # fmt: skip
def test_the_real_console_says_the_same(tmp_path: Path, args: tuple[str, ...]) -> None:
    from tests.support.codex_run import bounded
    from tests.support.real_codex import NEWEST, codex

    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CODEX_HOME": str(tmp_path)}
    said = bounded([codex(NEWEST), *args], env, tmp_path, HANG_S).stderr
    assert examined(tmp_path, *args, command="").verdict.codex_says in said.splitlines()


@pytest.mark.parametrize(
    ("config", "cause"),
    [
        ("x = [", "config-syntax"),
        ("model = 5", "config-type"),
        ('model_provider = "nope"', "provider-undefined"),
        ('model_catalog_json = "/nope"', "model-catalog-missing"),
        ('model = ""', None),
        (CONFIG.format(port=9), None),
    ],
)
def test_the_console_loads_its_own_configuration_first(tmp_path: Path, config: str, cause: str | None) -> None:
    """And uses neither its model, its key nor its gateway; options beside --remote are taken."""
    with RawGateway([TAKEN]) as server:
        address = f"ws://127.0.0.1:{server.port}"
        report = examined(tmp_path, "--remote", address, "-m", "gpt-5.5", config=config, command="resume")
    assert report.verdict.cause == cause
    refused = examined(tmp_path, "--remote", address, *TOKEN, config=config, command="resume")
    assert refused.verdict.cause == "remote-server-failed"


def test_a_token_that_no_header_holds(tmp_path: Path) -> None:
    verdict = examined(tmp_path, "--remote", "ws://127.0.0.1:9", *TOKEN, T="planted\ntoken").verdict
    assert verdict.codex_says == "Error: invalid remote authorization header value: failed to parse header value"
    assert "planted" not in repr(verdict)


NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("env", "works"),
    [
        ({"HTTP_PROXY": NOWHERE}, False),
        ({"ALL_PROXY": NOWHERE}, False),
        ({"HTTPS_PROXY": NOWHERE, "http_proxy": ""}, True),
        ({"HTTP_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1"}, True),
        ({"HTTP_PROXY": NOWHERE, "NO_PROXY": "127.0.0.0/8"}, False),
        ({"HTTP_PROXY": "127.0.0.1:9"}, False),
        ({"HTTP_PROXY": "socks5://127.0.0.1:9"}, None),
    ],
)
def test_a_proxy_serves_the_websocket_too(tmp_path: Path, env: dict[str, str], works: bool | None) -> None:
    with RawGateway([TAKEN]) as server:
        verdict = examined(tmp_path, "--remote", f"ws://127.0.0.1:{server.port}", **env).verdict
    assert (verdict.works, verdict.cause) == (works, None if works else "remote-server-failed")


@pytest.mark.parametrize(
    ("kind", "says"),
    [("forward", None), ("deny", "URL error: Proxy connection failed: HTTP CONNECT failed with status 403")],
)
def test_the_proxy_is_asked_for_a_tunnel(tmp_path: Path, kind: str, says: str | None) -> None:
    with RawGateway([TAKEN]) as server, FaultProxy(kind) as proxy:
        verdict = examined(tmp_path, "--remote", f"ws://127.0.0.1:{server.port}", HTTP_PROXY=proxy.origin).verdict
    assert proxy.seen == [f"CONNECT 127.0.0.1:{server.port}"]
    assert (verdict.works, (verdict.codex_says or "").partition("/`: ")[2] or None) == (says is None, says)


@pytest.mark.codex
@pytest.mark.parametrize("config", ["x = [", 'model_provider = "nope"'])
def test_the_real_server_takes_codex_and_the_doctor(tmp_path: Path, config: str) -> None:
    """With a configuration, a key and its own gateway; when it has gone, both fail."""
    from tests.support.codex_run import bounded
    from tests.support.fault_gateway import GOOD_KEY, FaultGateway
    from tests.support.real_codex import NEWEST, codex

    for name in ("server", "client"):
        (tmp_path / name).mkdir()
    base = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    (tmp_path / "client" / "config.toml").write_text(config)
    with FaultGateway("healthy") as gateway:
        (tmp_path / "server" / "config.toml").write_text(CONFIG.format(port=gateway.port))
        env = base | {"CODEX_HOME": str(tmp_path / "server"), "JOY_TOKEN_API_KEY": GOOD_KEY}
        listen = [codex(NEWEST), "app-server", "--listen", "ws://127.0.0.1:0"]
        with subprocess.Popen(
            listen, env=env, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as server:
            assert server.stderr is not None
            address = next(found[0] for line in server.stderr if (found := re.search(r"ws://127\.0\.0\.1:\d+", line)))
            turn = [codex(NEWEST), "exec", "--skip-git-repo-check", "--remote", address, "say hi"]
            env = base | {"CODEX_HOME": str(tmp_path / "client")}
            try:
                done = bounded(turn, env, tmp_path, HANG_S)
                ours = examined(tmp_path / "client", "--remote", address, config=config)
            finally:
                os.killpg(server.pid, signal.SIGKILL)
    assert (done.exit_code, done.stdout.strip()) == (0, "hi from the gateway"), done.stderr
    assert ours.verdict.works is True
    gone = bounded(turn, env, tmp_path, HANG_S)
    verdict = examined(tmp_path / "client", "--remote", address, config=config).verdict
    assert (verdict.works, verdict.codex_says) == (False, gone.stderr.strip().splitlines()[-1])
