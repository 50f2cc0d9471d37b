"""Does the whole way work in a browser: booked at half past ten at night, agreed by link, driven, billed, printed?

Two of the four ways (two languages, two databases) are in the suite; `make walk` goes all of them. SHOTS=folder keeps a
picture of each step.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import select

from app.db import Database
from app.models import Company, Customer, Notice, PriceBookVersion, Service, Visit
from app.operations.price_book import STANDARD
from tests.conftest import empty_database

SHOTS = os.environ.get("SHOTS")
ALL = list(product(("ja", "en"), ("sqlite", "postgresql")))
WALKS = ALL if os.environ.get("WALK") == "all" else [("ja", "sqlite"), ("en", "postgresql")]
TOTAL = {"ja": "11,000円", "en": "JPY 11,000"}


@pytest.fixture
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    yield from empty_database(request, tmp_path)


@pytest.mark.parametrize(("lang", "db"), WALKS, indirect=["db"])
def test_a_night_visit_is_agreed_driven_done_billed_and_printed(browse, axe, db, world, clock, request, lang):
    kind, steps = request.node.callspec.params["db"], iter(range(1, 30))

    def step(page, name):
        page.wait_for_load_state()  # a page without its style sheets is wide
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"{lang}-{kind}-{next(steps):02}-{name}.png", full_page=True)

    with db.write() as session:
        session.get_one(Service, world.service).price_code = "pc-setup"
        session.get_one(Customer, world.customer).language = lang
        company = session.get_one(Company, 1)
        company.registration_number, company.pay_to = "T7000012050002", "青葉銀行 中央支店 普通 1234567"
        taken = {"at": clock.now(), "by": "user:1", "code": "standard-2026", "valid_from": date(2026, 10, 1)}
        session.add(PriceBookVersion(**taken, book=dict(STANDARD)))

    def look(page):
        assert lang == "en" or axe(page) == []  # once is enough: the words alone differ

    def opened(path, **how):
        page = browse(path, lang=lang, **how)
        page.set_default_timeout(20_000)  # the first price of a process reads the holidays of a country
        return page

    desk = opened("/visits/new", as_role="dispatcher", width=1440, height=900)
    desk.fill("#find", "山田")
    desk.wait_for_selector("#found input[name=who]:checked")
    desk.select_option("#technician", label="佐藤")
    desk.fill("#promised_from", "22:30")
    desk.wait_for_selector(f".estimate-total:has-text('{TOTAL[lang]}')")
    assert "22:30–23:30" in desk.inner_text(".estimate-lines")
    assert "21:30" in desk.inner_text(".elsewhen")
    assert "10,175" in desk.inner_text("#price-now")
    look(desk)
    step(desk, "booking")
    desk.click("button[value=book_and_quote]")
    desk.wait_for_selector("#drawer #price .state")
    step(desk, "booked")

    phone = opened("/t", as_role="technician")
    phone.wait_for_selector(".held")
    look(phone)
    step(phone, "technician-waits")

    with db.read() as session:
        told = session.scalars(select(Notice.body)).one()
        visit_id = session.scalars(select(Visit.id)).one()
    hers = opened(re.search(r"https?://[^/]+(/\S+)", told)[1])
    step(hers, "customer-visit")
    hers.click("a.button[href*='/q/']")
    with hers.expect_response("**/opened"):
        step(hers, "quote")
    assert TOTAL[lang] in hers.inner_text(".price .sum")
    desk.goto(f"/visits/{visit_id}")
    step(desk, "seen")
    look(desk)
    hers.fill("#name", "山田 花子")
    hers.click("button[value=accept]")
    hers.wait_for_selector("section.answer.on_time")
    step(hers, "accepted")
    desk.reload()
    assert "山田 花子" in desk.inner_text("#price")
    step(desk, "agreed")

    for at, status in (((12, 50), "en_route"), ((13, 25), "arrived"), ((14, 40), "completed")):
        clock.at = datetime(2026, 11, 24, *at, tzinfo=UTC)
        phone.reload()
        assert phone.locator(".held").count() == 0
        phone.click(f"#next button.big[value={status}]")
        phone.wait_for_selector(f".visit[data-status={status}]", state="attached")
        phone.wait_for_selector("#sync.waiting", state="detached")
        step(phone, f"technician-{status}")
        assert _status(db, visit_id) == status

    desk.goto(f"/visits/{visit_id}/invoice")
    step(desk, "invoice-shown")
    desk.click("main form[method=post] button.primary")
    desk.wait_for_url("**/invoices/*")
    step(desk, "invoice-issued")
    hers.goto(f"{hers.url.partition('/q/')[0]}{_link(db, visit_id)}?lang={lang}")
    step(hers, "customer-billed")
    hers.click("a[href*='/d/']")
    step(hers, "invoice")
    assert TOTAL[lang].replace("11,000", "12,100") in hers.inner_text(".paper-sums")
    # 75 minutes are 13,475 yen: of what was not agreed to, no more is billed than the ten per cent that may be.
    pdf = hers.request.get(hers.locator("a[href*='.pdf']").get_attribute("href"))
    assert (pdf.headers["content-type"], pdf.body()[:5]) == ("application/pdf", b"%PDF-")
    if SHOTS:
        (Path(SHOTS) / f"{lang}-{kind}.pdf").write_bytes(pdf.body())


def _status(db: Database, visit_id: int) -> str:
    with db.read() as session:
        return session.get_one(Visit, visit_id).status


def _link(db: Database, visit_id: int) -> str:
    with db.read() as session:
        return f"/v/{session.get_one(Visit, visit_id).link_token}"
