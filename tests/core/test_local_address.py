"""The local gateway's address by its settings, before it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from joytui.core.local_address import local_url
from joytui.core.places import Places


@pytest.mark.parametrize(
    ("settings", "env", "url"),
    [
        (None, {}, "http://127.0.0.1:8791"),
        ("[gateway]\nport = 9100\n", {}, "http://127.0.0.1:9100"),
        ("[gateway]\nport = 9100\n", {"JOYTUI_GATEWAY_PORT": "9200"}, "http://127.0.0.1:9200"),
        ('[gateway]\nhost = "0.0.0.0"\nport = 9100\n', {}, "http://127.0.0.1:9100"),
        ('[gateway]\nhost = "::1"\ntls_cert = "c.pem"\n', {}, "https://[::1]:8791"),
        ("[gateway]\nport = 0\n", {}, "http://127.0.0.1:8791"),
        ("gateway = 3", {}, "http://127.0.0.1:8791"),
        ("no TOML", {}, "http://127.0.0.1:8791"),
    ],
)
def test_the_address_follows_the_settings(settings: str | None, env: dict[str, str], url: str, tmp_path: Path) -> None:
    here = Places(tmp_path, tmp_path / "config.toml", tmp_path)
    if settings is not None:
        here.config_file.write_text(settings)
    assert local_url(here, env) == url
