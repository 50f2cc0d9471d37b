"""Do the jobs outlive their database?"""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from app.db import Database
from app.operations.purge import AT_ONCE
from app.rules.habits import PRIORS
from jobs.schedule import WOKEN_RESTS, Jobs, start
from tests.conftest import STORY_DAY_AT


def test_jobs_begin_and_end_while_the_database_does_not_answer(parts):
    away = replace(parts, db=Database("postgresql://nobody@127.0.0.1:1/none"))
    start(away).stop()


def test_a_purge_works_in_portions_until_all_is_gone_and_one_that_broke_off_goes_on(parts, clock, monkeypatch):
    asked, left = [], [AT_ONCE, AT_ONCE, RuntimeError("broken"), AT_ONCE, 3]

    def portion(session, now, kept, raw):
        asked.append(now)
        gone = left.pop(0)
        if isinstance(gone, Exception):
            raise gone
        return gone

    monkeypatch.setattr("jobs.schedule.purge", portion)
    jobs = Jobs(parts)
    jobs.purge()
    assert asked == []  # another process leads
    jobs.beat()
    with pytest.raises(RuntimeError):
        jobs.purge()
    jobs.purge()
    jobs.purge()
    assert (len(asked), left) == (5, [])
    left.append(0)
    clock.forward(days=1)
    jobs.purge()
    assert left == []


def test_a_purge_gives_way_when_the_process_is_told_to_stop(parts, monkeypatch):
    jobs = Jobs(parts)
    jobs.beat()
    monkeypatch.setattr("jobs.schedule.purge", lambda *_: jobs._stopping.set() or AT_ONCE)
    jobs.purge()


def test_the_night_teaches_once(parts, clock, monkeypatch):
    lessons = []
    monkeypatch.setattr("jobs.schedule.learn", lambda *asked: lessons.append(asked[1]) or PRIORS)
    jobs = Jobs(parts)
    jobs.learn()
    assert lessons == []  # another process leads
    jobs.beat()
    for _ in range(24 * 6):  # from four in the afternoon to the same hour of the next day
        jobs.learn()
        clock.forward(minutes=10)
    assert [(at - STORY_DAY_AT).total_seconds() / 3600 for at in lessons] == [0, 11]


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_jobs_that_are_woken_without_end_rest_between_two_runs(parts, monkeypatch):
    monkeypatch.setattr("jobs.schedule.TIMETABLE", (("sweep", 60), ("deliver", 60)))
    runs = []
    monkeypatch.setattr(Jobs, "sweep", lambda jobs: runs.append(time.monotonic()))
    monkeypatch.setattr(Jobs, "deliver", lambda jobs: None)
    jobs = start(parts)
    began_s = time.monotonic()
    while len(runs) < 5:
        assert time.monotonic() < began_s + 30
        parts.wake()
    jobs.stop()
    assert runs[4] - runs[1] > 2 * WOKEN_RESTS.total_seconds()
