"""Do the jobs outlive their database?"""

from __future__ import annotations

from dataclasses import replace

from app.db import Database
from app.rules.habits import PRIORS
from jobs.schedule import Jobs, start
from tests.conftest import STORY_DAY_AT


def test_jobs_begin_and_end_while_the_database_does_not_answer(parts):
    away = replace(parts, db=Database("postgresql://nobody@127.0.0.1:1/none"))
    start(away).stop()


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
