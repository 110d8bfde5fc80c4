"""Where joytui keeps its files: the platform's folders, or those that the environment names.

JOYTUI_DATA_DIR     the ledger, the gateway's state file and tokens (0700)
JOYTUI_CONFIG_FILE  the one settings file
JOYTUI_CACHE_DIR    what can be made again (the rollups over Codex's files); inside the data folder if only that is named
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Places(NamedTuple):
    """A tuple with names: `joytui usage` takes 0.1 s in all, and `dataclasses` alone would be 7 ms of it."""

    data_dir: Path
    config_file: Path
    cache_dir: Path

    @property
    def store(self) -> Path:
        """The SQLite ledger."""
        return self.data_dir / "ledger.sqlite3"

    @property
    def state_file(self) -> Path:
        """Where the running local gateway says its URL, pid and version (0600)."""
        return self.data_dir / "gateway.json"

    @property
    def admin_token_file(self) -> Path:
        """The console API's admin token (0600)."""
        return self.data_dir / "admin-token"

    @property
    def gateway_log(self) -> Path:
        """What a gateway in the background writes to stderr."""
        return self.data_dir / "gateway.log"

    @property
    def on_demand_file(self) -> Path:
        """The pid of a gateway that a console started for itself (0600)."""
        return self.data_dir / "gateway.on-demand"

    @property
    def ui_state_file(self) -> Path:
        """The console's own memory: the last screen, the theme, when it was left."""
        return self.data_dir / "console.json"


def places(env: Mapping[str, str] = os.environ) -> Places:
    """The folders for this environment. Creates nothing."""
    from platformdirs import PlatformDirs

    dirs = PlatformDirs("joytui", appauthor=False)
    named = env.get("JOYTUI_DATA_DIR")
    data = Path(named).expanduser() if named else dirs.user_data_path
    config = env.get("JOYTUI_CONFIG_FILE")
    cache = env.get("JOYTUI_CACHE_DIR")
    return Places(
        data_dir=data,
        config_file=Path(config).expanduser() if config else dirs.user_config_path / "config.toml",
        cache_dir=Path(cache).expanduser() if cache else (data / "cache" if named else dirs.user_cache_path),
    )
