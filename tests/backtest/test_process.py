"""Does a wish become a result, in a process of its own, and does everything that can go wrong end with a reason?"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from app import join
from app.backtest.process import Backtester, fulfil
from app.backtest.report import result_of_json
from app.config import Settings
from app.models import Backtest
from app.operations.backtest import claim_backtest
from app.operations.kept_run import find_run
from app.parts import Parts
from app.replay import Replay, read_day_log

STORY = Path(__file__).parent.parent / "data" / "days" / "the-last-200-metres.jsonl"
STORY_ON = date(2026, 11, 24)


@pytest.fixture(scope="module")
def replayed() -> Iterator[Replay]:
    """A company on which the story's day has fallen."""
    replay = Replay.open()
    replay.play(read_day_log(STORY), lambda _: None)
    yield replay
    replay.close()


def ask(parts: Parts, on: date = STORY_ON, **values: float) -> None:
    with parts.db.write() as session:
        now = parts.clock.now()
        session.add(Backtest(created_at=now, actor="user:1", first_on=on, last_on=on, policy_values=values))


def wish(parts: Parts, on: date = STORY_ON, **values: float) -> tuple[int, int]:
    ask(parts, on, **values)
    with parts.db.write() as session:
        now = parts.clock.now()
        claimed = claim_backtest(session, now)
        assert claimed is not None
        return claimed.id, claimed.runs


def became(parts: Parts, backtest_id: int) -> Backtest:
    with parts.db.read() as session:
        return find_run(session, Backtest, backtest_id)


def test_a_wish_becomes_a_result(replayed):
    asked = wish(replayed.parts, quote_max_min=40)
    fulfil(replayed.parts, *asked)
    row = became(replayed.parts, asked[0])
    assert (row.state, row.progress) == ("done", 1.0)
    result = result_of_json(row.result)
    assert [side.marks.width_min for side in result.sides] == [25, 40]
    assert result.real is not None
    assert result.real.marks.width_min == 25


def test_values_that_change_nothing_are_no_second_side(replayed):
    asked = wish(replayed.parts, quote_max_min=25)
    fulfil(replayed.parts, *asked)
    assert len(result_of_json(became(replayed.parts, asked[0]).result).sides) == 1


@pytest.mark.parametrize(
    ("on", "values", "reason"),
    [
        (STORY_ON - timedelta(days=1), {}, "nothing"),
        (STORY_ON, {"of a release": 1.0}, "broken"),
    ],
)
def test_what_fails_says_why(replayed, on, values, reason):
    asked = wish(replayed.parts, on, **values)
    fulfil(replayed.parts, *asked)
    row = became(replayed.parts, asked[0])
    assert (row.state, row.state_reason, row.result) == ("failed", reason, None)


def test_a_run_that_takes_too_long_is_ended(replayed, monkeypatch):
    monkeypatch.setattr("app.backtest.process.LIMIT", timedelta(0))
    asked = wish(replayed.parts)
    fulfil(replayed.parts, *asked)
    assert became(replayed.parts, asked[0]).state_reason == "too_long"


def test_a_cancelled_run_ends_without_a_word(replayed):
    backtest_id, run = wish(replayed.parts)
    with replayed.parts.db.write() as session:
        find_run(session, Backtest, backtest_id).state = "cancelled"
    fulfil(replayed.parts, backtest_id, run)
    assert (became(replayed.parts, backtest_id).state, became(replayed.parts, backtest_id).result) == (
        "cancelled", None,
    )  # fmt: skip


@pytest.fixture
def house(empty_sqlite: Path, tmp_path: Path) -> Iterator[Parts]:
    file = tmp_path / "house.sqlite"
    shutil.copy(empty_sqlite, file)
    parts = join(Settings(database_url=f"sqlite:///{file}", instance=tmp_path / "instance", secret_key="of no use"))
    yield parts
    parts.db.close()


def test_a_process_of_its_own_fulfils_the_wish(house):
    backtester = Backtester(house)
    ask(house)
    backtester.tick(leads=False)
    assert became(house, 1).state == "waiting"
    backtester.tick(leads=True)
    assert became(house, 1).state == "running"
    backtester._process.join(60)
    backtester.tick(leads=True)
    assert (became(house, 1).state, became(house, 1).state_reason) == ("failed", "nothing")
    backtester.stop()


def test_a_house_that_stops_leaves_the_wish_to_the_next(house):
    backtester = Backtester(house)
    ask(house)
    backtester.tick(leads=True)
    backtester.stop()
    assert (became(house, 1).state, became(house, 1).runs) == ("waiting", 0)


def test_a_process_that_dies_is_noticed(house):
    backtester = Backtester(house)
    ask(house)
    backtester.tick(leads=True)
    backtester._process.kill()
    backtester._process.join(60)
    backtester.tick(leads=False)
    assert (became(house, 1).state, became(house, 1).state_reason) == ("failed", "broken")
