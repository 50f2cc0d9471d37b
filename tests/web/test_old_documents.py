"""Does whatever a customer was once shown stay the same, byte for byte, when prices change?"""

from __future__ import annotations

import json

from app.models import Paper, Quote, Service, Visit
from app.operations.field import report_status
from app.operations.price_book import STANDARD
from app.rules.book_form import typed_of
from tests.web.pages import post


def test_a_new_price_book_changes_no_byte_of_a_quote_an_invoice_or_its_pdf(client, signed_in, db, world, clock):
    with db.write() as session:
        session.get_one(Service, world.service).price_code = "pc-setup"
    manager = signed_in("manager")
    assert post(manager, "/prices/standard", {}).status_code == 303
    visit_id = world.visit(starts_in_min=390)
    post(manager, f"/visits/{visit_id}/quote", {"sign": ""})
    with db.read() as session:
        token = session.query(Quote).one().token
    client.post(f"/q/{token}", data={"answer": "accept", "name": "山田 花子"})
    clock.forward(minutes=390)
    for status in ("en_route", "arrived", "completed"):
        with db.write() as session:
            report_status(session, visit_id, status, now=clock.now(), actor="technician:1")
        clock.forward(minutes=45)
    assert post(manager, f"/visits/{visit_id}/invoice", {"seen": "11000"}).status_code == 303
    with db.read() as session:
        paper = session.query(Paper).one().token
        link = session.get_one(Visit, visit_id).link_token
    shown = [
        f"/{path}{lang}" for path in (f"q/{token}", f"d/{paper}", f"d/{paper}.pdf") for lang in ("?lang=ja", "?lang=en")
    ]
    before = [client.get(path).data for path in shown]
    assert all(before)
    assert b"%PDF" in before[4]
    assert f"/d/{paper}" in client.get(f"/v/{link}").text

    other = {**json.loads(json.dumps(STANDARD)), "code": "dearer", "valid_from": "2026-10-01"}
    other["services"] = {
        "pc-setup": {**other["services"]["pc-setup"], "base": 9_990, "name": {"ja": "別名", "en": "Else"}}
    }
    other["bands"][2] |= {"percent": 90, "name": {"ja": "真夜中", "en": "deep night"}}
    other["tax"] = {"rate": "0.20", "rounding": "ceiling"}
    saved = post(manager, "/prices", {**typed_of(other), "version": "1", "do": "save"})
    assert saved.status_code == 303
    assert [client.get(path).data for path in shown] == before
