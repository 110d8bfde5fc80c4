"""A config.toml where Codex does not look is named where it explains the failure, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from joytui.codex.world import Invocation
from joytui.core.records import Finding
from joytui.doctor import examine
from tests.doctor.test_robust import HEAD, OK
from tests.support.raw_gateway import CONFIG, KEY, answering

BLOCK = CONFIG.format(port=9)


def verdict(
    tmp_path: Path, *, codex_home: str | None = None, args: tuple[str, ...] = (), send: bool = False
) -> Finding:
    env = {"HOME": str(tmp_path), "PATH": "/nowhere", "JOY_TOKEN_API_KEY": KEY}
    if codex_home:
        env["CODEX_HOME"] = str(tmp_path / codex_home)
    return examine(Invocation(args, env, tmp_path, "0.169.0", tmp_path / "etc"), send=send).verdict


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def named(found: Finding) -> list[str]:
    return [one.what for one in found.evidence if "Codex does not read" in one.what]


JSON = '{"model_provider": "joytoken", "model_providers": {"joytoken": {"name": "joytoken"}}}'
YAML = "model: auto\nmodel_provider: joytoken\nmodel_providers:\n  joytoken:\n    name: joytoken\n"


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (".config/codex/config.toml", BLOCK),
        (".codex/config.toml", BLOCK),
        ("ch/Config.toml", BLOCK),
        ("ch/config.toml.txt", BLOCK),
        ("ch/config.json", JSON),
        ("ch/config.yaml", YAML),
    ],
)
@pytest.mark.parametrize(("present", "cause"), [("", "config-missing"), ('model = "auto"\n', "provider-not-selected")])
def test_the_file_is_named_with_the_place_where_its_lines_belong(
    tmp_path: Path, place: str, text: str, present: str, cause: str
) -> None:
    (tmp_path / "ch").mkdir()
    target = tmp_path / "ch/config.toml"
    if present:
        target.write_text(present)
    wrong = write(tmp_path / place, text)
    found = verdict(tmp_path, codex_home="ch")
    assert found.cause == cause
    assert named(found) == [f"Codex does not read {wrong}; move its lines to {target}"]
    assert found.fix is not None
    assert found.fix.patch is None
    assert str(wrong) in found.fix.summary
    assert any(str(wrong) in line for line in found.fix.commands)


def test_a_provider_that_is_only_defined_there(tmp_path: Path) -> None:
    write(tmp_path / ".codex/config.toml", 'model_provider = "joytoken"\n')
    wrong = write(tmp_path / ".config/codex/config.toml", BLOCK)
    found = verdict(tmp_path)
    assert found.cause == "provider-undefined"
    assert str(wrong) in named(found)[0]


@pytest.mark.parametrize(
    "text", ['model = "auto"\n', 'model_provider = "openai"\n', "not toml at all [[[", "\x00\xff", ""]
)
def test_a_file_that_would_not_help_is_not_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "ch").mkdir()
    write(tmp_path / ".codex/config.toml", text)
    found = verdict(tmp_path, codex_home="ch")
    assert (found.cause, named(found)) == ("config-missing", [])


def test_the_same_file_by_another_way_is_read(tmp_path: Path) -> None:
    real = write(
        tmp_path / "ch/config.toml", 'model = "auto"\n' + BLOCK.replace("model_provider =", "# model_provider =")
    )
    (tmp_path / ".codex").mkdir()
    (tmp_path / ".codex/config.toml").symlink_to(real)
    assert named(verdict(tmp_path, codex_home="ch")) == []


def test_a_line_of_the_own_file_comes_before_another_file(tmp_path: Path) -> None:
    """model_provider stands below a table header in the file that Codex reads: that is what to mend."""
    write(tmp_path / ".codex/config.toml", '[model_providers.joytoken]\nname = "j"\nmodel_provider = "joytoken"\n')
    write(tmp_path / ".config/codex/config.toml", BLOCK)
    found = verdict(tmp_path)
    assert (found.cause, named(found)) == ("provider-not-selected", [])


def test_where_codex_works_nothing_is_said(tmp_path: Path) -> None:
    write(tmp_path / ".config/codex/config.toml", BLOCK)
    with answering(HEAD + OK) as port:
        write(tmp_path / ".codex/config.toml", CONFIG.format(port=port))
        found = verdict(tmp_path, send=True)
    assert (found.works, named(found)) == (True, [])
