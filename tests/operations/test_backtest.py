"""Can past days be asked for within reason, one wish at a time, and does a wish survive what happens to its process?"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.errors import Conflict, Invalid, NotFound
from app.models import Backtest
from app.operations.backtest import (
    KEPT,
    LOST,
    claim_backtest,
    first_playable_day,
    first_whole_day,
    list_backtests,
    start_backtest,
)  # fmt: skip
from app.operations.kept_run import cancel_run, fail_run, find_run, finish_run, give_back_run, report_progress
from app.operations.position import ReportedFix, record_fixes
from app.rules.position import Fix

TOKYO = ZoneInfo("Asia/Tokyo")
TODAY = date(2026, 11, 24)
WEEK = timedelta(days=7)


@pytest.fixture
def ask(db, clock):
    def wish(first: date = TODAY - timedelta(days=1), last: date = TODAY, **values):
        with db.write() as session:
            return start_backtest(
                session, from_day=first, until_day=last, policy_values=values, actor="user:1", now=clock.now(),
                zone=TOKYO, fixes_kept=WEEK,
            ).id  # fmt: skip

    return wish


def claim(db, at):
    with db.write() as session:
        found = claim_backtest(session, at)
        return None if found is None else (found.id, found.runs)


def state(db, backtest_id):
    with db.read() as session:
        found = find_run(session, Backtest, backtest_id)
        return found.state, found.state_reason, found.progress


@pytest.mark.parametrize(
    ("first", "last", "values", "field", "code"),
    [
        (TODAY - timedelta(days=8), TODAY, {}, "from_day", "fixes_deleted"),
        (TODAY, TODAY + timedelta(days=1), {}, "until_day", "day_to_come"),
        (TODAY, TODAY - timedelta(days=1), {}, "until_day", "before_start"),
        (TODAY - timedelta(days=100), TODAY, {}, "until_day", "too_many_days"),
        (TODAY, TODAY, {"louder": 1}, "louder", "extra"),
        (TODAY, TODAY, {"last_share": 7}, "last_share", "range"),
    ],
)
def test_what_cannot_be_played_is_refused_with_its_field(ask, first, last, values, field, code):
    with pytest.raises(Invalid) as refused:
        ask(first, last, **values)
    assert (field, code) in {(problem.field, problem.code) for problem in refused.value.problems}


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (datetime(2026, 11, 24, 7, 0, tzinfo=UTC), date(2026, 11, 18)),  # 16:00 in Tokyo: the 17th is half deleted
        (datetime(2026, 11, 23, 15, 0, tzinfo=UTC), date(2026, 11, 17)),  # midnight in Tokyo: the 17th is whole
    ],
)
def test_only_whole_days_can_be_played(now, first):
    assert first_whole_day(now, TOKYO, WEEK) == first


def test_positions_that_are_gone_do_not_come_back_when_they_are_kept_longer(db, world, clock):
    def first():
        with db.read() as session:
            return first_playable_day(session, clock.now(), TOKYO, 10 * WEEK)

    assert first() == TODAY - timedelta(days=69)
    with db.write() as session:
        fix = Fix(clock.now(), 34.2, 135.1, 12.0)
        record_fixes(session, world.technician, [ReportedFix(fix, {})], source="api", now=clock.now())
    clock.forward(days=3)
    assert first() == TODAY


def test_one_wish_at_a_time(ask, db, clock):
    one = ask()
    with pytest.raises(Conflict, match="backtest_running"):
        ask()
    with db.write() as session:
        cancel_run(session, Backtest, one, clock.now())
    assert ask() != one
    with db.write() as session, pytest.raises(Conflict, match="backtest_over"):
        cancel_run(session, Backtest, one, clock.now())


def test_a_wish_is_taken_up_once_and_done(ask, db, clock):
    one = ask(last_share=0.5)
    claimed = claim(db, clock.now())
    assert claimed == (one, 1)
    assert claim(db, clock.now()) is None
    with db.write() as session:
        assert report_progress(session, Backtest, *claimed, 0.5, clock.now())
    assert state(db, one) == ("running", None, 0.5)
    with db.write() as session:
        assert finish_run(session, Backtest, *claimed, {"some": "thing"}, clock.now())
        assert not report_progress(session, Backtest, *claimed, 0.9, clock.now())
    with db.read() as session:
        found = find_run(session, Backtest, one)
        assert (found.state, found.progress, found.result, found.policy_values) == (
            "done", 1.0, {"some": "thing"}, {"last_share": 0.5},
        )  # fmt: skip


def test_a_run_whose_process_is_gone_is_begun_anew_but_not_for_ever(ask, db, clock):
    one = ask()
    first = claim(db, clock.now())
    assert claim(db, clock.now() + LOST) is None
    second = claim(db, clock.now() + LOST + timedelta(seconds=1))
    assert second == (one, 2)
    with db.write() as session:  # the first process wakes up: it has lost the run
        assert not report_progress(session, Backtest, *first, 0.9, clock.now())
        assert not finish_run(session, Backtest, *first, {}, clock.now())
    assert claim(db, clock.now() + 3 * LOST) is None
    assert state(db, one) == ("failed", "lost", 0.0)


def test_what_is_done_meanwhile_is_not_cancelled(ask, db, clock):
    if db.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    one, run = ask(), claim(db, clock.now())[1]
    with db.write() as session:
        seen = find_run(session, Backtest, one)
        assert seen.open
        with db.write() as other:
            finish_run(other, Backtest, one, run, {"days": []}, clock.now())
        with pytest.raises(Conflict):
            cancel_run(session, Backtest, one, clock.now())
    assert state(db, one)[0] == "done"


def test_a_cancelled_run_learns_of_it_and_leaves_no_result(ask, db, clock):
    one = ask()
    claimed = claim(db, clock.now())
    with db.write() as session:
        cancel_run(session, Backtest, one, clock.now())
    with db.write() as session:
        assert not report_progress(session, Backtest, *claimed, 0.5, clock.now())
        assert not finish_run(session, Backtest, *claimed, {}, clock.now())
        assert not fail_run(session, Backtest, *claimed, "broken", clock.now())
    assert state(db, one)[0] == "cancelled"


def test_a_run_that_is_given_back_counts_as_not_begun(ask, db, clock):
    one = ask()
    with db.write() as session:
        assert give_back_run(session, Backtest, *claim_pair(session, clock))
    assert claim(db, clock.now()) == (one, 1)


def claim_pair(session, clock):
    found = claim_backtest(session, clock.now())
    return found.id, found.runs


def test_old_results_go(ask, db, clock):
    with db.write() as session:
        for _ in range(KEPT + 3):
            session.add(
                Backtest(
                    created_at=clock.now(),
                    actor="user:1",
                    first_on=TODAY,
                    last_on=TODAY,
                    policy_values={},
                    state="done",
                )
            )
    newest = ask()
    with db.read() as session:
        kept = list_backtests(session, 1000)
        assert (len(kept), kept[0].id) == (KEPT, newest)
        with pytest.raises(NotFound):
            find_run(session, Backtest, 1)
