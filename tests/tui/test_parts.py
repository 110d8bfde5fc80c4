"""The console's pure parts: what turns snapshots into lines, cells, words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from joytui.causes import ROW_TEXTS
from joytui.core.filters import Match, fold, glob_regex, parse
from joytui.core.joytoken import try_command
from joytui.core.records import ROWS
from joytui.core.token_counts import USAGE_GROUPS
from joytui.tui import clipboard
from joytui.tui.ascii import to_ascii
from joytui.tui.background import _dark_by_environment, is_dark
from joytui.tui.charts.cells import bar, bar_parts, columns, low_bar, low_bar_parts, share
from joytui.tui.charts.ticks import finite, label_places, round_ticks, tick_text
from joytui.tui.doctor.snapshot import DoctorSnapshot
from joytui.tui.doctor.ticket import fix_text, ticket_text
from joytui.tui.doctor.verdict_text import headline
from joytui.tui.doctor.walk_lines import ROW_NAMES, walk_lines
from joytui.tui.keys.form import key_create, read
from joytui.tui.keys.texts import LABEL
from joytui.tui.keys.texts import detail as key_detail
from joytui.tui.launch import refuse_without_terminal
from joytui.tui.lines import filled
from joytui.tui.memory import Memory, load, save
from joytui.tui.shown import pasted
from joytui.tui.state import LinkState, link_words
from joytui.tui.theme import CONTRAST_LIGHT, DARK, LIGHT, SERIES_NAMES, THEMES, theme_name
from joytui.tui.usage.drill import FILTERS, requests_filter
from joytui.tui.usage.snapshot import Group, Question, UsageSnapshot
from joytui.tui.usage.sums import chart, ranking
from joytui.tui.usage.window import Bucket
from joytui.tui.widgets.masthead import masthead
from joytui.tui.widgets.verdict import parts
from tests.support.clock import NOW
from tests.tui import data
from tests.tui.opening import done


def test_rows_are_the_guides():
    assert tuple(ROW_NAMES) == ROWS
    assert all(ROW_NAMES[row] == ROW_TEXTS[row].symptom for row in ROWS if row != "other")


def test_walk_while_it_runs():
    snapshot = DoctorSnapshot().started(send=False).with_step(data.step("key.value", "fail"))
    lines = walk_lines(snapshot)
    assert [line.status for line in lines if line.row == "401"] == ["fail", "fail"]
    assert {line.status for line in lines if line.row == "402"} == {"running"}


def test_a_step_that_comes_again_replaces_itself():
    snapshot = DoctorSnapshot().with_step(data.step("key.value", "unknown")).with_step(data.step("key.named"))
    again = snapshot.with_step(data.step("key.value", "pass"))
    assert [(s.id, s.status) for s in again.steps] == [("key.value", "pass"), ("key.named", "pass")]


@pytest.mark.parametrize(
    ("name", "mood"), [("HEALTHY", "good"), ("KEY_UNSET", "bad"), ("BASE_URL_PATH", "bad"), ("NO_CODEX", "calm")]
)
def test_headline_moods(name, mood):
    assert headline(done(getattr(data, name))).mood == mood


def test_headline_before_sending_names_the_key_that_sends():
    head = headline(done(data.UNDECIDED, sent=False))
    assert head.mood == "calm"
    assert "press r" in head.under


def test_no_codex_is_no_alarm_and_offers_the_config():
    shown = {part.name: part for part in parts(done(data.NO_CODEX))}
    assert set(shown) == {"why", "block"}
    assert "model_provider" in shown["block"].make(60).plain


def test_ticket_has_all_that_support_asks_for():
    text = ticket_text(data.KEY_UNSET)
    for word in ("key-unset", "row 401", "config.toml:7", "source ~/.zshrc", "0.169.0", "Missing environment variable"):
        assert word in text


def test_fix_text_prefers_commands_over_the_patch():
    assert fix_text(data.BASE_URL_PATH.verdict.fix).startswith("sed -i")


@pytest.mark.parametrize("width", [30, 44, 64, 80, 200])
def test_masthead_names_all_screens_at_any_width(width):
    line = masthead("logs", LinkState("live", url="http://127.0.0.1:8791"), width).plain
    assert all(name in line for name in ("Doctor", "Logs", "Usage", "Keys")) or width < 40


@pytest.mark.parametrize("phase", ["idle", "finding", "starting", "live", "behind", "lost", "off", "failed"])
def test_every_link_state_says_something(phase):
    glyph, _, short, _ = link_words(LinkState(phase, url="http://127.0.0.1:8791", note="port 8791 is taken"))
    assert glyph
    assert short or phase == "idle"


def test_no_word_about_a_gateway_before_somebody_looked():
    assert link_words(LinkState())[2] == ""
    assert link_words(LinkState(looked=True))[2] == "no gateway running"


def test_ascii_keeps_widths():
    text = "✓ 401 … → █▁▌ ╭─╮ naïve “x” 漢"
    assert to_ascii(text).isascii()
    assert len(to_ascii(text)) == len(text) + 1  # 漢 takes two cells


def test_bars():
    assert bar(0, 4) == "    "
    assert bar(1, 4) == "████"
    assert bar(0.001, 4) == "▏   "
    assert bar(float("nan"), 4) == "    "
    assert "".join(text for text, _ in bar_parts(0.5, 4, "red", "grey")) == bar(0.5, 4)
    assert [low_bar(part, 4) for part in (0, 0.001, 0.5, 0.6, 1, 2, float("nan"))] == [
        "",
        "▖",
        "▄▄",
        "▄▄▖",
        "▄▄▄▄",
        "▄▄▄▄",
        "",
    ]
    assert low_bar_parts(0.5, 4, "red", "grey") == [("▄▄", "red"), ("▁▁", "grey")]
    assert to_ascii("▄▄▖▁") == "===_"  # what is left differs without colours, too
    assert columns([0, 1, 2], 1) == [" ▄█"]
    assert columns([float("inf"), 2.0], 2)[1] == " █"
    assert share(1, 0) == 0


@pytest.mark.parametrize(
    ("top", "last"), [(1.47, 1.5), (93, 100), (0.0031, 0.004), (7, 8), (0, 1), (float("nan"), 1), (1e300, None)]
)
def test_round_ticks(top, last):
    ticks = round_ticks(top, 4)
    assert len(ticks) >= 2
    assert ticks[-1] >= min(finite(top), 1e15)
    if last is not None:
        assert ticks[-1] == pytest.approx(last)


def test_tick_texts():
    assert [tick_text(t, 25) for t in (0, 25, 100)] == ["0", "25", "100"]
    assert tick_text(2500, 500) == "2.5k"
    assert tick_text(0.0005, 0.0005) == "0.0005"


def test_labels_never_touch_and_end_with_the_last():
    labels = [f"{day:02d} Nov" for day in range(1, 31)]
    places = label_places(labels, 70)
    assert places[-1] == 29
    assert len(places) * 8 <= 70 + 8


def test_form_reads_a_wish():
    now = datetime(2026, 11, 23, tzinfo=UTC)
    wish, problems = read({"name": " ci ", "daily_limit": "2,5", "expires": "30d"}, now)
    assert not problems
    assert wish is not None
    assert (wish.name, wish.daily_limit, wish.owner) == ("ci", "2.5", None)
    assert wish.expires_at == "2026-12-23T00:00:00.000Z"
    wish, _ = read(
        {"name": "ci", "per_task_limit": "3", "max_requests_per_minute": "30", "max_identical_turns": " 4"}, now
    )
    assert wish is not None
    policy = key_create(wish).policy
    assert policy is not None
    assert (policy.per_task_limit, policy.max_requests_per_minute, policy.max_identical_turns) == ("3", 30, 4)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a\x1b[31mb"}, "name"),
        ({"name": "a", "daily_limit": "much"}, "daily_limit"),
        ({"name": "a", "total_limit": "-1"}, "total_limit"),
        ({"name": "a", "expires": "soon"}, "expires"),
        ({"name": "a", "per_task_limit": "some"}, "per_task_limit"),
        ({"name": "a", "max_requests_per_minute": "0"}, "max_requests_per_minute"),
        ({"name": "a", "max_identical_turns": "1001"}, "max_identical_turns"),
        ({"name": "a", "expires": "2020-01-01"}, "expires"),
    ],
)
def test_form_names_what_is_wrong(values, field):
    wish, problems = read(values, datetime(2026, 11, 23, tzinfo=UTC))
    assert wish is None
    assert set(problems) == {field}


def test_background_answers():
    assert is_dark(b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\")
    assert not is_dark(b"\x1b]11;rgb:ffff/ffff/ffff\x07")
    assert is_dark(b"")
    assert not _dark_by_environment("0;15")
    assert _dark_by_environment("15;0")


def test_theme_words():
    assert theme_name("auto", dark=True) == DARK
    assert theme_name(None, dark=False) == LIGHT
    assert theme_name("contrast", dark=False) == CONTRAST_LIGHT
    assert theme_name("nord", dark=True) == "nord"


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_what_failed_has_a_colour_of_its_own(theme) -> None:
    assert theme.error not in {theme.variables[name] for name in SERIES_NAMES}


def test_memory_survives_and_forgives(tmp_path):
    file = tmp_path / "data" / "console.json"
    assert load(file) == Memory()
    save(file, Memory("keys", "joytui-light"))
    assert load(file) == Memory("keys", "joytui-light")
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text('{"screen": "../x", "theme": 7}')
    assert load(file) == Memory()
    save(tmp_path / "data" / "console.json" / "no" / "folder", Memory())  # a file stands where a folder should


def test_no_terminal_is_refused():
    from joytui.core.errors import UsageError

    with pytest.raises(UsageError, match="needs a terminal"):
        refuse_without_terminal({"TERM": "xterm"})


def test_durations_and_ages():
    from joytui.tui.keys.table import ago

    assert ago(None, data.NOW) == "never"
    assert ago((data.NOW - timedelta(hours=3)).isoformat(), data.NOW) == "3 h ago"


@pytest.mark.parametrize(
    ("spent", "colour"), [("7.9", "primary"), ("8", "warning"), ("9.99", "warning"), ("10", "error")]
)
def test_a_budget_warns_from_eighty_percent_on(spent: str, colour: str) -> None:
    from joytui.core.wire import BudgetView
    from joytui.tui.keys.table import budget_cell

    budget = BudgetView(period="daily", limit="10", spent=spent, held="0", left="0")
    key = data.keys()[0].model_copy(update={"budgets": [budget]})
    colours = {name: name for name in ("primary", "warning", "error", "rule", "quiet", "foreground")}
    styles = {str(span.style) for span in (*budget_cell(key, colours).spans, *key_detail(key, data.NOW, 60).spans)}
    used = {word.strip("$") for style in styles for word in style.split()} & {"primary", "warning", "error"}
    assert used == {colour}


def test_one_key_is_one_key() -> None:
    from joytui.tui.keys.snapshot import KeysSnapshot
    from joytui.tui.keys.texts import context
    from tests.tui import data

    keys = data.keys()
    assert context(KeysSnapshot(keys[:1], loaded=True), 80).plain.split("  ·  ")[0] == "1 key"
    assert context(KeysSnapshot(keys[:2], loaded=True), 80).plain.split("  ·  ")[0] == "2 keys"


def test_a_console_of_the_tests_leaves_no_folder() -> None:
    import gc

    from tests.tui.opening import console

    app = console()
    folder = app.options.places.data_dir
    assert folder.is_dir()
    del app
    gc.collect()
    assert not folder.exists()


def threads(many: int) -> UsageSnapshot:
    """So many threads of one day, the dearest last, and what the gateway calls the others, dearer than each."""
    numbers = {
        "requests": 1,
        "errors": 0,
        "input_tokens": 10,
        "output_tokens": 1,
        "source": "gateway",
        "day": "2026-11-23",
    }
    rows = [{**numbers, "thread": f"t{n}", "cost_credits": str(n)} for n in range(1, many + 1)]
    rows.append({**numbers, "thread": "(others)", "cost_credits": "100"})
    return UsageSnapshot(Question(group="thread"), data.typed(rows), None, source="gateway")


def test_the_others_stand_last_and_once() -> None:
    assert [line.name for line in ranking(threads(3))] == ["t3", "t2", "t1", "(others)"]
    drawn = chart(threads(7), data.NOW, UTC)
    assert [(one.name, one.total) for one in drawn.series] == [
        *((f"t{n}", n * 10**9) for n in (7, 6, 5, 4, 3)),
        ("(others)", 103 * 10**9),
    ]
    assert [one.name for one in chart(threads(2), data.NOW, UTC).series] == ["t2", "t1", "(others)"]


@pytest.mark.parametrize("owner", ["ann", "Anna B", 'Anna "Ann" B, jr', '"'])
def test_an_owner_of_any_name_is_found(owner: str) -> None:
    text, _ = requests_filter(Question(group="owner"), None, owner, named=True, now=NOW, zone=UTC)
    term = parse(text).terms[0]
    assert isinstance(term, Match)
    assert glob_regex(term.pattern).fullmatch(fold(owner))


def test_no_filter_finds_the_others_and_the_console_says_so() -> None:
    asked = Question(group="thread")
    text, left_out = requests_filter(asked, None, "(others)", named=True, now=NOW, zone=UTC)
    assert text == "since:2026-11-17T00:00Z"
    assert left_out == "(others) stands for several threads: showing all requests of that time"


@pytest.mark.parametrize(
    ("group", "value", "term"),
    [
        ("thread", "t1", "thread:t1"),
        ("owner", "Ada", "owner:Ada"),
        ("team", "core", "team:core"),
        ("project", "/src/my app", 'project:"/src/my app"'),
        ("task", "t1", "task:t1"),
        ("label", "night shift", 'label:"night shift"'),
        ("repo", "host/app", "repo:host/app"),
        ("commit", "c1", "commit:c1"),
        ("client", "codex_exec/1", 'client:codex_exec/1,"codex_exec/1 *"'),
    ],
)
def test_a_line_of_usage_leads_to_its_requests_alone(group: Group, value: str, term: str) -> None:
    text, left_out = requests_filter(Question(group=group), None, value, named=True, now=NOW, zone=UTC)
    assert (text, left_out) == (f"{term} since:2026-11-17T00:00Z", "")


def test_the_screen_groups_by_whatever_the_command_does() -> None:
    assert set(get_args(Group)) == set(USAGE_GROUPS) - set(get_args(Bucket))
    assert set(FILTERS) == set(get_args(Group)) - {"branch"}, "from each of them to its requests"


@pytest.mark.parametrize("width", [120, 86, 70, 55])
def test_a_long_command_is_cut_where_one_would_pause_in_it(width: int) -> None:
    lines = filled(try_command(), width)
    assert all(len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == try_command().replace(" ", "")
    assert any("http://127.0.0.1:8791/openai/v1" in line for line in lines)
    assert any("JOY_TOKEN_API_KEY" in line for line in lines)


def test_what_has_no_sign_is_cut_at_the_edge() -> None:
    assert filled("see " + "x" * 30 + " there", 20) == ["see", "x" * 20, "x" * 10 + " there"]


def test_a_copy_says_no_more_than_is_known() -> None:
    assert clipboard.words("The id", served=False, env={}) == "The id was sent to the terminal, for its clipboard."
    assert "only over https or on localhost" in clipboard.words("The id", served=True, env={})


def test_a_long_client_goes_on_under_its_start() -> None:
    key = data.keys()[0].model_copy(update={"clients": ["an-inhouse-agent-with-a-very-long-name/2026.11.23-rc1"]})
    lines = key_detail(key, data.NOW, 40).plain.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("used by"))
    assert lines[at][:LABEL] == "used by".ljust(LABEL)
    assert lines[at + 1][:LABEL] == " " * LABEL
    assert max(map(len, lines)) <= 40


def test_what_is_pasted_brings_no_control_characters() -> None:
    assert pasted("\x1b[31mred\x1b[0m\x00\x02 a\tb\r\nnext\x1b]0;title\x07\x7f") == "red a\tb\nnext"
