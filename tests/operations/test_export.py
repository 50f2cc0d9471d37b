"""Lists that leave: spreadsheets read them, calculate nothing in them, and we can take them in again."""

from __future__ import annotations

import csv
from datetime import date
from io import StringIO
from zoneinfo import ZoneInfo

import pytest

from app.models import Customer, Site
from app.operations.export import export_customers, export_visits
from app.operations.intake import Imported, import_customers, import_visits
from app.operations.spreadsheet import write_rows

TOKYO = ZoneInfo("Asia/Tokyo")
DAY = date(2026, 11, 24)


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "＝", "－", "＋", "＠"])
def test_no_cell_is_calculated(begins):
    (_, (cell, number)) = csv.reader(StringIO(write_rows(["a", "b"], [[f"{begins}1+cmd|x", "-3.5"]])[1:], newline=""))
    assert cell == f"'{begins}1+cmd|x"
    assert number == "-3.5"


def test_customers_and_visits_that_left_come_back_as_known(db, world, clock):
    world.visit(60, window_min=30, note="=HYPERLINK(1)")
    with db.write() as session:
        other = Customer(name="@青葉", language="en", phone="+81661234567", created_at=clock.at)
        session.add(Site(customer=other, address="-1-2 Namba", located_by=""))
        session.flush()
    for locale in ("ja", "en"):
        with db.read() as session:
            customers = export_customers(session, locale)
            visits = export_visits(session, locale, from_on=DAY, until_on=DAY, zone=TOKYO)
        assert "'@青葉" in customers
        assert "'+81661234567" in customers
        assert "'=HYPERLINK(1)" in visits
        with db.write() as session:
            again = import_customers(session, customers.encode(), now=clock.at, country="JP")
            assert again == Imported(added=0, known=2)
            again = import_visits(session, visits.encode(), now=clock.at, zone=TOKYO, actor="user:1")
            assert again == Imported(added=0, known=1)


def test_only_the_days_that_were_asked_for_leave(db, world):
    world.visit(60)
    world.visit(60 * 24)
    with db.read() as session:
        rows = export_visits(session, "en", from_on=DAY, until_on=DAY, zone=TOKYO).splitlines()
    assert rows[0].lstrip("\ufeff").startswith("customer,address,service,promised_from")
    assert len(rows) == 2
    assert "2026-11-24 17:00:00" in rows[1]
