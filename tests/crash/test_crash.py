"""Is nothing lost and nothing said twice when the process is killed? `make crash` asks at every point, many times."""

from __future__ import annotations

import pytest

from tests.crash.matrix import matrix
from tests.crash.points import NAMED_THROUGHOUT, points, unnamed

#: Where it is killed in the tests, once each.
TOLD = ("take.committed", "send.made", "settle.written")
DAY = ("divert.written", "mail.committed", "request.committed")


def test_a_process_that_is_killed_loses_nothing_and_says_nothing_twice(tmp_path):
    found = matrix(
        {"sqlite": "sqlite"},
        (0,),
        tmp_path,
        {"sms": TOLD, "line": ("send.made",), "flood": ("stop.committed",), "faulty": ("put_off.written",), "day": DAY},
    )
    assert found.details == []
    assert sum(tally.lost + tally.twice for tally in found.tallies.values()) == 0
    assert sum(tally.killed for tally in found.tallies.values()) >= 8
    assert found.passed == set(points()), "a point that nothing comes by is not in the matrix of `make crash`"


@pytest.mark.parametrize("db", ["postgresql"], indirect=True)
def test_the_same_holds_on_postgresql(tmp_path, postgresql_url, db):
    scenes = {"sms": ("send.made", "climb.written"), "day": ("request.written",)}
    assert matrix({"postgresql": postgresql_url}, (0,), tmp_path, scenes).details == []


@pytest.mark.parametrize("file", NAMED_THROUGHOUT)
def test_every_write_and_every_call_has_a_name(file):
    assert list(unnamed(file)) == []
