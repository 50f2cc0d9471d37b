"""Do the jobs outlive their database?"""

from __future__ import annotations

from dataclasses import replace

from app.db import Database
from jobs.schedule import start


def test_jobs_begin_and_end_while_the_database_does_not_answer(parts):
    away = replace(parts, db=Database("postgresql://nobody@127.0.0.1:1/none"))
    start(away).stop()
