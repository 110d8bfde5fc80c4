"""What the product says is what it said when it was frozen: words that need no gateway, and the frozen files themselves."""

from __future__ import annotations

import json

import pytest

from tests.situations.frozen import differences, frozen, told, unified
from tests.situations.frozen.masking import document
from tests.situations.frozen.packing import pack, unpack
from tests.situations.frozen.sources import OFFLINE, PLAYED
from tests.support.playground import Job, Result, play
from tests.support.situation import Situation


@pytest.mark.parametrize("collection", ["text", "explain"])
def test_what_the_commands_print_is_as_it_was_frozen(collection: str):
    today = OFFLINE[collection]()
    changed = differences(collection, today)
    assert not changed, told(changed)
    assert list(today) == list(frozen(collection))


@pytest.mark.parametrize("collection", PLAYED)
def test_every_situation_is_frozen_once(collection: str):
    """A new situation is frozen with `python -m tests.situations.frozen`, a removed one leaves nothing behind."""
    names = [one.name for one in PLAYED[collection]()]
    assert len(set(names)) == len(names)
    assert list(frozen(collection)) == names


def test_a_change_is_named_member_by_member():
    name, known = next(iter(frozen("recorded").items()))
    fix = {**known["report"]["verdict"]["fix"], "safe": "no", "commands": []}
    reworded = {
        **known,
        "report": {**known["report"], "verdict": {**known["report"]["verdict"], "title": "x", "fix": fix}},
    }
    found = differences("recorded", {name: reworded, "new": known})
    assert [line.split(" ")[:2] for line in found[:4]] == [
        [f"{name}:", "report.verdict.title:"],
        [f"{name}:", "report.verdict.fix.commands[0]:"],
        [f"{name}:", "report.verdict.fix.commands[1]:"],
        [f"{name}:", "report.verdict.fix.safe:"],
    ]
    assert any(line.startswith("new: ") for line in found)
    assert '+   "title": "x",' in unified("recorded", name, reworded)
    assert differences("recorded", {name: known}) == []
    turned = {**known, "report": dict(reversed(known["report"].items()))}
    assert differences("recorded", {name: turned}) == [f"{name}: the order of the members"]


def test_only_the_machine_s_parts_are_masked():
    config = 'model = 5\nmodel_provider = "j"\n[model_providers.j]\nname = "j"\nbase_url = "http://127.0.0.1:{PORT}/v1"\nenv_key = "K"\n'
    situation = Situation("x", config=config, env={"K": "<KEY>"})
    one, other = (document(result) for result in play([Job(situation, "examine")] * 2))
    assert one == other
    assert one["report"]["verdict"]["evidence"][0]["where"] == "{D}/ch/config.toml:1"
    assert one["report"]["effective"]["base_url"]["value"] == "http://127.0.0.1:{PORT}/v1"


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        ("port 40123, and 401234, 140123, 0401230", "port {PORT}, and 401234, 140123, 0401230"),
        ("http://127.0.0.1:040123/v1", "http://127.0.0.1:0{PORT}/v1"),
        ("".join(f"{one}\0" for one in ":40123/"), ":\0{PORT}\0/\0"),
        ("--- a/tmp/play/ch/x\n/tmp/play/ch/x", "--- a{D}/ch/x\n{D}/ch/x"),
        ("h is [::1]:40123, 127.0.0.1:40123", "h is 127.0.0.1:{PORT}"),
    ],
)
def test_places_become_their_placeholders(said: str, masked: str):
    places = {"{D}": "/tmp/play", "{PORT}": "40123", "{SECOND}": "{SECOND}"}
    report = document(Result("x", "examine", stdout=json.dumps({"said": said, "port": 40123}), places=places))["report"]
    assert report == {"said": masked, "port": "{PORT}"}


def test_packed_documents_are_the_same_again():
    long = ["a value that stands in two places", {"x": "another one, which stands in two places, too"}]
    documents = {"one": {"a": long, "b": long[1]}, "two": {"c": [long]}, "three": None}
    text = pack(documents)
    assert unpack(text) == documents
    assert text.count("another one") == 1
    reference = next(word for word in text.split('"') if word.startswith("@"))
    with pytest.raises(ValueError, match="same reference"):
        pack({**documents, "four": reference})
