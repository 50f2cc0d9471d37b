"""Are the company's own words used from the next notice on, and does every change stay on record?"""

from __future__ import annotations

from dataclasses import replace
from threading import Thread

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.errors import Invalid, NotFound, Stale
from app.models import EVIDENCE, Company, Notice, Visit, Wording
from app.notices.declared import shipped
from app.operations.notice import News, Telling, add_notice
from app.operations.wording import (
    changed_wordings,
    current_texts,
    current_wordings,
    restore_wording,
    save_wording,
    wording_versions,
)
from app.operations.wording_preview import preview_wording, recent_visits, wording_changes
from app.providers.console import Console

BASE = "https://aoba.example"
OWN_WORDS = "【{{ brand_short }}】{{ promised_on }}に伺います {{ link }}"


@pytest.fixture
def house(db, world, clock, parts):
    class House:
        zone = parts.settings.zone
        telling = Telling(BASE, zone, {"console": Console()})

        def save(self, version, name="reminder_day", language="ja", **texts):
            with db.write() as session:
                whole = replace(shipped(name, language), **texts)
                given = {"version": version, "base_url": BASE, "actor": "user:2", "now": clock.now()}
                return save_wording(session, name, language, whole, **given)

        def restore(self, number, name="reminder_day"):
            with db.write() as session:
                restore_wording(session, name, "ja", number, base_url=BASE, actor="user:2", now=clock.now())

        def tell(self, kind="reminder_day"):
            visit_id = world.visit(60 * 24 * (1 + self.told))
            self.told += 1
            with db.write() as session:
                visit = session.get_one(Visit, visit_id)
                return add_notice(session, visit, News(kind, "booked"), self.telling, clock.now()).id

        told = 0

        def short(self, notice_id):
            with db.read() as session:
                return session.get_one(Notice, notice_id).short

    return House()


def test_own_words_are_used_from_the_next_notice_on_and_written_ones_keep_theirs(house):
    before = house.tell()
    assert house.save(0, short=OWN_WORDS)
    after = house.tell()
    assert "17:00" in house.short(before) or "16:00" in house.short(before)
    assert house.short(after).startswith("【アオバPC】11/26(木)に伺います https://aoba.example/v/")
    assert house.short(before) != house.short(after)


def test_a_version_is_kept_of_every_change_and_none_of_no_change(house, db):
    assert house.save(0, short=OWN_WORDS)
    with db.read() as session:
        (version,) = wording_versions(session, "reminder_day", "ja", 9)
        assert (version.by, version.short) == ("user:2", OWN_WORDS)
        assert set(changed_wordings(session)) == {("reminder_day", "ja")}
        assert set(current_wordings(session)) == {("reminder_day", "ja")}
        number = version.id
    assert not house.save(number, short=OWN_WORDS)
    assert not house.save(number, short=OWN_WORDS + "  \r\n")


def test_who_writes_over_somebody_else_is_told(house):
    house.save(0, short=OWN_WORDS)
    with pytest.raises(Stale):
        house.save(0, subject="件名")


def test_words_with_a_hole_are_refused_by_part_and_line(house, db):
    with pytest.raises(Invalid) as refused:
        house.save(0, short="{{ eta }}", body="お客様へ\n\n{{ tech }}")
    assert [(p.field, p.code, p.facts["line"]) for p in refused.value.problems] == [
        ("short", "text_unknown_fact", 1),
        ("body", "text_may_be_missing", 3),
    ]
    with db.read() as session:
        assert current_wordings(session) == {}


def test_going_back_adds_a_version(house, db):
    house.save(0, short=OWN_WORDS)
    with db.read() as session:
        first = current_texts(session, "reminder_day", "ja")[1]
    house.save(first, short=OWN_WORDS + "。")
    house.restore(first)
    with db.read() as session:
        texts, newest = current_texts(session, "reminder_day", "ja")
        assert texts.short == OWN_WORDS
        assert newest > first
    house.restore(None)
    with db.read() as session:
        assert current_texts(session, "reminder_day", "ja")[0] == shipped("reminder_day", "ja")
        assert current_wordings(session) == {}
        changes = wording_changes(session, "reminder_day", "ja", 9)
        assert [change.is_shipped for change in changes] == [True, False, False, False]
        assert set(changes[1].parts) == {"short"}
        assert ("-", OWN_WORDS + "。") in changes[1].parts["short"]
        assert ("+", OWN_WORDS) in changes[1].parts["short"]


