"""Can everybody read and use the pages of invoices, in the office and by the customer's link, on every screen?"""

from __future__ import annotations

import os
from datetime import date, timedelta

from app.models import Company, Customer, Paper, PriceBookVersion, Service, Visit
from app.operations.price_book import STANDARD
from tests.browser.screens import SCREENS

SHOTS = os.environ.get("SHOTS")
CABLE = {"price": 800, "name": {"ja": "LANケーブル", "en": "LAN cable"}}


@SCREENS
def test_an_invoice_is_issued_paid_and_given_back_by_hand(browse, wrong_on, db, world, clock, lang, screens):
    visits = [world.visit(), world.visit(starts_in_min=200)]
    with db.write() as session:
        session.add(
            PriceBookVersion(
                at=clock.now(),
                by="test",
                code="shop",
                valid_from=date(2026, 10, 1),
                book={**STANDARD, "code": "shop", "parts": {"cable": CABLE}},
            )
        )
        session.get_one(Service, world.service).price_code = "pc-setup"
        company = session.get_one(Company, 1)
        company.registration_number, company.pay_to = "T7000012050002", "青葉銀行 中央支店 普通 1234567"
        session.get_one(Customer, world.customer).name = "株式会社グローバルインフォメーションテクノロジー 山田 花子"
        for visit_id in visits:
            visit = session.get_one(Visit, visit_id)
            visit.status, visit.arrived_at = "completed", visit.promised_until_at + timedelta(minutes=50)
            visit.completed_at = clock.at = visit.arrived_at + timedelta(minutes=95)
    page = browse(as_role="manager", width=screens[0][0], height=900, lang=lang)

    def look():
        assert wrong_on(page, screens) == []

    page.goto("/invoices")
    look()
    page.goto(f"/visits/{visits[0]}/invoice")
    page.fill("#minutes", "80")
    page.fill("#minutes_reason", "部材の待ち時間を除く")
    page.select_option("#part_0", "cable")
    page.fill("#quantity_0", "2")
    page.locator("form[method=get] button").click()
    look()
    page.locator("form[method=post].card button.primary").click()
    look()
    page.locator("form[action$=payment] button").click()
    page.fill("#amount_0", "1000")
    page.fill("#reason", "お待たせしたお詫び")
    page.locator("button[value=some]").click()
    look()
    page.goto("/invoices")
    look()
    with db.read() as session:
        token = session.get_one(Paper, 1).token
    page.goto(f"/d/{token}?lang={lang}")
    look()
