"""Customers as they are typed, and as channels need them."""

from __future__ import annotations

import math

import pytest

from app.errors import Invalid, NotFound
from app.operations.contact import email_address, mobile_e164, phone_e164
from app.operations.customer import NewSite, add_site, create_customer, find_customer


def create(session, clock, **more):
    return create_customer(session, **{"name": "山田 花子", "now": clock.now(), "country": "JP", **more})


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("090-1234-5678", "+819012345678"),
        ("０９０－１２３４－５６７８", "+819012345678"),
        (" 060 1234 5678 ", "+816012345678"),
        ("+81 80 1234 5678", "+818012345678"),
        ("+1 415 555 2671", "+14155552671"),
        ("", None),
        (None, None),
    ],
)
def test_mobile_numbers_become_e164(typed, number):
    assert mobile_e164(typed, "JP", "mobile") == number


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("03-1234-5678", "not_mobile"),
        ("0120-444-113", "not_mobile"),
        ("050-3123-4567", "not_mobile"),
        ("090-1234", "phone"),
        ("090-ABCD-EFGH", "phone"),
        ("call me", "phone"),
        ("+999 1234567", "phone"),
        ("0" * 5000, "phone"),
    ],
)
def test_a_number_that_cannot_receive_sms_is_refused_as_mobile(typed, code):
    with pytest.raises(Invalid) as refused:
        mobile_e164(typed, "JP", "mobile")
    assert [(p.field, p.code) for p in refused.value.problems] == [("mobile", code)]


def test_a_landline_is_a_phone_and_an_extension_is_not_lost_in_silence():
    assert phone_e164("(03)1234-5678", "JP", "phone") == "+81312345678"
    with pytest.raises(Invalid):
        phone_e164("03-1234-5678 ext. 12", "JP", "phone")


@pytest.mark.parametrize(
    "typed", ["hanako", "a@b", "a b@example.jp", "a@example.jp\nBcc: x@y.jp", "a@@example.jp", "@x.jp"]
)
def test_what_is_no_address_is_refused(typed):
    with pytest.raises(Invalid):
        email_address(typed, "email")


def test_an_address_typed_in_full_width_is_read():
    assert email_address("ｈａｎａｋｏ＠example.jp ", "email") == "hanako@example.jp"


def test_a_customer_is_kept_with_the_places_to_visit(db, clock):
    with db.write() as session:
        sites = [NewSite(" 和歌山市1-1 ", 34.2, 135.1), NewSite("大阪市2-2")]
        made = create(session, clock, mobile="090-1234-5678", email="hanako@example.jp", sites=sites)
    with db.read() as session:
        found = find_customer(session, made.id)
        assert (found.mobile, found.kind, found.language) == ("+819012345678", "individual", "ja")
        assert [(s.address, s.lat, s.located_by) for s in found.sites] == [
            ("和歌山市1-1", 34.2, "given"),
            ("大阪市2-2", None, ""),
        ]


def test_every_wrong_field_is_named_at_once_and_nothing_is_kept(db, clock):
    sites = [NewSite(" "), NewSite("a", 91.0, 135.0), NewSite("b", None, 1.0), NewSite("c", 1.0, math.nan)]
    with pytest.raises(Invalid) as refused, db.write() as session:
        create(session, clock, name=" ", kind="firm", language="fr", mobile="03-1234-5678", email="x", sites=sites)
    assert {p.field: p.code for p in refused.value.problems} == {
        "name": "missing",
        "kind": "choice",
        "language": "choice",
        "mobile": "not_mobile",
        "email": "email",
        "sites[0].address": "missing",
        "sites[1].lat": "position",
        "sites[2].lat": "half_position",
        "sites[3].lon": "position",
    }


def test_a_place_is_added_to_a_customer(db, clock):
    with db.write() as session:
        made = create(session, clock)
        add_site(session, made.id, NewSite("堺市3-3"))
    with db.write() as session:
        assert [site.address for site in find_customer(session, made.id).sites] == ["堺市3-3"]
        with pytest.raises(Invalid):
            add_site(session, made.id, NewSite(""))
        with pytest.raises(NotFound):
            add_site(session, made.id + 1, NewSite("x"))