def test_there_is_no_way_back_to_what_never_was(house):
    with pytest.raises(NotFound):
        house.restore(99)
    house.save(0, name="late", subject="件名")
    with pytest.raises(NotFound):
        house.restore(1)  # another notice's
    with pytest.raises(NotFound):
        house.restore(None, name="no_such_notice")


def test_words_that_a_newer_release_does_not_know_are_left_out(house, db, clock):
    with db.write() as session:
        texts = dict.fromkeys(("short", "line", "subject", "body", "spoken"), "{{ gone }}")
        session.add(Wording(at=clock.now(), by="user:1", notice="reminder_day", language="ja", **texts))
        session.add(Wording(at=clock.now(), by="user:1", notice="gone_itself", language="ja", **texts))
    assert "に伺います" in house.short(house.tell())
    with db.read() as session:
        assert current_wordings(session) == {}


@pytest.mark.parametrize("verb", ["UPDATE wording SET body = 'x'", "DELETE FROM wording"])
def test_a_version_is_never_changed(house, db, verb):
    assert Wording in EVIDENCE
    house.save(0, short=OWN_WORDS)
    with pytest.raises(DBAPIError, match="evidence is only added to"), db.write() as session:
        session.execute(text(verb))


@pytest.mark.parametrize("seen_with", ["sample", "longest", "visit"])
def test_a_preview_shows_what_would_be_sent_with_its_length_and_what_is_wrong(house, db, world, seen_with):
    visit_id = world.visit(60)
    seen_with = f"visit:{visit_id}" if seen_with == "visit" else seen_with
    with db.read() as session:
        texts = replace(shipped("late", "ja"), body="{{ addressee }}\n{{ nothing }}")
        seen = preview_wording(session, "late", "ja", texts, house.telling, seen_with)
        assert seen.parts["body"] is None
        assert [(fault.part, fault.line, fault.code) for fault in seen.faults] == [("body", 2, "unknown_fact")]
        assert seen.parts["short"] in [variant.text for variant in seen.variants if variant.used]
        assert all(variant.segments == 1 for variant in seen.variants if variant.length <= variant.most)
        assert "アオバPC" in seen.parts["short"]


def test_a_preview_on_a_real_visit_tells_of_its_own_day(house, db, world):
    visit_id = world.visit(60 * 24 * 3)
    with db.read() as session:
        seen = preview_wording(session, "late", "ja", shipped("late", "ja"), house.telling, f"visit:{visit_id}")
        assert seen.faults == []
        assert "山田 花子様\n11/27(金)" in seen.parts["line"]
        assert session.get_one(Visit, visit_id).link_token in seen.parts["line"]
        assert [visit.id for visit in recent_visits(session)] == [visit_id]
        with pytest.raises(NotFound):
            preview_wording(session, "late", "ja", shipped("late", "ja"), house.telling, "visit:999")


def test_before_the_company_is_set_up_samples_stand_in(house, db):
    with db.write() as session:
        session.delete(session.get_one(Company, 1))
        seen = preview_wording(session, "late", "en", shipped("late", "en"), house.telling, "sample")
    assert "AobaPC" in seen.parts["short"]


@pytest.mark.parametrize("db", ["postgresql"], indirect=True)
def test_of_two_who_save_the_same_version_at_once_the_second_is_told(house, db, clock):
    said = []

    def second():
        try:
            house.save(0, short=f"{OWN_WORDS}!")
        except Stale as stale:
            said.append(stale)

    thread = Thread(target=second)
    with db.write() as session:
        texts = replace(shipped("reminder_day", "ja"), short=OWN_WORDS)
        given = {"version": 0, "base_url": BASE, "actor": "user:1", "now": clock.now()}
        save_wording(session, "reminder_day", "ja", texts, **given)
        thread.start()
        thread.join(0.5)  # it waits for us; one that does not is done by now
    thread.join(20)
    assert len(said) == 1
