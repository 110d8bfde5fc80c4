"""The TOML reader against the standard library, tomlkit, and the words of the real Codex."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from datetime import date, datetime
from datetime import time as clock
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from joytui.codex.toml_reader import TomlError, read_toml
from tests.codex.conftest import SEED
from tests.support.examples import examples
from tests.support.hang import ended
from tests.support.steps import grows_linearly

RECORDED = json.loads((Path(__file__).parent / "syntax_errors.json").read_text("utf-8"))
# Where another token of the same broken line is named than Codex names.
WORDED_OTHERWISE = {
    "a = {b=1": "3:1: extra assignment between key-value pairs, expected `,`",
    "a = {b=1 c=2}": "1:8: string values must be quoted, expected literal string",
    '"a = 1': '1:7: invalid basic string, expected `"`',
}

keys = st.text("abc-_19", min_size=1, max_size=4) | st.text(max_size=4).filter(
    lambda t: not any(0xD800 <= ord(c) <= 0xDFFF for c in t)
)
texts = st.text(max_size=12).filter(lambda t: not any(0xD800 <= ord(c) <= 0xDFFF for c in t))
scalars = (
    texts | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.dates() | st.datetimes()
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)
documents = st.dictionaries(keys, values, max_size=5)


@given(documents)
@settings(max_examples=examples(150), deadline=None)
def test_reads_what_tomlkit_writes(data: dict[str, Any]) -> None:
    text = tomlkit.dumps(data)
    assert read_toml(text).data == tomllib.loads(text)


@given(documents)
@settings(max_examples=examples(60), deadline=None)
def test_every_key_has_its_line(data: dict[str, Any]) -> None:
    document = read_toml(tomlkit.dumps(data))
    lines = document.text.split("\n")
    for path, offset in document.places.items():
        line, column = document.position(offset)
        key = path[-1]
        if isinstance(key, str):
            written = lines[line - 1][column - 1 :]
            assert written.startswith(key) or written[0] in "\"'"


@given(st.text(alphabet=" \t\n\r\"'[]{}=.,#\\ab1-_+:TZ\u00a0\ufeff", max_size=40))
@settings(max_examples=examples(500), deadline=None)
def test_never_disagrees_with_the_standard_library_on_values(text: str) -> None:
    try:
        wanted = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        wanted = None
    except ValueError:
        return
    try:
        found = read_toml(text).data
    except TomlError as error:
        found = error
    if isinstance(found, TomlError):
        assert wanted is None, f"refused a good document: {found}"
        assert found.line >= 1
        assert found.column >= 1
    elif wanted is not None:
        assert found == wanted


@pytest.mark.parametrize("row", RECORDED, ids=lambda row: repr(row["text"]))
def test_says_what_codex_says(row: dict[str, Any]) -> None:
    text = row["text"] + "\n\n" + SEED.replace("https://api-dev.joytokens.ai", "http://127.0.0.1:9")
    if row["says"] is None:
        read_toml(text)
        return
    with pytest.raises(TomlError) as caught:
        read_toml(text)
    said = f"{caught.value.line}:{caught.value.column}: {caught.value.message}"
    assert said == WORDED_OTHERWISE.get(row["text"], row["says"])


def test_toml_1_1_as_codex_reads_it() -> None:
    text = 'a = {b = 1,\n  c = 2, # why\n}\nd = "\\e\\x41"\ne = 07:32\nf = 1979-05-27 07:32\n'
    assert read_toml(text).data == {
        "a": {"b": 1, "c": 2}, "d": "\x1bA", "e": clock(7, 32), "f": datetime(1979, 5, 27, 7, 32),
    }  # fmt: skip
    assert read_toml("\ufeffa = 1979-05-27").data == {"a": date(1979, 5, 27)}


def test_deep_nesting_is_refused_and_does_not_crash() -> None:
    with pytest.raises(TomlError):
        read_toml("a = " + "[" * 5000)


def test_a_large_file_takes_work_by_its_size() -> None:
    table = '[model_providers.p{0}]\nname = "p{0}"\nbase_url = "http://127.0.0.1:9/{1}"\nenv_key = "K"\n'

    def reading(providers: int) -> Callable[[], None]:
        text = SEED + "".join(table.format(i, "x" * 220) for i in range(providers))

        def read() -> None:
            assert len(read_toml(text).data["model_providers"]) == providers + 1

        return read

    assert grows_linearly(reading, 500)
    with ended():
        reading(20_000)()
