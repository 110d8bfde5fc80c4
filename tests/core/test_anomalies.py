"""Anomalies: an hour against its usual, and whose spending it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from joytui.core.anomalies import Culprit, find_anomalies, live_rate, times, usual
from joytui.core.periods import hour_of

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOW = hour_of(AT)


def office(amount: int, days: int = 10) -> dict[int, int]:
    """Spending at 9 to 17 o'clock on each of the days before."""
    return {NOW - 12 - 24 * day + hour: amount for day in range(1, days + 1) for hour in range(9, 18)}


def plus(*series: dict[int, int]) -> dict[int, int]:
    return {hour: sum(one.get(hour, 0) for one in series) for one in series for hour in one}


def anomalies(parts: dict[str, dict[str, dict[int, int]]], since: datetime = AT - timedelta(hours=6)):
    total = plus(*next(iter(parts.values())).values())
    return find_anomalies(total, parts, since, AT + timedelta(hours=1))


def test_an_ordinary_day_is_none() -> None:
    alice = plus(office(100), {NOW - 3 + hour: 120 for hour in range(4)})
    assert anomalies({"key": {"alice": alice}}) == []


def test_the_culprit_is_named() -> None:
    alice = plus(office(100), {NOW: 110})
    ci = plus(office(50), {NOW: 400})
    (found,) = anomalies({"key": {"alice": alice, "ci-nightly": ci}, "model": {"auto": plus(alice, ci)}})
    assert (found.begin, found.end, found.amount, found.usual) == (AT, AT + timedelta(hours=1), 510, 150)
    assert found.culprit is not None
    assert found.culprit.dimension in ("key", "model")
    (found,) = anomalies({"key": {"alice": alice, "ci-nightly": ci}})
    assert found.culprit == Culprit("key", "ci-nightly", 400, 50)
    assert found.culprit.text == "key ci-nightly: 8× its usual for this hour"


def test_at_night_nothing_is_usual() -> None:
    night = AT - timedelta(hours=9)
    ci = plus(office(100), {hour_of(night): 500})
    (found,) = anomalies({"key": {"ci": ci}}, since=night)
    assert found.usual == 0
    assert found.culprit is not None
    assert found.culprit.text == "key ci: normally spends nothing at this hour"


def test_many_at_once_are_nobodys_fault() -> None:
    keys = {f"dev-{n}": plus(office(10), {NOW: 40}) for n in range(10)}
    (found,) = anomalies({"key": keys})
    assert found.culprit is None


def test_a_small_thing_is_no_anomaly() -> None:
    ci = plus(office(1000), {NOW - 12 + hour: 1000 for hour in range(9, 12)}, {NOW - 9: 20})
    assert anomalies({"key": {"ci": ci}}, since=AT - timedelta(hours=9, minutes=1)) == []


def test_an_anomaly_is_at_least_a_tenth_of_the_day_before() -> None:
    """Nothing is usual at night; 900 were spent in the 24 hours before."""
    night = NOW - 9
    for amount, count in ((89, 0), (90, 1)):
        ci = plus(office(100), {night: amount})
        assert len(anomalies({"key": {"ci": ci}}, since=AT - timedelta(hours=9))) == count


def test_an_anomaly_is_at_least_three_times_the_usual() -> None:
    for amount, count in ((299, 0), (300, 1)):
        alice = plus(office(100), {NOW: amount})
        assert len(anomalies({"key": {"alice": alice}})) == count


def test_the_usual_looks_fourteen_days_back() -> None:
    """Low on the last six days, high on the eight before, and before these it does not count."""
    series = {NOW - 24 * day: 10 if day <= 6 else 100 if day <= 14 else 1000 for day in range(1, 40)}
    assert usual(series, NOW) == 100
    high = {NOW - 24 * day: 10 if day <= 7 else 100 if day <= 14 else 1000 for day in range(1, 40)}
    assert usual(high, NOW) == 10


def test_too_little_is_known() -> None:
    assert usual({}, NOW) is None
    assert usual({NOW - 1: 5, NOW - 2: 7}, NOW) is None
    assert usual({NOW - back: back for back in range(1, 8)}, NOW) == 4
    assert anomalies({"key": {"new": {NOW - 1: 1, NOW: 1000}}}) == []


def test_the_live_rate() -> None:
    recent = [(AT - timedelta(minutes=m), 10) for m in (1, 5, 9, 11)]
    rate = live_rate(recent, office(60), AT)
    assert (rate.now, rate.usual) == (180, 60)


def test_times_as_one_says_it() -> None:
    assert [times(a, u) for a, u in ((8, 1), (25, 10), (1203, 10), (10, 3))] == ["8", "2.5", "120", "3.3"]


def runaway(hours: range, amount: int) -> dict[int, int]:
    return plus(office(100), dict.fromkeys(hours, amount))


def test_hours_side_by_side_are_one_and_the_largest_comes_first() -> None:
    """A runaway of four hours two days ago, and a smaller one last night."""
    weekend = range(NOW - 50, NOW - 46)
    total = plus(runaway(weekend, 5_000), {NOW - 10: 3_000})
    large, small = find_anomalies(total, {"key": {"ci": total}}, AT - timedelta(days=7), AT)
    assert (hour_of(large.begin), hour_of(large.end)) == (weekend.start, weekend.stop)
    assert large.amount == sum(total[hour] for hour in weekend)
    assert large.excess > small.excess
    assert large.culprit is not None
    assert large.culprit.amount == large.amount


def test_small_change_does_not_shout_beside_a_runaway() -> None:
    """A night hour that costs a day's tenth is one by itself, and none in a week in which fifty times as much was burnt."""
    alone = plus(office(100), {NOW - 10: 300})
    assert len(find_anomalies(alone, {}, AT - timedelta(days=7), AT)) == 1
    beside = plus(alone, {NOW - 50: 30_000})
    (found,) = find_anomalies(beside, {}, AT - timedelta(days=7), AT)
    assert hour_of(found.begin) == NOW - 50


def test_a_quiet_weekend_makes_no_evening_large() -> None:
    """Nothing was spent in the day before; a tenth of a usual day is 90."""
    for amount, count in ((89, 0), (300, 1)):
        week = plus(
            {NOW - 12 - 24 * day + hour: 100 for day in range(4, 11) for hour in range(9, 18)}, {NOW - 5: amount}
        )
        assert len(find_anomalies(week, {}, AT - timedelta(hours=12), AT)) == count


def test_each_dimension_has_its_culprit() -> None:
    total = runaway(range(NOW - 50, NOW - 46), 5_000)
    half = {hour: amount // 3 for hour, amount in total.items()}
    parts = {"owner": {"ben": total}, "thread": {"t1": half, "t2": half}, "project": {"shop": total, "docs": {}}}
    (found,) = find_anomalies(total, parts, AT - timedelta(days=7), AT)
    assert {(one.dimension, one.name) for one in found.culprits} == {("owner", "ben"), ("project", "shop")}
