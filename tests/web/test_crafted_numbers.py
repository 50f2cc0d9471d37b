"""Is a number that no row can have, or that is none, refused on every page, whatever field or address it stands in?"""

from __future__ import annotations

from datetime import date

import pytest
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.routing import IntegerConverter

from app.models import Visit
from app.web.forms import day_of, row_number
from app.web.limits import limiter

#: One more than a row can have, and where a day is asked for one at the end of time.
NUMBER, DAY = "2147483648", "9999-12-31"
DAYS = ("day", "on", "first", "last", "from", "from_on", "until_on")


def crafted(field):
    return DAY if field in DAYS else NUMBER


class Everywhere(ImmutableMultiDict):
    """What was sent when something crafted was typed into every field there is."""

    def get(self, key, default=None, type=None):
        return crafted(key)

    def getlist(self, key, type=None):
        return [crafted(key)]

    def __getitem__(self, key):
        return crafted(key)

    def __contains__(self, key):
        return True


@pytest.mark.parametrize("db", ["postgresql"], indirect=True)
def test_no_page_fails_at_a_crafted_number(app, db, world, signed_in, monkeypatch):
    client = signed_in("admin")
    visit = world.visit()
    with db.read() as session:
        link = session.get_one(Visit, visit).link_token
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)
    monkeypatch.setattr(limiter, "enabled", False)
    sent = property(lambda self: Everywhere())
    monkeypatch.setattr(app, "request_class", type("Sent", (app.request_class,), {"form": sent, "args": sent}))
    failed = []
    with client.session_transaction() as cookie:
        before = dict(cookie)
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(
            (
                "api.",
                "openapi",
                "static",
                "ingest.",
                "hooks.",
                "account.sign_out",
                "health.",
                "dispatch.booking.geocode",
            )
        ):
            continue
        path = {
            name: 1 if isinstance(of, IntegerConverter) else link if name == "token" else crafted(name)
            for name, of in rule._converters.items()
        }
        with app.test_request_context():
            address = rule.build(path)[1]
        for method in sorted(rule.methods - {"OPTIONS", "HEAD"}):
            with client.session_transaction() as cookie:
                cookie.update(before)
            status = client.open(address, method=method).status_code
            if status >= 500:
                failed.append((method, rule.rule, status))
    assert failed == []


@pytest.mark.parametrize(
    "typed", ["2147483648", "999999999999999", "９９９９９９９９９９９", "1e999", "nan", "-1", "", "²", "٣" * 11]
)
def test_what_no_row_can_have_is_no_row(typed):
    assert row_number(typed) is None


def test_a_row_and_a_day_are_read():
    assert (row_number("2147483647"), row_number("７")) == (2**31 - 1, 7)
    assert day_of("2026-11-24") == date(2026, 11, 24)
    assert day_of("0001-01-01") is None
    assert day_of("24.11.2026") is None
