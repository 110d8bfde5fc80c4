"""Folders that may not be entered, links in a circle, names that no file can have: Codex's own words, and no crash.

What Codex 0.169.0 prints for each was observed as a user without rights.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from joytui.codex.look import look
from joytui.codex.world import Invocation, World

NOBODY = 65534
CONFIG = 'model_provider = "j"\n[model_providers.j]\nname = "j"\nbase_url = "http://h/openai/v1"\nenv_key = "K"\n'


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may enter (pytest's own may not be), with one in it that only root may."""
    before = os.umask(0o022)  # a gateway within these tests gives its own umask to the process
    made = Path(tempfile.mkdtemp(prefix="joytui-locked-"))
    made.chmod(0o755)
    for name in ("locked/inner", "home/.codex", "project/.git", "project/.codex", "project/sub"):
        (made / name).mkdir(parents=True)
    (made / "project/.codex/config.toml").write_text('model = "other"\n')
    (made / "home/.codex/config.toml").write_text(CONFIG)
    for name in ("locked", "project/.codex"):
        (made / name).chmod(0)
    yield made
    for name in ("locked", "project/.codex"):
        (made / name).chmod(0o755)
    shutil.rmtree(made)
    os.umask(before)


@contextmanager
def without_rights() -> Iterator[None]:
    """As a user whom permissions bind; root is bound by none."""
    root = os.geteuid() == 0
    if root:
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
            os.setegid(0)


def seen(folder: Path, *args: str, cwd: str = "home", **env: str) -> World:
    env = {"HOME": str(folder / "home"), "K": "jt_x12345", **env}
    invocation = Invocation(args, env, folder / cwd, "0.169.0", folder)
    look(invocation)  # what is imported late may lie where only root may read
    with without_rights():
        return look(invocation)


def said(world: World) -> str:
    return str(world.problems[0].message) if world.problems else ""


def test_a_codex_home_that_cannot_be_read(folder: Path) -> None:
    (folder / "loop").symlink_to("loop")
    for name, reason in (
        ("locked/inner", "Permission denied (os error 13)"),
        ("home/.codex/config.toml/x", "Not a directory (os error 20)"),
        ("loop", "Symbolic link loop (os error 40)"),
    ):
        world = seen(folder, CODEX_HOME=str(folder / name))
        assert said(world) == f'Error finding codex home: failed to read CODEX_HOME "{folder / name}": {reason}'
        assert world.problems[0].cause == "codex-home-invalid"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("model_catalog_json", "Error: {reason}"),
        ("model_instructions_file", "Error: failed to read model instructions file {path}: {reason}"),
        ("experimental_compact_prompt_file", "Error: failed to read experimental compact prompt file {path}: {reason}"),
    ],
)
def test_a_named_file_that_cannot_be_read(folder: Path, key: str, words: str) -> None:
    missing, denied = "No such file or directory (os error 2)", "Permission denied (os error 13)"
    home = folder / "home/.codex"
    for value, path, reason in (
        (f"{folder}/locked/x", folder / "locked/x", denied),
        ("~/x", folder / "home/x", missing),
        ("~nobody-of-this-name/x", home / "~nobody-of-this-name/x", missing),
    ):
        assert said(seen(folder, "-c", f"{key}={value}")) == words.format(path=path, reason=reason)
    assert "NUL" in said(seen(folder, "-c", f'{key}="a\\u0000b"'))


def test_arguments_that_name_what_may_not_be_read(folder: Path) -> None:
    denied = "Permission denied (os error 13)"
    inner = str(folder / "locked/inner")
    assert said(seen(folder, "-C", inner)) == f"Error: {denied}"
    schema = seen(folder, "exec", "--output-schema", f"{inner}/x")
    assert said(schema) == f"Failed to read output schema file {inner}/x: {denied}"
    for place in (f"{inner}/x", f"{folder}/locked/x"):
        assert said(seen(folder, "exec", "-o", place)) == f'Error: Failed to open last message file "{place}": {denied}'


def test_a_project_s_folder_that_may_not_be_entered_is_none(folder: Path) -> None:
    trust = f'[projects."{folder}/project"]\ntrust_level = "trusted"\n'
    (folder / "home/.codex/config.toml").write_text(CONFIG + trust)
    world = seen(folder, cwd="project/sub")
    assert world.problems == ()
    assert world.effective["model"].value != "other"
