"""The reader of request bodies reads what Python's own does, but for what another reader could read otherwise."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joytui.gateway.json_members import READ, read_object
from joytui.gateway.refusals import Refused
from tests.support.examples import examples

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)
NAMES = st.text(min_size=1, max_size=8).filter(
    lambda name: name.casefold().replace("_", "") not in {known.replace("_", "") for known in READ}
)
SPACES = st.sampled_from(["", " ", "\n\t", "\r\n  "])


@settings(max_examples=examples(300), deadline=None)
@given(
    st.dictionaries(NAMES, VALUES, max_size=6),
    SPACES,
    st.booleans(),
    st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
)
def test_an_object_is_read_as_python_reads_it(body: dict[str, Any], space: str, escaped: bool, encoding: str) -> None:
    text = json.dumps(body, ensure_ascii=escaped, separators=(f"{space},{space}", f"{space}:{space}"))
    raw = f"{space}{text}{space}".encode(encoding, "surrogatepass")
    assert repr(read_object(raw)) == repr(json.loads(raw))


@settings(max_examples=examples(600), deadline=None)
@given(st.text(alphabet='{}[]",:1a \n\\tru\ue000', max_size=14).map(lambda text: text.replace("\ue000", "null")))
def test_what_is_no_json_is_refused(text: str) -> None:
    raw = text.encode()
    try:
        wanted = json.loads(raw)
    except ValueError:
        wanted = None
    try:
        found = read_object(raw)
    except Refused as refusal:
        assert not isinstance(wanted, dict) or "twice" in refusal.message
    else:
        assert found == wanted


@pytest.mark.parametrize("name", READ)
def test_each_name_that_is_read_has_no_second_spelling(name: str) -> None:
    assert read_object(json.dumps({name: 1}).encode()) == {name: 1}
    for other in (name.upper(), name.title(), name.replace("s", "ſ"), name.replace("k", "K"), name.replace("_", "")):
        if other != name:
            with pytest.raises(Refused, match="can be mistaken for"):
                read_object(json.dumps({other: 1}).encode())
