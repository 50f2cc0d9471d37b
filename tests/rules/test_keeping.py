"""Does what is kept for playing a day again hold no more than that needs?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.rules.keeping import about_visit, superfluous

TEN = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def at(minute: float) -> datetime:
    return TEN + timedelta(minutes=minute)


def test_one_in_half_a_minute_stays_for_each_technician():
    fixes = [(n, n % 2, at(n / 12)) for n in range(24)]  # every five seconds, two in turn
    gone = superfluous(fixes, {0: [(at(-1), at(60))], 1: [(at(-1), at(60))]})
    assert [n for n in range(24) if n not in gone] == [0, 1, 6, 7, 12, 13, 18, 19]


def test_what_was_driven_before_and_after_the_visits_goes():
    spans = [about_visit(at(120), at(150), at(160), at(200)), about_visit(at(600), at(600), None, None)]
    kept = [0, 119, 214, 480, 614]
    gone = [-1, 216, 479, 616]
    fixes = [(minute, 1, at(minute)) for minute in sorted(kept + gone)]
    assert superfluous(fixes, {1: spans, 2: [(at(-100), at(1000))]}) == gone
    assert superfluous(fixes, {}) == sorted(kept + gone)
