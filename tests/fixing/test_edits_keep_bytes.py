"""Any valid config.toml keeps every comment and every unrelated byte after an edit."""

from __future__ import annotations

import re
from itertools import count

import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from joytui.codex.edit import EditError, remove_key, rename_key, set_key
from joytui.codex.toml_reader import read_toml
from tests.support.examples import examples

WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="©"), max_size=8
)
BLANK = st.sampled_from(["", " ", "  ", "\t"])
VALUES = st.one_of(
    WORDS.filter(lambda text: '"' not in text and "\\" not in text).map('"{}"'.format),
    WORDS.filter(lambda text: "'" not in text).map("'{}'".format),
    st.sampled_from(
        [
            "true",
            "0x1F",
            "1_000",
            "-3.5e2",
            "1979-05-27T07:32:00Z",
            '"""\nlong # no comment\n"""',
            "[1, 2, # two\n 3]",
            "{ a = 1, b = 'x' }",
            "{}",
            "[]",
            "'''\nraw\n'''",
            "[ { x = 1 }, ]",
        ]
    ),
)
OTHERS = ["zeta", "notify", '"quoted key"', "'q.k'", "a.b.c", "tui"]


@st.composite
def documents(draw: st.DrawFn, provider: bool = True) -> str:
    """A config.toml with a provider's table somewhere, odd spacing, comments, and mixed line ends."""
    end = draw(st.sampled_from(["\n", "\r\n"]))
    number = count()
    lines: list[str] = []

    def filler() -> None:
        for _ in range(draw(st.integers(0, 2))):
            lines.append(draw(st.one_of(WORDS.map(f"# ©{next(number)}© {{}}".format), BLANK)))

    def pair(key: str, value: str | None = None) -> None:
        filler()
        comment = draw(st.one_of(st.just(""), WORDS.map(f" # ©{next(number)}© {{}}".format)))
        lines.append(f"{draw(BLANK)}{key}{draw(BLANK)}={draw(BLANK)}{value or draw(VALUES)}{comment}")

    for key in draw(st.lists(st.sampled_from(OTHERS), unique=True, max_size=3)):
        pair(key)
    if draw(st.booleans()):
        pair("model", '"auto"')
    tables = [f"mcp_servers.s{number}" for number in range(draw(st.integers(0, 2)))]
    tables.insert(draw(st.integers(0, len(tables))), "model_providers.joytoken")
    for table in tables:
        filler()
        lines.append(f"[{draw(BLANK)}{table}]{draw(st.sampled_from(['', ' # here']))}")
        for key in draw(st.lists(st.sampled_from(["name", "env-key", "base_url", "x"]), unique=True, max_size=3)):
            pair(key)
    filler()
    text = draw(st.sampled_from(["", "\ufeff"])) + end.join(lines) + draw(st.sampled_from(["", end]))
    if draw(st.integers(0, 4)) == 0:
        text = text.replace("\r\n", "\n", 1)
    read_toml(text)
    return text


def is_subsequence(small: str, large: str) -> bool:
    rest = iter(large)
    return all(char in rest for char in small)


@given(documents(), st.sampled_from([("model_provider",), ("model_providers", "joytoken", "env_key"), ("a", "new")]))
@settings(max_examples=examples(150), deadline=None)
def test_what_is_added_is_all_that_changes(text: str, path: tuple[str, ...]) -> None:
    new = set_key(text, path, "JOY").text
    assert is_subsequence(text, new)
    added = len(new) - len(text)
    assert added <= len(".".join(path)) + 40
    assert tomlkit.parse(new.removeprefix("\ufeff")).unwrap() == read_toml(new).data


@given(documents(), WORDS)
@settings(max_examples=examples(100), deadline=None)
def test_what_is_replaced_is_the_value_alone(text: str, value: str) -> None:
    document = read_toml(text)
    for path in [path for path in document.places if all(isinstance(part, str) for part in path)][:6]:
        try:
            new = set_key(text, path, value).text  # type: ignore[arg-type]
        except EditError:
            assert isinstance(found(document.data, path), dict)
            continue
        head = 0
        while head < min(len(text), len(new)) and text[head] == new[head]:
            head += 1
        tail = 0
        while tail < min(len(text), len(new)) - head and text[-1 - tail] == new[-1 - tail]:
            tail += 1
        old_value = text[head : len(text) - tail]
        was = found(document.data, path)
        assert "©" not in old_value
        assert "\n" not in old_value or isinstance(was, list) or "\n" in str(was)
        assert found(read_toml(new).data, path) == value


@given(documents())
@settings(max_examples=examples(150), deadline=None)
def test_removed_and_renamed_keys_leave_every_comment(text: str) -> None:
    table = read_toml(text).data["model_providers"]["joytoken"]
    for key in table:
        less = remove_key(text, ("model_providers", "joytoken", key)).text
        assert is_subsequence(less, text)
        assert comments(text) == comments(less)
        if "renamed" not in table:
            renamed = rename_key(text, ("model_providers", "joytoken", key), "renamed").text
            assert rename_key(renamed, ("model_providers", "joytoken", "renamed"), key).text == text


def comments(text: str) -> list[str]:
    """The comments, by the marks that each one carries."""
    return re.findall("©[0-9]+©", text)


def found(data: object, path: tuple[str | int, ...]) -> object:
    for part in path:
        data = data[part]  # type: ignore[index]
    return data
