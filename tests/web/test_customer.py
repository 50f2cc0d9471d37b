"""Does the customer's page tell the truth, change nothing when opened, and do what is pressed once?"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import select, text

from app.db import Base
from app.models import Alarm, Customer, Notice, Technician, Visit, VisitEvent
from app.operations.booking import cancel_visit, change_visit
from app.operations.field import report_status

STATIC = Path(__file__).parents[2] / "app" / "static"


@pytest.fixture
def link(world, db):
    """A visit at 17:00 (the clock stands at 16:00), its id and its address."""
    visit_id = world.visit(60)
    with db.read() as session:
        token = session.get(Visit, visit_id).link_token
    return SimpleNamespace(id=visit_id, path=f"/v/{token}", token=token)


@pytest.fixture
def tell(db, clock, link):
    """Return a function that adds a notice about the visit, handed over now."""

    def add(kind, from_min=None, until_min=None, state="delivered", **changes):
        now = clock.now()
        with db.write() as session:
            visit = session.get(Visit, link.id)
            row = {
                "visit_id": link.id, "kind": kind, "language": "ja", "created_at": now, "reason_code": "late_expected",
                "dedupe_key": f"{kind}-{now.isoformat()}", "promised_from_at": visit.promised_from_at,
                "promised_until_at": visit.promised_until_at, "technician_id": visit.technician_id,
                "reason_facts": {"basis": "observed_pace", "state": "creeping"}, "channels": ["console"],
                "state": state,
                "quoted_from_at": now + timedelta(minutes=from_min) if from_min is not None else None,
                "quoted_until_at": now + timedelta(minutes=until_min) if until_min is not None else None,
                "expires_at": now + timedelta(hours=1), "sent_at": now, "delivered_at": now,
            }  # fmt: skip
            session.add(Notice(**{**row, **changes}))

    return add


def said(reply) -> str:
    """Return a page without what keeps its windows and words on one line: word joiners, and spans."""
    return re.sub('<span class="nowrap">(.*?)</span>', r"\1", reply.get_data(as_text=True).replace("\u2060", ""))


def everything(db) -> dict[str, list[tuple]]:
    with db.read() as session:
        return {
            name: [tuple(map(str, row)) for row in session.execute(text(f'SELECT * FROM "{name}" ORDER BY 1'))]
            for name in Base.metadata.tables
        }


def events(db, kind):
    with db.read() as session:
        return session.scalars(select(VisitEvent).where(VisitEvent.kind == kind).order_by(VisitEvent.id)).all()


def alarms(db):
    with db.read() as session:
        return session.scalars(select(Alarm).where(Alarm.cleared_at.is_(None)).order_by(Alarm.id)).all()


def test_before_the_day_the_first_line_names_the_day(client, world, db):
    visit_id = world.visit(60 * 24, 120)
    with db.read() as session:
        token = session.get(Visit, visit_id).link_token
    page = said(client.get(f"/v/{token}"))
    assert "<h1>11/25(水) 16:00〜18:00にお伺いする予定です</h1>" in page


def test_on_time_the_promise_stands(client, link):
    page = said(client.get(link.path))
    assert "<h1>17:00にお伺いする予定です</h1>" in page
    assert "16:00現在" in page
    assert 'href="tel:+81312345678">03-1234-5678' in page
    assert "佐藤" in page


def test_late_and_told_shows_the_quoted_window_with_an_apology_and_the_reason(client, link, tell):
    tell("late", 80, 100)
    page = said(client.get(link.path))
    assert "<h1>17:20〜17:40ごろに伺う見込みです</h1>" in page
    assert "17:00のお約束に遅れ、申し訳ございません。道路が混み合い、移動に時間がかかっております。" in page
    assert "16:00にお届け済み" in page


def test_a_notice_on_its_way_is_already_the_promise_but_not_yet_told(client, link, tell):
    tell("late", 80, 100, state="due", sent_at=None, delivered_at=None)
    page = said(client.get(link.path))
    assert "<h1>17:20〜17:40ごろに伺う見込みです</h1>" in page
    assert "これまでのお知らせ" not in page


def test_dropped_news_is_never_shown(client, link, tell):
    tell("late", 80, 100, state="dropped")
    page = said(client.get(link.path))
    assert "<h1>17:00にお伺いする予定です</h1>" in page
    assert "17:20" not in page


def test_the_forecast_is_no_second_promise(client, link, tell, db, clock):
    tell("late", 80, 100)
    with db.write() as session:
        visit = session.get(Visit, link.id)
        visit.forecast_from_at = clock.now() + timedelta(minutes=113)
        visit.forecast_until_at = clock.now() + timedelta(minutes=127)
        visit.forecast_as_of_at = clock.now() - timedelta(seconds=20)
    page = said(client.get(link.path))
    assert "17:20〜17:40" in page
    assert "17:53" not in page
    assert "18:07" not in page
    assert "お伝えした時刻より遅くなる可能性があります" in page


def test_news_older_than_ninety_seconds_says_so_while_on_the_way(client, link, db, clock):
    with db.write() as session:
        report_status(session, link.id, "en_route", now=clock.now(), actor="technician:1")
        session.get(Visit, link.id).forecast_as_of_at = clock.now()
    clock.forward(seconds=90)
    assert "新しい位置の情報が届いていません" not in said(client.get(link.path))
    clock.forward(seconds=1)
    assert "16:00を最後に、新しい位置の情報が届いていません" in said(client.get(link.path))


def test_unknown_is_said_honestly(client, link, tell, clock):
    by = clock.now() + timedelta(minutes=15)
    tell("holding", reason_facts={"next_at": by.isoformat()})
    page = said(client.get(link.path))
    assert "<h1>到着の時刻を確認しています</h1>" in page
    assert "16:15までに、あらためてご連絡いたします" in page
    clock.forward(minutes=16)
    assert "16:15までにご連絡するとお伝えしましたが、まだ" in said(client.get(link.path))


def test_a_time_that_has_passed_is_not_repeated_as_if_it_would_hold(client, link, clock):
    clock.forward(minutes=66)
    assert "<h1>お伝えした17:00を過ぎています。申し訳ございません</h1>" in said(client.get(link.path))


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ("arrived", "担当者が到着いたしました"),
        ("completed", "訪問は完了しました"),
        ("no_access", "お会いできませんでした"),
    ],
)
def test_what_happened_is_the_first_line(client, link, db, clock, status, line):
    with db.write() as session:
        report_status(session, link.id, status, now=clock.now(), actor="technician:1")
    assert line in said(client.get(link.path)).split("</h1>")[0]


def test_a_cancelled_visit_says_so(client, link, db, clock):
    with db.write() as session:
        cancel_visit(session, link.id, now=clock.now(), actor="user:1")
    page = said(client.get(link.path))
    assert "この訪問は取り消されました" in page
    assert "その時間は不在です" not in page


def test_a_moved_visit_names_the_time_before_and_forgets_what_was_said_of_it(client, link, tell, db, clock):
    tell("late", 80, 100)
    with db.write() as session:
        later = clock.now() + timedelta(hours=3)
        change_visit(session, link.id, now=clock.now(), actor="user:1", promised_from_at=later, promised_until_at=later)
    page = said(client.get(link.path))
    assert "<h1>19:00にお伺いする予定です</h1>" in page
    assert "変更前:11/24(火) 17:00" in page


def test_opening_changes_nothing(client, link, tell, db):
    tell("late", 80, 100)
    before = everything(db)
    for path in (link.path, f"{link.path}/cannot-be-there", f"{link.path}/call-me", f"{link.path}/ok", "/v/nosuchlink"):
        for method in ("GET", "HEAD", "OPTIONS"):
            client.open(path, method=method)
    assert everything(db) == before


def test_who_wants_to_hear_of_delays_only_says_so_on_her_page(client, link, db, parts):
    page = said(client.get(link.path))
    assert "訪問前のご案内、遅れのとき、まもなく到着するとき" in page
    assert 'name="first_channel"' not in page  # the house has one way only
    reply = client.post(f"{link.path}/wishes", data={"notices": "delays"})
    assert reply.location == link.path
    assert 'value="delays" checked' in said(client.get(link.path))
    with db.read() as session:
        assert session.scalars(select(Customer.notices)).one() == "delays"
    assert client.post(f"{link.path}/wishes", data={"notices": "none"}).status_code == 422


def test_who_is_reached_in_two_ways_chooses_the_first(client, link, parts):
    parts.channels = {"sms": None, "email": None}
    client.post(f"{link.path}/wishes?lang=en", data={"notices": "all", "first_channel": "email"})
    page = said(client.get(f"{link.path}?lang=en"))
    assert 'value="email" checked' in page
    assert "nearly here, E-mail" in page


def test_a_press_calls_a_person_once_with_a_deadline(client, link, db, clock):
    for _ in range(3):
        assert client.post(f"{link.path}/call-me").status_code == 303
    (event,) = events(db, "call_me")
    assert (event.actor, event.visit_id) == ("customer", link.id)
    (alarm,) = alarms(db)
    assert (alarm.kind, alarm.visit_id) == ("call_me", link.id)
    assert alarm.facts["deadline_at"] == (clock.now() + timedelta(minutes=15)).isoformat()
    page = said(client.get(link.path))
    assert "16:15までに、担当者からお電話いたします" in page
    assert ">電話がほしい<" not in page


def test_a_call_that_did_not_come_is_owned_up_to(client, link, clock):
    client.post(f"{link.path}/call-me")
    clock.forward(minutes=16)
    assert "まだお電話できておりません" in said(client.get(link.path))


def test_she_can_ask_again_after_somebody_has_dealt_with_it(client, link, db, clock):
    client.post(f"{link.path}/call-me")
    with db.write() as session:
        session.scalar(select(Alarm)).cleared_at = clock.now()
    assert ">電話がほしい<" in said(client.get(link.path))
    client.post(f"{link.path}/call-me")
    assert len(events(db, "call_me")) == 2


def test_being_away_is_asked_once_more_and_carries_her_words(client, link, db):
    page = said(client.get(f"{link.path}/cannot-be-there"))
    assert "その時間はご不在ですか" in page
    assert events(db, "cannot_be_there") == []
    client.post(f"{link.path}/cannot-be-there", data={"text": " 18時以降なら\n在宅です\x07 "})
    (alarm,) = alarms(db)
    assert (alarm.kind, alarm.facts["text"]) == ("cannot_be_there", "18時以降なら\n在宅です")
    client.post(f"{link.path}/cannot-be-there", data={"text": "18時以降なら\n在宅です"})
    client.post(f"{link.path}/cannot-be-there", data={"text": "やはり19時"})
    assert len(events(db, "cannot_be_there")) == 2
    assert alarms(db)[0].facts["text"] == "やはり19時"


def test_too_many_words_are_refused_and_kept_in_the_form(client, link, db):
    reply = client.post(f"{link.path}/cannot-be-there", data={"text": "あ" * 301})
    assert reply.status_code == 422
    assert "300文字以内" in said(reply)
    assert "あ" * 301 in said(reply)
    assert alarms(db) == []


def test_an_answer_is_kept_once_per_notice(client, link, tell, db, clock):
    client.post(f"{link.path}/ok")
    assert events(db, "acknowledged") == []
    tell("late", 80, 100)
    for _ in range(2):
        client.post(f"{link.path}/ok")
    assert len(events(db, "acknowledged")) == 1
    assert "了解のお返事をいただきました" in said(client.get(link.path))
    clock.forward(minutes=20)
    tell("late_update", 90, 110)
    assert ">了解しました<" in said(client.get(link.path))


def test_a_press_that_comes_too_late_is_told_so(client, link, db, clock):
    with db.write() as session:
        report_status(session, link.id, "arrived", now=clock.now(), actor="technician:1")
    before = everything(db)
    reply = client.post(f"{link.path}/cannot-be-there")
    assert reply.status_code == 409
    assert "最新の状況をご確認ください" in said(reply)
    assert everything(db) == before


@pytest.mark.parametrize("way", ["get", "post"])
def test_an_unknown_link_says_nothing_about_anybody(client, world, way):
    path = "/v/bcdfghjkmn" if way == "get" else "/v/bcdfghjkmn/call-me"
    reply = getattr(client, way)(path)
    assert reply.status_code == 404
    assert "このリンクはご利用いただけません" in said(reply)
    assert "アオバ" not in said(reply)


@pytest.mark.parametrize("token", ["%00", "a%00b", "%F0%9F%98%80", "x" * 3000])
def test_a_crafted_link_is_an_unknown_one(client, world, token):
    assert client.get(f"/v/{token}").status_code == 404
    assert client.post(f"/v/{token}/call-me").status_code == 404


def test_the_link_ends_seven_days_after_the_visit(client, link, clock):
    clock.forward(hours=2, days=7)
    assert client.get(link.path).status_code == 200
    clock.forward(seconds=1)
    reply = client.get(link.path)
    assert reply.status_code == 404
    assert "アオバ" not in said(reply)


def test_it_speaks_the_customers_language_and_can_be_switched(client, link, db):
    with db.write() as session:
        session.scalar(select(Customer)).language = "en"
    page = said(client.get(link.path, headers={"Accept-Language": "ja"}))
    assert '<html lang="en">' in page
    assert "Your visit is planned for 17:00" in page
    page = said(client.get(f"{link.path}?lang=ja", headers={"Accept-Language": "en"}))
    assert "17:00にお伺いする予定です" in page
    assert f'action="{link.path}/call-me?lang=ja"' in page
    assert client.post(f"{link.path}/call-me?lang=ja").location.endswith(f"{link.path}?lang=ja")


def test_it_leaves_nothing_in_the_browser_and_asks_to_be_kept_out_of_indexes(client, link):
    for reply in (client.get(f"{link.path}?lang=en"), client.post(f"{link.path}/call-me"), client.get("/v/none")):
        assert "Set-Cookie" not in reply.headers
        assert reply.headers["Cache-Control"] == "no-store"
        assert "noindex" in reply.headers["X-Robots-Tag"]
        assert reply.headers["Referrer-Policy"] == "no-referrer"


def test_a_name_is_text_and_never_markup(client, link, db):
    with db.write() as session:
        session.scalar(select(Technician)).name = "<script>alert(1)</script>{zone}"
        report_status(session, link.id, "en_route", now=session.get(Visit, link.id).created_at, actor="technician:1")
    page = said(client.get(link.path))
    assert "<script" not in page
    assert "{zone}" in page


def test_guessing_links_is_slowed_down(client, world, link):
    codes = [client.get(f"/v/guess{n}").status_code for n in range(20)]
    assert codes[:15] == [404] * 15
    assert set(codes[15:]) == {429}
    assert "1分ほど待って" in said(client.get("/v/another"))


def test_presses_are_limited(client, link):
    codes = [client.post(f"{link.path}/call-me").status_code for _ in range(12)]
    assert codes == [303] * 10 + [429] * 2
    assert client.get(link.path).status_code == 200


def test_it_is_small(client, link, tell):
    tell("late", 80, 100)
    page = client.get(link.path)
    files = [
        STATIC / name
        for name in ("tokens.css", "app.css", "customer.css", "icons.svg", "icon.svg", "customer-opened.js")
    ]
    assert len(page.data) + sum(file.stat().st_size for file in files) < 60_000
    assert page.data.count(b"<script") == 1


def test_a_page_that_was_really_looked_at_confirms_what_was_told(client, link, tell, db, clock):
    tell("late", 80, 100, state="sent", delivered_at=None)
    assert "customer-opened.js" in client.get(link.path).get_data(as_text=True)
    with db.read() as session:
        assert session.scalars(select(Notice.state)).one() == "sent"
    assert client.post(f"{link.path}/opened").status_code == 204
    with db.read() as session:
        notice = session.scalars(select(Notice)).one()
        assert (notice.state, notice.confirmed_by) == ("delivered", "opened")
