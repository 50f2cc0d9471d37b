"""Is an address that names no row answered as an unknown page, whatever number stands in it?"""

from __future__ import annotations

import pytest

from app.models import Notice, Quote
from app.operations.alarm import raise_alarm
from tests.operations.test_invoice import prices
from tests.operations.test_onsite import add, there
from tests.web.pages import post

__all__ = ["add", "prices", "there"]


@pytest.mark.parametrize("number", [2**31, 2**63, 10**30])
@pytest.mark.parametrize(
    "path", ["/visits/{}", "/customers/{}", "/sites/{}", "/technicians/{}", "/services/{}", "/users/{}"]
)
def test_a_number_beyond_every_row_is_no_page(signed_in, path, number):
    assert signed_in("admin").get(path.format(number)).status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [("/account/sign-in", 200), ("/v/2345", 404), ("/api/v1/visits", 401), ("/healthz", 200), ("/i/2", 404)],
)
def test_raw_bytes_in_a_query_break_no_page(client, world, path, status):
    answer = client.get(path, environ_overrides={"QUERY_STRING": "lang=\xff&q=\xe5\xb1\xb1 x"})
    assert answer.status_code == status


def test_raw_bytes_in_the_query_of_a_forged_call_are_refused_as_any_other(client, world):
    answer = client.post("/hooks/twilio/status", data={"a": "b"}, environ_overrides={"QUERY_STRING": "n=\xff"})
    assert answer.status_code == 403


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_what_belongs_to_another_visit_is_no_part_of_this_ones_address(signed_in, db, world, clock, there, add):
    office, other = signed_in("dispatcher"), world.visit(starts_in_min=600)
    with db.write() as session:
        quote = session.get_one(Quote, 1)
        session.add(
            Notice(
                visit_id=there, kind="late", language="ja", dedupe_key="k", created_at=clock.now(),
                reason_code="late_expected", promised_from_at=quote.visit.promised_from_at,
                promised_until_at=quote.visit.promised_until_at, channels=["sms"], state="failed",
                expires_at=clock.now(),
            )
        )  # fmt: skip
        raise_alarm(session, "call_customer", f"visit:{there}", clock.now(), visit_id=there)
    for path in ("quote/1/send", "quote/1/handed", "notices/1/settle", "notices/1/release", "alarms/1/clear"):
        assert post(office, f"/visits/{other}/{path}", {"told": "yes"}).status_code == 404, path
        assert post(office, f"/visits/{there}/{path}", {"told": "yes"}).status_code != 404, path
