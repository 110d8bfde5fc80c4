"""What joytui is made of is known: the versions that CI installs, the licences, and what is in the wheel."""

from __future__ import annotations

import subprocess
import venv
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import supply

FREE = {"0BSD", "MIT-0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "PSF-2.0"}
OF_AN_EXTRA = {"psycopg": "LGPL-3.0-only", "psycopg-binary": "LGPL-3.0-only"}
"""Used as they are, and only by who asks for the extra `postgres`."""


def test_every_requirement_has_a_version_that_fits() -> None:
    pinned = supply.pinned()
    lines = [
        *supply.PROJECT["dependencies"],
        *(line for extra in supply.PROJECT["optional-dependencies"].values() for line in extra),
    ]
    for requirement in map(Requirement, lines):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement
    assert set(supply.BUILD) <= pinned.keys()


def test_what_they_require_has_one_too() -> None:
    pinned = supply.pinned()
    as_pinned = {name for name in supply.runtime() if pinned.get(name) == version(name)}
    for name in as_pinned:
        for requirement in map(Requirement, supply.distribution(name).requires or ()):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                assert canonicalize_name(requirement.name) in pinned, f"{name} wants {requirement}"


def test_the_versions_name_no_place_to_get_them_from() -> None:
    text = supply.CONSTRAINTS.read_text(encoding="utf-8")
    assert "://" not in text
    assert not [line for line in text.splitlines() if line.startswith("-")]


def test_every_package_has_a_licence_that_is_listed() -> None:
    listed, pinned = supply.listed(), supply.pinned()
    for name in supply.runtime():
        said = supply.licence(name)
        assert said, name
        if said != OF_AN_EXTRA.get(name):
            assert set(said.replace(" OR ", " AND ").split(" AND ")) <= FREE, f"{name}: {said}"
        if pinned.get(name) == version(name):
            assert listed[name] == said, name


@pytest.mark.slow
def test_the_wheel_holds_the_package_alone(tmp_path: Path) -> None:
    """Built as a user's pip builds it."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, supply.ROOT],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"joytui"}
    assert not [
        name for name in names if name.endswith((".pyc", ".sqlite3", ".lock", ".env", ".pem")) or "/tests/" in name
    ]
    modules = {path.relative_to(supply.ROOT).as_posix() for path in (supply.ROOT / "joytui").rglob("*.py")}
    assert modules <= set(names)
