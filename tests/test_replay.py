"""Is a recorded day played through the product, in time, the same each time, and are its mistakes named?"""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from app.models import Visit
from app.replay import DayLogError, Replay, read_day_log
from tests.bench.marks import mark
from tests.played import replay_day

STORY = Path(__file__).parent / "data" / "days" / "the-last-200-metres.jsonl"


def played(day: Path) -> list[dict[str, object]]:
    out = io.StringIO()
    replay_day(day, out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_the_last_200_metres_are_told_ten_minutes_before_with_a_window_that_holds():
    notices = played(STORY)
    marks = mark(STORY, notices)
    assert (marks.warned_10_min, marks.kept, marks.messages, marks.after_arrival) == (1.0, 1.0, 1, 0)
    assert all(notice["reason"] and notice["text"] for notice in notices)


def test_who_creeps_to_the_door_did_not_arrive_when_the_creep_began(tmp_path):
    """At the bell at half past five: without his tap, the positions must not say five."""
    without_tap = tmp_path / "day.jsonl"
    lines = STORY.read_text(encoding="utf-8").splitlines()
    without_tap.write_text("\n".join(line for line in lines if '"arrived"' not in line), encoding="utf-8")
    replay = replay_day(without_tap, io.StringIO())
    with replay.parts.db.read() as session:
        arrived_at = session.scalars(select(Visit.arrived_at)).one()
    assert arrived_at is not None
    assert datetime(2026, 11, 24, 8, 15, tzinfo=UTC) <= arrived_at <= datetime(2026, 11, 24, 8, 35, tzinfo=UTC)


def test_a_day_is_decided_the_same_each_time_and_without_its_truth(tmp_path):
    without_truth = tmp_path / "day.jsonl"
    lines = STORY.read_text(encoding="utf-8").splitlines()
    without_truth.write_text("\n".join(line for line in lines if '"truth"' not in line), encoding="utf-8")
    once, again = played(STORY), played(without_truth)

    def decided(notices):
        return [(n["t"], n["message"], n["quoted_from"], n["quoted_until"], n["reason"]) for n in notices]

    assert decided(once) == decided(again)


def test_the_future_does_not_reach_back(tmp_path):
    """What was told by an instant does not depend on what the log says after it."""
    lines = STORY.read_text(encoding="utf-8").splitlines()
    cut = next(i for i, line in enumerate(lines) if '"t": "2026-11-24T16:50' in line)
    half = tmp_path / "half.jsonl"
    half.write_text("\n".join(lines[:cut]), encoding="utf-8")
    before = [n["t"] for n in played(STORY) if n["t"] < "2026-11-24T16:50"]
    assert [n["t"] for n in played(half) if n["t"] < "2026-11-24T16:50"] == before
    assert before


FIX = {"t": "2026-11-24T16:00:00+09:00", "kind": "fix", "technician": "a", "lat": 34.2, "lon": 135.1}


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("{", "day.jsonl:1: not JSON"),
        ("[1]", "day.jsonl:1: not a JSON object"),
        (json.dumps({**FIX, "kind": "fixx"}), "day.jsonl:1: kind"),
        (json.dumps({**FIX, "t": "16:00"}), "day.jsonl:1: t"),
        (json.dumps({**FIX, "t": "2026-11-24T16:00:00"}), "day.jsonl:1: t: a time without an offset"),
        (json.dumps({**FIX, "lat": "north"}), "day.jsonl:1: lat"),
        (json.dumps({**FIX, "lon": True}), "day.jsonl:1: lon"),
        (json.dumps({k: v for k, v in FIX.items() if k != "technician"}), "day.jsonl:1: technician"),
    ],
)
def test_a_wrong_line_is_named_with_its_field(tmp_path, line, named):
    day = tmp_path / "day.jsonl"
    day.write_text(line, encoding="utf-8")
    with pytest.raises(DayLogError, match=named):
        list(read_day_log(day))


def test_a_visit_that_is_planned_twice_moves_and_one_that_does_not_fit_is_kept(tmp_path):
    def visit(name, promised, technician="a", t="2026-11-24T08:00:00+09:00"):
        at = f"2026-11-24T{promised}:00+09:00"
        return {
            "t": t, "kind": "visit", "visit": name, "technician": technician, "lat": 34.2, "lon": 135.1,
            "promised_from": at, "promised_until": at, "duration_min": 60,
        }  # fmt: skip

    day = tmp_path / "day.jsonl"
    log = [
        visit("one", "10:00"),
        visit("two", "10:30"),
        visit("one", "13:00", "b"),
        {"t": "2026-11-24T08:05:00+09:00", "kind": "status", "technician": "a", "visit": "two", "status": "cancelled"},
    ]
    day.write_text("\n".join(map(json.dumps, log)), encoding="utf-8")
    out = io.StringIO()
    done = replay_day(day, out)
    assert (len(done.visits), len(done.technicians), done.refused) == (2, 2, [])
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    # Nobody was ever heard of on the way to the first visit's new promise: the customer is held, near that promise.
    assert [(n["visit"], n["message"], n["t"][11:13]) for n in told] == [("one", "holding", "12")]


def test_many_days_take_no_more_engines_than_are_open_at_once_and_find_nothing_of_the_days_before():
    """Each engine leaves behind what SQLAlchemy's mappers have compiled for it: a month of days would grow with it."""
    before = replay_day(STORY, io.StringIO())
    before.close()
    again = Replay.open()
    assert again.parts.db is before.parts.db
    with again.parts.db.read() as session:
        assert session.scalars(select(Visit)).all() == []
    beside = Replay.open()
    assert beside.parts.db is not again.parts.db
    again.close()
    beside.close()
