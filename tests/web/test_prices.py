"""Can a manager put prices in force, change them with their effect shown first, and can the desk make a quote?"""

from __future__ import annotations

import json
import re

import pytest

from app.models import Notice, PriceBookVersion, Quote, Service
from app.operations.price_book import STANDARD
from app.rules.book_form import typed_of
from tests.web.pages import post, values

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


@pytest.fixture
def manager(signed_in):
    return signed_in("manager")


def versions(db):
    with db.read() as session:
        return [(one.code, one.valid_from.isoformat()) for one in session.query(PriceBookVersion).order_by("id")]


def own(**changes) -> str:
    return json.dumps({**json.loads(json.dumps(STANDARD)), "code": "own", "valid_from": "2026-11-24", **changes})


def test_the_standard_prices_are_taken_with_one_press_and_exported_as_they_are(manager, db):
    page = manager.get("/prices").text
    assert "料金表はまだ使われていません" in page
    assert post(manager, "/prices/standard", {}).location == "/prices?saved=1"
    assert versions(db) == [("standard-2026", "2026-10-01")]
    assert json.loads(manager.get("/prices/1.json").text) == STANDARD
    assert post(manager, "/prices/standard", {}).status_code == 200
    assert len(versions(db)) == 1


def test_a_change_is_a_new_version_and_what_is_wrong_names_its_field(manager, db):
    def save(text, version=0, do="save"):
        return post(manager, "/prices/json", {"book": text, "version": str(version), "do": do})

    for text, words in (
        ("{", "JSON"),
        (own(bands=[{"code": "x", "from": "22:00", "to": "31:00", "percent": 5}]), "bands[0].to"),
        (own(holiday={"percent": 20, "public_holidays": "ZZ"}), "holiday.public_holidays"),
    ):
        reply = save(text)
        assert reply.status_code == 422
        assert words in reply.text.replace("&#39;", "'")
    assert save(own()).status_code == 303
    assert save(own(), 1).status_code == 422  # the name is taken
    assert save(own(code="own-2"), 0).status_code == 412  # somebody saved meanwhile
    assert versions(db) == [("own", "2026-11-24")]
    assert '"code": "own-2"' in manager.get("/prices").text.replace("&#34;", '"')


def test_prices_are_changed_field_by_field_and_what_is_wrong_stands_beside_its_field(manager, db):
    typed = typed_of({**STANDARD, "code": "own"}) | {"version": "0", "valid_from": "2026-12-01"}
    typed |= {"bands[2].from": "21:00", "services[4].code": "fax", "services[4].base": "x", "tax.rate": "101"}
    page = post(manager, "/prices", {**typed, "do": "save"})
    assert page.status_code == 422
    for name, words in (("bands[2].from", "evening"), ("services[4].base", ""), ("tax.rate", "0から100")):
        found = re.search(rf'id="{re.escape(name)}-wrong">([^<]*)<', page.text)
        assert found, name
        assert words in found[1]
    assert 'value="fax"' in page.text
    assert versions(db) == []
    typed |= {"bands[1].to": "21:00", "tax.rate": "8"}
    typed |= {"services[4].base": "2,500", "services[4].included_minutes": "30", "services[4].name.ja": "FAX"}
    typed |= {"services[4].unit_minutes": "15", "services[4].unit_price": "1000"}
    added = post(manager, "/prices", {**typed, "do": "more bands"})
    assert (added.status_code, 'name="bands[3].code"' in added.text) == (200, True)
    assert 'value="evening"' not in post(manager, "/prices", {**typed, "do": "less bands[1]"}).text
    exported = json.loads(post(manager, "/prices", {**typed, "do": "export"}).text)
    assert exported["services"]["fax"]["base"] == 2500
    assert post(manager, "/prices", {**typed, "do": "save"}).status_code == 303
    assert versions(db) == [("own", "2026-12-01")]
    assert json.loads(manager.get("/prices/1.json").text) == exported
    assert post(manager, "/prices", {**typed, "do": "save"}).status_code == 412  # somebody saved meanwhile


def test_json_is_read_into_the_form_and_what_the_form_has_no_field_for_is_said(manager, db):
    def load(text):
        return post(manager, "/prices/json", {"book": text, "version": "0", "do": "load"})

    page = load(own(bands=[]))
    assert (page.status_code, "まだ保存していません" in page.text) == (200, True)
    page = load(own(secret=1, services={"fax": {"base": "many"}}))
    assert page.status_code == 422
    assert re.search(r"<code>secret</code>", page.text)
    assert 'id="services[0].base-wrong"' in page.text
    assert load("[1]").status_code == 422
    assert versions(db) == []


def test_the_preview_shows_what_last_month_would_have_cost(signed_in, db, world, clock):
    with db.write() as session:
        session.get_one(Service, world.service).price_code = "pc-setup"
    world.visit(starts_in_min=60)
    clock.forward(days=3)
    form = typed_of(json.loads(own())) | {"services[0].base": "7,000", "version": "0", "do": "preview"}
    signed = post(signed_in("manager"), "/prices", form)
    assert "1件のうち1件で変わります。合計 7,700円 → 8,800円" in re.sub(r"\s+", " ", signed.text)
    assert versions(db) == []


def test_the_desk_makes_a_quote_and_sees_what_an_hour_earlier_costs(signed_in, db, world):
    with db.write() as session:
        session.get_one(Service, world.service).price_code = "pc-setup"
    visit_id = world.visit(starts_in_min=360)
    client, path = signed_in("dispatcher"), f"/visits/{visit_id}/quote"
    page = client.get(path).text
    assert "予定どおりなら11,000円" in page
    assert "1時間早ければ9,350円" in page
    over = post(client, path, {"discount_percent": "11", "discount_reason": "常連"})
    assert (over.status_code, "値引きできるのは10%まで" in over.text) == (422, True)
    assert post(client, path, {"discount_percent": "10", "discount_reason": "常連"}).status_code == 303
    with db.read() as session:
        [quote] = session.query(Quote).all()
        assert quote.total == 9_900
    for _ in range(2):
        assert post(client, f"{path}/{quote.id}/send").status_code == 303
    with db.read() as session:
        [notice] = session.query(Notice).all()  # told once, however often it is pressed
        assert "合計 9,900円(税込)" in notice.line
    page = client.get(path).text
    assert f"/q/{quote.token}" in page
    assert "お客様へお送りしました" in page
    assert "お客様がお見積りを承諾されるまで出発できません" in page


def test_a_kind_of_work_is_tied_to_an_entry_of_the_price_book(manager, db, world):
    path = f"/services/{world.service}"
    typed = {**values(manager.get(path).text), "name_ja": "設定", "name_en": "Setup", "duration_min": "60"}
    assert post(manager, path, {**typed, "price_code": "haircut"}).status_code == 422
    assert post(manager, path, {**typed, "price_code": "pc-repair", "active": "1"}).status_code == 303
    with db.read() as session:
        assert session.get_one(Service, world.service).price_code == "pc-repair"
