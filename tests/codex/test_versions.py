"""The versions' files: which one goes for a version, and that behaviours.toml and `Rules` name the same behaviours."""

from __future__ import annotations

import dataclasses
import tomllib
from importlib.resources import files

import pytest

import joytui.codex.versions
from joytui.codex.arguments import parse_arguments
from joytui.codex.models import default_model, shape_of
from joytui.codex.schema import base_schema, feature_known, schema_of, type_faults, unknown_keys
from joytui.codex.versions import Rules, assumed_version, flag_of, recorded_for, recorded_versions, rules_for

OLD, NEW = rules_for("0.169.0"), rules_for("0.171.0")


def test_every_behaviour_is_a_field_of_the_rules() -> None:
    table = tomllib.loads(files(joytui.codex.versions).joinpath("behaviours.toml").read_text("utf-8"))
    fields = {field.name for field in dataclasses.fields(Rules)} - {"version", "number", "recorded", "asked_flags"}
    assert {*table["since"], *table["until"]} == fields
    assert not {*table["since"]} & {*table["until"]}


@pytest.mark.parametrize(
    ("version", "lists"),
    [("0.80.0", "0.94.0"), ("0.119.0", "0.94.0"), ("0.120.0", "0.120.0"),
     ("0.139.0", "0.120.0"), ("0.152.9", "0.140.0"), ("0.153.0", "0.168.0"), ("0.168.0", "0.168.0"),
     ("0.170.0", "0.169.0"), ("0.171.0", "0.171.0"), ("0.999.0", recorded_versions()[-1].version), ("nonsense", assumed_version())],
)  # fmt: skip
def test_which_lists_go_for_a_version(version: str, lists: str) -> None:
    assert rules_for(version).recorded.version == lists


def test_the_files_are_whole() -> None:
    for one in recorded_versions():
        assert recorded_for(one.number) is one
        assert {"--model", "--config", "--help"} <= set(one.flags)
        assert {"exec", "e", "resume"} <= one.subcommands
        assert all([one.default_model, one.features, one.headers])
        assert not one.models or one.default_model in one.models
    assert base_schema()["version"] in {one.version for one in recorded_versions()}


@pytest.mark.parametrize(
    ("flag", "version", "known"),
    [("--ephemeral", "0.119.0", False), ("--ephemeral", "0.120.0", True), ("--strict-config", "0.130.0", False), ("-c", "0.130.0", True),
     ("--trust", "0.150.0", True), ("--trust", "0.149.0", False), ("--full-auto", "0.149.0", True), ("--full-auto", "0.150.0", False),
     ("--no-daemon", "0.156.0", False), ("--no-daemon", "0.999.0", True)],
)  # fmt: skip
def test_flags_between_the_recorded_versions(flag: str, version: str, known: bool) -> None:
    assert (flag_of(flag, rules_for(version)) is not None) == known


def test_what_the_newest_recorded_version_brought() -> None:
    assert (default_model(OLD), default_model(NEW)) == ("gpt-6.1-sol", "gpt-6.2-sol")
    assert (shape_of("gpt-6.2-astra", OLD), shape_of("gpt-6.2-astra", NEW)) == ("classic", "lite")
    assert shape_of("gpt-daybreak-blue-latest", NEW) == "lite"
    remote = ["exec", "--remote", "ws://127.0.0.1:1", "hi"]
    assert parse_arguments(remote, OLD)[1][0].flag == "--remote"
    assert parse_arguments(remote, NEW)[1] == ()
    assert (feature_known("safe_image_decoder", OLD), feature_known("safe_image_decoder", NEW)) == (False, True)
    assert "accept-encoding" not in OLD.recorded.headers
    assert NEW.recorded.headers["accept-encoding"] == "zstd,gzip"


def test_new_keys_are_unknown_before_and_checked_after() -> None:
    config = {"responses": {"process_mode": "sometimes"}, "features": {"utc_environment_date": True}}
    assert list(unknown_keys(config, OLD)) == [("responses",), ("features", "utc_environment_date")]
    assert list(unknown_keys(config, NEW)) == []
    assert list(type_faults(config, OLD)) == []
    (fault,) = type_faults(config, NEW)
    assert fault.message == "unknown variant `sometimes`, expected `streaming` or `after_complete_response`"
    assert "responses" not in schema_of("0.169.0")["top"]


def test_keys_that_an_older_version_lacks_are_not_checked() -> None:
    config = {"model_providers": {"x": {"name": "x", "location": 1}}, "tui": {"effects": 1}}
    assert list(type_faults(config, rules_for("0.140.0"))) == []
    assert [fault.shown for fault in type_faults(config, OLD)] == ["model_providers.x.location", "tui.effects"]
