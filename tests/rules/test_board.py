"""Does the board never call silence "on time", and never call a customer told who was not?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.rules.board import STANDINGS, NoticeSeen, VisitSeen, stale, standing
from app.rules.visit import STATUSES

PROMISE = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


def seen(now: datetime, status: str = "en_route", **facts: Any) -> VisitSeen:
    facts.setdefault("forecast_as_of_at", now - timedelta(seconds=20))
    return VisitSeen(status, PROMISE, **facts)


QUOTED_UNTIL = PROMISE + minutes(30)


def late(state: str, made_at: datetime, until_at: datetime | None = QUOTED_UNTIL, kind: str = "late") -> NoticeSeen:
    return NoticeSeen(kind, state, made_at, None, until_at)


def test_a_visit_with_fresh_evidence_and_time_left_is_fine():
    now = PROMISE - minutes(30)
    assert standing(seen(now, late_probability=0.1), now) == "fine"


def test_on_the_way_with_evidence_older_than_90_s_is_unknown():
    now = PROMISE - minutes(30)
    assert standing(seen(now, forecast_as_of_at=now - timedelta(seconds=90)), now) == "fine"
    assert standing(seen(now, forecast_as_of_at=now - timedelta(seconds=91)), now) == "unknown"
    assert standing(seen(now, forecast_as_of_at=None), now) == "unknown"


def test_a_booked_visit_without_news_is_fine_in_the_morning_and_unknown_close_to_its_promise():
    for lead, word in ((120, "fine"), (11, "fine"), (10, "unknown"), (0, "unknown")):
        now = PROMISE - minutes(lead)
        assert standing(seen(now, "booked", forecast_as_of_at=None), now) == word, lead


def test_who_is_known_to_work_at_the_stop_before_is_not_unknown():
    now = PROMISE - minutes(8)
    quiet = seen(now, "booked", forecast_as_of_at=now - minutes(25), forecast_basis="work_left", late_probability=0.4)
    assert standing(quiet, now) == "risk"


def test_a_likely_delay_is_at_risk_while_there_is_time_and_not_told_when_there_is_none():
    for lead, word in ((40, "risk"), (11, "risk"), (10, "not_told")):
        now = PROMISE - minutes(lead)
        assert standing(seen(now, late_probability=0.65), now) == word, lead


def test_a_promise_that_is_just_over_is_at_risk_while_somebody_is_about_to_ring():
    now = PROMISE + minutes(3)
    assert standing(seen(now, late_probability=0.1), now) == "risk"
    assert standing(seen(now, late_probability=0.1, forecast_as_of_at=None), now) == "unknown"


def test_a_promise_that_is_over_without_a_word_is_not_told_whatever_the_forecast_says():
    now = PROMISE + minutes(6)
    assert standing(seen(now, late_probability=0.0), now) == "not_told"
    assert standing(seen(now, forecast_as_of_at=None), now) == "not_told"


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("sent", "told"),
        ("delivered", "told"),
        ("failed", "not_told"),
        ("unknown", "not_told"),
        ("held", "not_told"),
    ],
)
def test_late_is_told_only_when_the_notice_went_out(state, word):
    now = PROMISE - minutes(12)
    assert standing(seen(now, late_probability=0.9, notices=[late(state, now - minutes(3))]), now) == word


def test_a_notice_on_its_way_out_has_a_minute():
    now = PROMISE - minutes(12)
    assert standing(seen(now, notices=[late("due", now - timedelta(seconds=5))]), now) == "risk"
    assert standing(seen(now, notices=[late("sending", now - minutes(2))]), now) == "not_told"


def test_a_quoted_window_that_no_longer_holds_is_not_told():
    now = PROMISE + minutes(10)
    told = [late("delivered", PROMISE - minutes(15))]
    assert standing(seen(now, notices=told, forecast_median_at=PROMISE + minutes(34)), now) == "told"
    assert standing(seen(now, notices=told, forecast_median_at=PROMISE + minutes(36)), now) == "not_told"
    later = PROMISE + minutes(36)
    assert standing(seen(later, notices=told), later) == "not_told"


def test_a_delay_that_was_told_stays_on_the_board_when_the_phone_falls_silent():
    now = PROMISE - minutes(5)
    assert standing(seen(now, notices=[late("sent", now - minutes(9))], forecast_as_of_at=None), now) == "told"


def test_a_delay_that_has_gone_is_fine_again():
    now = PROMISE - minutes(20)
    words = [late("sent", now - minutes(20)), late("sent", now - minutes(2), kind="on_time_again")]
    assert standing(seen(now, late_probability=0.02, notices=words), now) == "fine"


def test_a_dropped_notice_told_nobody():
    now = PROMISE + minutes(6)
    assert standing(seen(now, notices=[late("dropped", now - minutes(9))]), now) == "not_told"


def test_holding_holds_until_the_word_it_promised():
    told = [late("sent", PROMISE - minutes(8), None, "holding")]
    for after, word in ((10, "told"), (11, "not_told")):
        now = PROMISE + minutes(after)
        assert standing(seen(now, notices=told), now) == word, after


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_has_a_standing(status):
    assert standing(VisitSeen(status, PROMISE), PROMISE - minutes(60)) in STANDINGS


def test_what_is_over_stays_calm():
    now = PROMISE + minutes(90)
    words = {
        status: standing(VisitSeen(status, PROMISE), now)
        for status in ("arrived", "completed", "no_access", "cancelled")
    }
    assert words == {"arrived": "on_site", "completed": "done", "no_access": "no_access", "cancelled": "cancelled"}


def test_a_visit_nobody_goes_to_is_never_on_time():
    for lead, word in ((120, "unassigned"), (8, "unknown"), (-6, "not_told")):
        now = PROMISE - minutes(lead)
        assert standing(VisitSeen("booked", PROMISE, assigned=False), now) == word, lead


def test_missing_evidence_is_stale():
    assert stale(None, PROMISE)
