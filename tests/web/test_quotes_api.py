"""Does the API answer every worked example exactly, and say what is wrong with the rest?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

EXAMPLES = json.loads((Path(__file__).parent.parent / "data/pricing/examples.json").read_text(encoding="utf-8"))
JOB = {"service": "pc-repair", "start": "2026-11-24T21:30:00+09:00", "minutes": 120, "distance_km": 12}


@pytest.fixture
def ask(client, world):
    """Return a function that asks for a price as a dispatcher's program."""

    def call(job, language="ja"):
        headers = {"Authorization": f"Bearer {world.dispatcher_token}", "Accept-Language": language}
        return client.post("/api/v1/quotes", json=job, headers=headers)

    return call


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_every_worked_example_is_answered_exactly(ask):
    for example in EXAMPLES:
        reply, expected = ask(example["given"]), example["expect"]
        if "error" in expected:
            assert reply.status_code == 422, example["name"]
            assert reply.content_type == "application/problem+json"
            assert expected["error"] in reply.json["type"]
            continue
        assert reply.status_code == 200, reply.json
        lines = [[line["code"], line["amount"]] for line in reply.json["lines"]]
        sums = {name: reply.json[name] for name in ("subtotal", "tax", "total")}
        assert {"lines": lines, **sums} == expected, example["name"]
        assert all(line["explanation"] for line in reply.json["lines"])
        assert reply.json["price_book"] == "standard-2026"


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_every_line_says_why_in_both_languages(ask):
    job = {**JOB, "minutes": 180, "customer_class": "corporate", "travels_by": "public_transport", "taxi": 21000}
    job |= {"discount_percent": 7.5, "discount_by": "dispatcher", "discount_reason": "再訪問"}
    said = {line["code"]: (line["name"], line["explanation"]) for line in ask(job).json["lines"]}
    assert said == {
        "base": ("基本料金", "最初の60分まで"),
        "extra_time": ("延長料金", "8×15分、15分につき1,800円"),
        "class": ("お客様区分による加算", "法人 +30%(基本料金と延長料金に対して)"),
        "band:evening": ("時間外割増", "21:30–22:00 時間外 +25%"),
        "band:night": ("夜間割増", "22:00–00:30 夜間 +50%"),
        "travel": ("出張料", "12 km(20 kmまで)"),
        "return_taxi": ("お帰りのタクシー代", "作業終了が終電(23:50)に間に合わないため。上限15,000円まで"),
        "discount": ("お値引き", "7.5%、再訪問"),
    }
    english = {line["code"]: line["explanation"] for line in ask(job, "en").json["lines"]}
    assert english["band:night"] == "22:00–00:30, night +50%"
    assert english["extra_time"] == "8 × 15 min at JPY 1,800"


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_what_is_wrong_is_named(ask):
    for change, field, code in (
        ({"service": "haircut"}, "service", "choice"),
        ({"service": "x" * 41}, "service", "too_long"),
        ({"customer_class": "vip"}, "customer_class", "choice"),
        ({"minutes": -1}, "minutes", "least"),
        ({"minutes": "60"}, "minutes", "type"),
        ({"distance_km": None}, "distance_km", "type"),
        ({"distance_km": -1}, "distance_km", "least"),
        ({"start": "2026-11-24T21:30:00"}, "start", "instant"),
        ({"travels_by": "boat"}, "travels_by", "choice"),
        ({"discount_percent": -5, "discount_by": "manager"}, "discount_percent", "percent"),
        ({"discount_percent": 5}, "discount_by", "choice"),
        ({"parts": [{"code": "cable"}]}, "parts[0].code", "no_parts"),
        ({"tip": 500}, "tip", "extra"),
    ):
        reply = ask({**JOB, **change})
        assert reply.status_code == 422
        assert (field, code) in [(one["field"], one["code"]) for one in reply.json["errors"]], reply.json


def test_a_new_version_prices_work_from_its_first_day_on(ask, db):
    from datetime import UTC, date, datetime

    from app.models import PriceBookVersion
    from app.operations.price_book import STANDARD

    dearer = json.loads(json.dumps(STANDARD)) | {"code": "2027", "valid_from": "2027-01-01"}
    dearer["services"]["pc-repair"]["base"] = 9900
    with db.write() as session:
        session.add(
            PriceBookVersion(
                at=datetime(2026, 11, 24, tzinfo=UTC), by="test", code="2027", valid_from=date(2027, 1, 1), book=dearer
            )
        )
    before, after = (ask({**JOB, "start": f"{on}T10:00:00+09:00"}).json for on in ("2026-12-31", "2027-01-05"))
    assert (before["price_book"], before["lines"][0]["amount"]) == ("standard-2026", 9000)
    assert (after["price_book"], after["lines"][0]["amount"]) == ("2027", 9900)
    # We came late, past midnight of the old year: the promise was made under the old book.
    late = {**JOB, "start": "2027-01-01T00:10:00+09:00", "promised_until": "2026-12-31T23:00:00+09:00"}
    assert ask(late).json["price_book"] == "standard-2026"
