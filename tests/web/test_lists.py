"""Can the office take lists in from a spreadsheet and give them away, and is nothing ever half done?"""

from __future__ import annotations

import csv
import re
import shutil
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app import list_work
from app.db import Database
from app.list_work import work_through_lists
from app.models import Customer, ListFile, Site, Visit
from app.operations import list_file
from tests.web.pages import post

DATA = Path(__file__).parent.parent / "data"


@pytest.fixture
def db(empty_sqlite, tmp_path):
    """SQLite is enough for pages; the import itself is asked on both (operations/test_intake.py)."""
    file = tmp_path / "test.sqlite"
    shutil.copy(empty_sqlite, file)
    database = Database(f"sqlite:///{file}")
    yield database
    database.close()


@pytest.fixture
def manager(signed_in):
    return signed_in("manager")


def send(client, content, kind="customers", name="一覧.csv"):
    return post(client, "/lists", {"kind": kind, "file": (BytesIO(content), name)}, content_type="multipart/form-data")


def count(db, table):
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_a_list_is_looked_at_first_and_then_taken_in_whole(manager, db, parts, world):
    reply = send(manager, (DATA / "customers_cp932.csv").read_bytes())
    assert reply.location == "/lists/1?saved=1"
    page = manager.get("/lists/1").text
    assert "内容を確認しています" in page
    assert "backtest.js" in page
    assert work_through_lists(parts) == 1
    assert (count(db, Customer), parts.progress) == (1, {})
    page = manager.get("/lists/1").text
    assert "新しい行 3件、登録済みの行 0件" in page
    assert "3件を取り込む" in page
    post(manager, "/lists/1/take")
    assert "取り込んでいます" in manager.get("/lists/1").text
    assert post(manager, "/lists/1/forget").status_code == 409
    assert work_through_lists(parts) == 1
    assert (count(db, Customer), count(db, Site)) == (3, 4)
    assert "3件を取り込みました" in manager.get("/lists/1").text
    assert "取り込み済み" in manager.get("/lists").text
    with db.read() as session:
        assert session.get_one(ListFile, 1).content is None
    assert post(manager, "/lists/1/take").status_code == 409
    send(manager, (DATA / "customers_cp932.csv").read_bytes())
    work_through_lists(parts)
    again = manager.get("/lists/2").text
    assert "新しい行 0件、登録済みの行 3件" in again
    assert "を取り込む</button>" not in again


def test_every_wrong_row_is_named_and_nothing_is_kept(manager, db, parts, world):
    send(manager, "name,address,mobile\n田中,大阪市1-1,\n鈴木,大阪市2-2,03\n,大阪市3-3,\n".encode())
    work_through_lists(parts)
    page = manager.get("/lists/1").text
    assert "2か所の誤りがあります" in page
    wrong = re.findall(r'<tr><td class="number"[^>]*>(\d+)</td><td class="nowrap">([^<]+)</td>', page)
    assert wrong == [("3", "携帯"), ("4", "氏名")]
    assert count(db, Customer) == 1
    assert post(manager, "/lists/1/take").status_code == 409
    post(manager, "/lists/1/forget")
    assert manager.get("/lists/1").status_code == 404


def test_what_came_up_since_the_look_is_told_and_nothing_is_half_done(manager, db, parts, world):
    row = "customer,service,promised_from,technician\n1,1,2026-11-24 18:00,1\n1,1,2026-11-24 21:00,1\n"
    send(manager, row.encode(), "visits")
    work_through_lists(parts)
    assert "2件を取り込む" in manager.get("/lists/1").text
    world.visit(330)  # 21:30, just there
    post(manager, "/lists/1/take")
    work_through_lists(parts)
    assert "誤りがあります" in manager.get("/lists/1").text
    assert count(db, Visit) == 1


def test_a_fault_of_ours_is_told_and_stops_no_other_list(manager, db, parts, world, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError

    monkeypatch.setattr(list_work, "import_visits", broken)
    send(manager, b"customer,service,promised_from\n", "visits")
    send(manager, "name,address\n田中,大阪市1-1\n".encode())
    assert work_through_lists(parts) == 2
    assert "システムの不具合" in manager.get("/lists/1").text
    assert "1件を取り込む" in manager.get("/lists/2").text


@pytest.mark.parametrize(
    ("content", "words"),
    [("name,address\n".encode("utf-16"), "ファイル"), (b"a,b\n1,2\n", "使えません"), (b"\x00\xff", "ファイル"),
     (b"name\nx\n", "住所")],
)  # fmt: skip
def test_what_is_no_such_list_is_told_in_words(manager, parts, content, words):
    send(manager, content)
    work_through_lists(parts)
    page = manager.get("/lists/1").text
    assert "誤りがあります" in page
    assert words in page.partition("<table")[2]


def test_nothing_too_much_and_an_unknown_kind_are_refused_at_once(manager, db, monkeypatch):
    monkeypatch.setattr(list_file, "LARGEST", 1024)
    assert send(manager, b"").status_code == 422
    assert 'id="file-wrong"' in send(manager, b"x" * 1025).text
    assert send(manager, b"x", "users").status_code == 422
    assert count(db, ListFile) == 0
    assert manager.post("/lists", data={"kind": "customers"}).status_code == 400


def test_lists_are_given_away_and_no_spreadsheet_calculates_them(manager, db, world):
    with db.write() as session:
        session.get_one(Customer, world.customer).name = '=HYPERLINK("http://x")'
    world.visit(60)
    reply = manager.get("/lists/customers.csv")
    assert reply.mimetype == "text/csv"
    assert reply.headers["Content-Disposition"] == 'attachment; filename="customers-2026-11-24.csv"'
    rows = list(csv.reader(StringIO(reply.text.removeprefix("\ufeff"))))
    assert (rows[0][0], rows[1][0]) == ("氏名", '\'=HYPERLINK("http://x")')
    visits = manager.get("/lists/visits.csv?from_on=2026-11-24&until_on=2026-11-24").text
    assert "Wi-Fi設定" in visits
    assert "Wi-Fi" not in manager.get("/lists/visits.csv?from_on=2026-11-23&until_on=2026-11-23").text
    for wrong in ("from_on=x&until_on=2026-11-24", "from_on=2026-11-25&until_on=2026-11-24",
                  "from_on=2020-01-01&until_on=2026-11-24", ""):  # fmt: skip
        assert manager.get(f"/lists/visits.csv?{wrong}").status_code == 422


def test_only_who_may_set_things_takes_lists_in_or_away(signed_in, world):
    dispatcher = signed_in("dispatcher")
    assert "/lists" not in dispatcher.get("/customers").text
    for path in ("/lists", "/lists/customers.csv", "/lists/visits.csv"):
        assert dispatcher.get(path).status_code == 403
