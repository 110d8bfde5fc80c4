"""Settings: file, environment, options; what is wrong is said with file and line. The catalog's file likewise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from joytui.codex.versions import recorded_versions
from joytui.core.errors import SettingsError
from joytui.gateway.catalog import cost, joined, load_catalog, reserve
from joytui.gateway.settings import GatewaySettings, load_settings
from joytui.gateway.settings_text import as_toml, settings_of
from joytui.gateway.upstream_keys import FILE_NAME, UpstreamKeys
from joytui.gateway.upstream_setup import upstream_of


def write(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


def test_options_beat_the_environment_beats_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "[doctor]\nx = 1\n[gateway]\nport = 1000\nretention_days = 7\nallow_hosts = ['a']\n")
    settings = load_settings(
        path, {"JOYTUI_GATEWAY_PORT": "2000", "JOYTUI_GATEWAY_ALLOW_HOSTS": "b, c"}, {"port": None}
    )
    assert (settings.port, settings.retention_days, settings.allow_hosts) == (2000, 7, ["b", "c"])
    assert load_settings(path, {"JOYTUI_GATEWAY_PORT": "2000"}, {"port": 3000, "allow_hosts": []}).port == 3000
    assert load_settings(tmp_path / "none.toml", {}).port == 8791


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("[gateway]\n\nport = 99999\n", 3, "port"),
        ("[gateway]\nhost = '0.0.0.0'\n", 2, "not loopback"),
        ("[gateway]\n\nalerts_url = 'file:///x'\n", 3, "http(s) URL"),
        ("[gateway]\n\ntls_key = 'k.pem'\n", 3, "belong together"),
        ("[gateway]\nprot = 1\n", 2, "no setting is called 'prot'"),
        ("x = 1\ngateway.lease_s = 'long'\n", 2, "lease_s"),
        ("[gateway]\nport = 1\nport = 2\n", 3, "overwrite"),
        ("[gateway]\nupstream = 'http://far.example'\n", 2, "https"),
        ("[gateway]\ntrusted_proxies = ['x']\n", 2, "not an IP address"),
        ("[gateway]\ndefault_freeze = -1\n", 2, "credits"),
        ("[gateway]\n[[gateway.upstreams]]\nurl = 'x'\n", 3, "upstreams.0.url"),
        ("gateway = 1\n", None, "must be a table"),
    ],
)
def test_errors_have_file_and_line(tmp_path: Path, text: str, line: int | None, what: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SettingsError, match=re.escape(what)) as caught:
        load_settings(path, {})
    assert caught.value.exit_code == 2
    if line is not None:
        assert caught.value.where == f"{path}:{line}"


def test_errors_of_the_environment_name_the_variable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path / "none", {"JOYTUI_GATEWAY_PORT": "x"})
    assert caught.value.where == "JOYTUI_GATEWAY_PORT"


def test_a_settings_file_that_is_a_directory(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path, {})


def test_every_setting_is_documented() -> None:
    import ast
    import inspect

    from joytui.gateway import settings

    for cls in ast.parse(inspect.getsource(settings)).body:
        if isinstance(cls, ast.ClassDef):
            body = cls.body
            for here, after in zip(body, [*body[1:], None], strict=True):
                if isinstance(here, ast.AnnAssign):
                    documented = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                    assert documented, f"{cls.name}.{here.target.id}"  # type: ignore[attr-defined]


def test_the_settings_are_shown_as_a_file_that_gives_the_same(tmp_path: Path) -> None:
    """`joytui gateway settings`: what holds, with its documentation and its origin; what is a default is a comment."""
    file = tmp_path / "c.toml"
    file.write_text(
        '[gateway]\nport = 9001\nallow_hosts = ["gw.example"]\n[[gateway.upstreams]]\nurl = "https://a.example/v1"\n'
    )
    env = {"JOYTUI_GATEWAY_STRICT": "true", "JOYTUI_GATEWAY_CATALOG": str(tmp_path / "models \\ ü.toml")}
    shown = settings_of(file, env)
    lines = list(as_toml(shown))
    origin = {one.name: one.origin for one in shown}
    assert set(origin) == set(GatewaySettings.model_fields)
    assert (origin["port"], origin["strict"], origin["host"]) == (f"{file}:2", "JOYTUI_GATEWAY_STRICT", "default")
    assert all(one.text for one in shown)
    again = tmp_path / "again.toml"
    again.write_text("\n".join(lines), encoding="utf-8")
    assert load_settings(again, {}) == load_settings(file, env)
    uncommented = [line for line in lines if not line.startswith("#") and "=" in line]
    assert len(uncommented) == 7
    assert next(one for one in shown if one.name == "lonely_s").default == 600.0


def test_an_upstream_key_that_is_not_set_is_said(tmp_path: Path) -> None:
    settings = GatewaySettings(upstream="https://api.example.com/openai/v1", upstream_key_env="UPSTREAM_KEY")
    with pytest.raises(SettingsError, match="UPSTREAM_KEY"):
        upstream_of(settings, UpstreamKeys(tmp_path / FILE_NAME, {}))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no [[model]]"),
        ("[[model]]\nname = 'x'\n", "model 1: 'key' is missing"),
        ("[[model]]\nkey = 'a'\n[[model]]\nkey = 'a'\n", "model 2"),
        ("[[model]]\nkey = 'auto'\n", "key must be"),
        ("[[model]]\nkey = 'a'\ntier = 'gold'\n", "tier"),
        ("[[model]]\nkey = 'a'\ninput = 'much'\n", "credits"),
        ("[[model]]\nkey = 'a'\ntags = 'x'\n", "tags"),
        ("[[model]\n", "not valid TOML"),
    ],
)
def test_a_catalog_that_does_not_hold(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(what)) as caught:
        load_catalog(write(tmp_path, text))
    assert str(tmp_path) in (caught.value.where or "")


def test_every_model_of_any_codex_is_answered_offline() -> None:
    catalog = load_catalog()
    slugs = {slug for one in recorded_versions() for slug in (*one.models, one.default_model)}
    assert {key for key in (*slugs, "gpt-9.9-sol", "openai/gpt-9.9") if catalog.get(key) is None} == set()
    assert [catalog.get(key) for key in ("claude-9", "joytui-gpt-1", "", "*", "gpt")] == [None] * 5


def test_the_longest_beginning_counts(tmp_path: Path) -> None:
    text = "".join(
        f"[[model]]\nkey = '{key}'\naliases = ['{alias}']\n"
        for key, alias in (("a", "g-*"), ("b", "g-5*"), ("c", "g-5.5"))
    )
    catalog = load_catalog(write(tmp_path, text))
    found = [
        model.key if (model := catalog.get(key)) else None for key in ("g-4", "g-5.1", "g-5.5", "g-5.5-x", "h", "b")
    ]
    assert found == ["a", "b", "c", "b", None, "b"]


def test_an_upstreams_list_in_every_spelling(tmp_path: Path) -> None:
    shipped = load_catalog(
        write(tmp_path, "[[model]]\nkey = 'a'\ntier = 'premium'\ninput = 5\noutput = 6\nscore = 7\n")
    )
    listed = [
        {"id": "a", "object": "model", "owned_by": "them"},
        {"model_key": "b", "display_name": "B", "tier": "economy", "customer_input_mtok": 200, "customer_output_mtok": "900.5"},
        {"modelKey": "c", "featureTags": ["vision"], "customerInputMtok": 1, "customerOutputMtok": 2, "customerCachereadMtok": 0.5},
        {"id": "auto"}, {"nothing": 1}, {"id": ""}, {"model_key": "d", "tier": "gold", "customer_input_mtok": "NaN"},
    ]  # fmt: skip
    models = joined(shipped, listed).models
    assert list(models) == ["a", "b", "c", "d"]
    assert (models["a"].tier, models["a"].score, models["a"].provider) == ("premium", 7, "them")
    assert models["a"].prices == shipped.models["a"].prices
    assert models["b"].prices.output == 900_500_000_000  # type: ignore[union-attr]
    assert models["c"].prices.cache_read == 500_000_000  # type: ignore[union-attr]
    assert (models["d"].tier, models["d"].prices) == (None, None)


def test_prices_are_exact() -> None:
    prices = load_catalog().models["joytui-offline"].prices
    assert prices is not None
    assert cost(prices, 1_000_000, 0, 0) == 200 * 10**9
    assert cost(prices, 6, 0, 1) == 2_100_000
    assert cost(prices, 10, 10, 0) == cost(prices, 10, 99, 0) == 200_000
    assert reserve(prices, 0, 0) == 0
    assert reserve(prices, 1, 0) == 250_000
