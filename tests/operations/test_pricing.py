"""What does a booked visit cost, and calling it off?"""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from app.errors import Invalid
from app.models import Service, Visit
from app.operations.cancelling import fee_of_visit
from app.operations.price_book import book_at
from app.operations.price_book_versions import take_standard
from app.operations.pricing import job_of_visit, priced

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


@pytest.fixture
def visit_id(db, world):
    """A visit at 22:00 in Japan, six hours from now; the technician sets out about eight kilometres away."""
    with db.write() as session:
        session.get_one(Service, world.service).price_code = "pc-setup"
    return world.visit(starts_in_min=360)


def test_a_visit_is_priced_as_it_is_planned(db, visit_id, clock):
    with db.read() as session:
        job = job_of_visit(session, session.get_one(Visit, visit_id))
        book = book_at(session, clock.now())
        assert (job.minutes, job.customer_class, job.travels_by, job.distance_km) == (60, "individual", "car", 8.1)
        assert priced(book, job).total == 11_000  # 6,000 + half as much at night + 1,000, and tax


def test_a_visit_without_a_price_or_a_place_says_what_is_missing(db, visit_id, world):
    with db.write() as session:
        visit = session.get_one(Visit, visit_id)
        visit.service.price_code, visit.site.lat, visit.site.lon = "", None, None
        session.flush()
        with pytest.raises(Invalid) as refusal:
            job_of_visit(session, visit)
        assert [problem.field for problem in refusal.value.problems] == ["service", "distance_km"]
        assert fee_of_visit(session, visit, visit.created_at) is None


def test_what_calling_off_costs_is_known_before_it_is_confirmed(db, visit_id, clock):
    with db.write() as session:
        visit = session.get_one(Visit, visit_id)
        assert fee_of_visit(session, visit, clock.now()) is None  # the office has not looked at any prices yet
        take_standard(session, now=clock.now(), actor="test", zone=UTC)
        found = [fee_of_visit(session, visit, clock.now() - timedelta(hours=h)) for h in (43, 30, 0)]
        assert [one[1].price.total for one in found if one] == [0, 2310, 3850]
        late = fee_of_visit(session, visit, visit.promised_until_at + timedelta(minutes=31))
        assert late is not None
        assert (late[1].why, late[1].price.total) == ("our_delay", 0)
