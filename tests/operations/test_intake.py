"""Lists from elsewhere: every row or none, twice is no harm, and every bad cell is named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, func, select

from app.errors import Invalid
from app.models import Customer, Site, Visit
from app.operations.intake import Imported, import_customers, import_visits

DATA = Path(__file__).parent.parent / "data"
TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def customers(db, clock):
    def take(file):
        with db.write() as session:
            return import_customers(session, _bytes(file), now=clock.at, country="JP")

    return take


@pytest.fixture
def visits(db, world, clock):
    def take(file):
        with db.write() as session:
            return import_visits(session, _bytes(file), now=clock.at, zone=TOKYO, actor="user:1")

    return take


def _bytes(file):
    return file if isinstance(file, bytes) else file.encode() if isinstance(file, str) else file.read_bytes()


def _wrong(take, file):
    with pytest.raises(Invalid) as refused:
        take(file)
    return {problem.field: problem.code for problem in refused.value.problems}


def _count(db, model):
    with db.read() as session:
        return session.scalar(select(func.count(model.id)))


def test_a_japanese_list_from_a_spreadsheet_is_taken_and_taken_again_without_harm(db, customers):
    assert customers(DATA / "customers_cp932.csv") == Imported(added=3, known=0)
    with db.read() as session:
        taro, aoi = session.scalars(select(Customer).order_by(Customer.id)).all()
        assert (taro.name, taro.mobile, taro.sites[0].lat) == ("山田 太郎", "+819011112222", 34.7025)
        assert (aoi.kind, aoi.phone, [site.address for site in aoi.sites]) == (
            "corporate",
            "+81661234567",
            ["大阪市中央区本町2-2", "堺市堺区3-3"],
        )
    assert customers(DATA / "customers_cp932.csv") == Imported(added=0, known=3)
    assert (_count(db, Customer), _count(db, Site)) == (2, 3)


def test_english_columns_a_byte_order_mark_and_line_ends_in_cells_are_read(db, customers):
    file = b'\xef\xbb\xbfName,Language,Address\r\nEmma,en,"1-2-3 Namba,\r\nOsaka"\r\n\r\n'
    assert _wrong(customers, file) == {"row 2, address": "characters"}
    assert customers(file.replace(b",\r\nOsaka", b", Osaka")) == Imported(added=1, known=0)
    with db.read() as session:
        assert session.scalars(select(Site.address)).one() == "1-2-3 Namba, Osaka"


def test_one_bad_row_keeps_every_row_out_and_each_bad_cell_is_named(db, customers):
    file = (
        "name,kind,mobile,email,address,lat,lon\n"
        "Good,individual,090-1234-5678,,Osaka,,\n"
        ",individual,03-1234-5678,x,,,\n"
        "B,firm,,,Osaka,95,135\n"
        "C,,12,,Osaka,north,\n"
    )
    assert _wrong(customers, file) == {
        "row 3, mobile": "not_mobile",
        "row 4, kind": "choice",
        "row 4, lat": "position",
        "row 5, mobile": "phone",
    }
    assert _count(db, Customer) == 0


@pytest.mark.parametrize(
    ("file", "wrong"),
    [
        (b"", {"row 1": "missing"}),
        (b"\xff\xfe\x00", {"file": "encoding"}),
        ("name\nx\n", {"row 1, address": "missing"}),
        ("name,address,colour\n", {"row 1, colour": "extra"}),
        ("name,氏名,address\n", {"row 1, 氏名": "repeated"}),
        ("name,address\nx,y,z\n", {"row 2": "csv"}),
        ('name,address\n"x"y,z\n', {"row 2": "csv"}),
        ('name,address\n"x,z\n', {"row 2": "csv"}),
        ("name,address\nx,a\0b\n", {"row 2, address": "characters"}),
        ("name,address\n" + "x" * 101 + ",a\n", {"row 2, name": "too_long"}),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_file_that_is_no_such_list_is_refused(customers, file, wrong):
    assert _wrong(customers, file) == wrong


def test_a_customer_is_known_by_name_and_number_and_a_contradiction_is_told(db, customers):
    customers("name,mobile,phone,address\nA,090-1234-5678,,Osaka\n")
    again = "name,mobile,phone,address\nＡ,09012345678,,Ｏｓａｋａ\n"
    assert customers(again) == Imported(added=0, known=1)
    assert customers("name,mobile,address\nA,090-1234-5678,Sakai\n") == Imported(added=1, known=0)
    assert _count(db, Customer) == 1
    assert _wrong(customers, "name,mobile,address\nA,080-1234-5678,Osaka\n") == {"row 2, mobile": "differs"}
    assert customers("name,mobile,address\nA,080-1234-5678,Kobe\n").added == 1
    assert _count(db, Customer) == 2


def test_visits_are_booked_by_names_and_local_times_and_known_when_they_come_again(db, visits, world):
    assert visits(DATA / "visits_cp932.csv") == Imported(added=2, known=0)
    with db.read() as session:
        first, second = session.scalars(select(Visit).order_by(Visit.id)).all()
        assert first.promised_from_at == datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
        assert first.promised_until_at == datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
        assert (first.technician_id, first.note, first.duration_min) == (world.technician, "裏口から", 60)
        assert second.promised_from_at == second.promised_until_at == datetime(2026, 11, 25, 0, 30, tzinfo=UTC)
        assert second.technician_id is None
    assert visits(DATA / "visits_cp932.csv") == Imported(added=0, known=2)


def test_a_cancelled_visit_is_not_booked_again_by_the_same_list(db, visits):
    visits(DATA / "visits_cp932.csv")
    with db.write() as session:
        session.get(Visit, 1).status = "cancelled"
    assert visits(DATA / "visits_cp932.csv").added == 0


def test_visits_that_cannot_be_meant_or_booked_are_named_and_none_is_kept(db, visits, world):
    file = (
        "customer,address,service,promised_from,promised_until,technician,duration_min\n"
        f"{world.customer},,{world.service},2026-11-24T18:00:00+09:00,,{world.technician},30\n"
        "山田花子,,Wi-Fi設定,2026-11-24 18:15,,佐藤,\n"
        "nobody,,nothing,someday,,no one,long\n"
        "山田花子,大阪市,Wi-Fi設定,2026-11-24 20:00,19:00,,\n"
        "山田花子,,Wi-Fi設定,2026-11-24 20:00,19:00,,\n"
        "山田花子,,Wi-Fi設定,0001-01-01 00:00,,,\n"
    )
    assert _wrong(visits, file) == {
        "row 3, promised_from": "overlap",
        "row 4, customer": "unknown",
        "row 4, service": "unknown",
        "row 4, technician": "unknown",
        "row 4, promised_from": "local_time",
        "row 4, duration_min": "range",
        "row 5, address": "unknown",
        "row 6, promised_until": "before_start",
        "row 7, promised_from": "local_time",
    }
    assert _count(db, Visit) == 0


def test_of_several_places_the_address_tells_which(db, visits, customers, world):
    customers("name,mobile,address\n山田花子,090-1234-5678,大阪市2-2\n")
    row = "customer,address,service,promised_from\n山田花子,{},Wi-Fi設定,2026-11-24 18:00\n"
    assert _wrong(visits, row.format("")) == {"row 2, address": "ambiguous"}
    assert visits(row.format("大阪市２－２")).added == 1


def test_a_list_tells_how_far_it_is_and_which_rows_are_new(db, clock):
    told = []
    file = "name,address\n" + "".join(f"客{n},大阪市{n}\n" for n in range(150))
    with db.write() as session:
        import_customers(
            session, b"name,address\n\xe5\xae\xa23,\xe5\xa4\xa7\xe9\x98\xaa\xe5\xb8\x823\n", now=clock.at, country="JP"
        )
        done = import_customers(
            session, file.encode(), now=clock.at, country="JP", progress=lambda *at: told.append(at)
        )
    assert told == [(0, 150), (100, 150), (150, 150)]
    assert (done, done.new_rows[:4]) == (Imported(added=149, known=1), (2, 3, 4, 6))


def test_the_same_row_twice_in_one_list_is_booked_once(db, visits):
    row = "山田花子,Wi-Fi設定,2026-11-24 18:00\n"
    assert visits(f"customer,service,promised_from\n{row}{row}") == Imported(added=1, known=1)


def test_a_list_does_not_ask_the_database_for_each_row_whether_it_is_known(db, visits):
    rows = "".join(f"山田花子,Wi-Fi設定,2026-11-24 {hour}:00\n" for hour in range(17, 23))
    file = f"customer,service,promised_from\n{rows}"
    visits(file)
    asked = []
    event.listen(db.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    assert visits(file).known == 6
    assert sum("FROM visit " in statement.replace("\n", " ") for statement in asked) == 1
