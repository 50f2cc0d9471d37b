"""Can a dispatcher plan a day from a shell, see what it brings before it is booked, and bring the former plan back?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from app.cli import main
from app.db import Database
from app.models import Company, Customer, Service, Site, Technician, Visit
from app.operations.booking import book_visit

#: A Wednesday long after this test is forgotten; nine in the morning in Japan.
DAY, NINE = "2099-11-25", datetime(2099, 11, 25, tzinfo=UTC)
NOW = datetime(2099, 11, 1, tzinfo=UTC)


@pytest.fixture
def mamonaku(tmp_path, monkeypatch):
    monkeypatch.setenv("MAMONAKU_INSTANCE", str(tmp_path / "instance"))
    monkeypatch.setenv("MAMONAKU_DATABASE_URL", f"sqlite:///{tmp_path}/day.sqlite")
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def day(mamonaku, tmp_path):
    """Two technicians, each booked at the other one's door."""
    assert mamonaku("db", "upgrade").exit_code == 0
    db = Database(f"sqlite:///{tmp_path}/day.sqlite")
    with db.write() as session:
        session.add(Company(name="アオバPCサポート", short_name="アオバPC", phone="+81312345678"))
        work = Service(name_ja="Wi-Fi設定", name_en="Wi-Fi setup", duration_min=60)
        people = [
            Technician(name=name, base_lat=34.2, base_lon=lon, created_at=NOW)
            for name, lon in (("佐藤", 135.1), ("田中", 135.3))
        ]
        session.add_all([work, *people])
        for name, lon, technician in (("山田", 135.29, people[0]), ("鈴木", 135.11, people[1])):
            customer = Customer(name=name, language="ja", created_at=NOW)
            site = Site(customer=customer, address=name, lat=34.2, lon=lon, located_by="given")
            session.add_all([customer, site])
            session.flush()
            book_visit(
                session, customer_id=customer.id, site_id=site.id, service_id=work.id, technician_id=technician.id,
                promised_from_at=NINE + timedelta(hours=1), promised_until_at=NINE + timedelta(hours=3),
                duration_min=60, now=NOW, actor="test",
            )  # fmt: skip
    yield db
    db.close()


def who(db):
    with db.read() as session:
        return list(session.scalars(select(Visit.technician_id).order_by(Visit.id)))


def test_a_day_is_compared_booked_and_taken_back(mamonaku, day):
    shown = mamonaku("optimise", DAY, "--seconds", 2)
    assert shown.exit_code == 0, shown.output
    assert "走行距離" in shown.stdout
    assert "山田様: 佐藤 → 田中" in shown.stdout
    assert "--apply" in shown.stdout
    assert who(day) == [1, 2]
    booked = mamonaku("optimise", DAY, "--seconds", 2, "--apply", "--language", "en")
    assert "Booked: 2 visits changed" in booked.stdout
    assert who(day) == [2, 1]
    assert "2件の訪問を元の予定に戻しました" in mamonaku("optimise", DAY, "--undo").stdout
    assert who(day) == [1, 2]
    again = mamonaku("optimise", DAY, "--undo")
    assert (again.exit_code, again.stdout, "taken back" in again.stderr) == (1, "", True)


def test_the_table_is_straight_in_both_languages(mamonaku, day):
    for language in ("ja", "en"):
        lines = mamonaku("optimise", DAY, "--seconds", 2, "--language", language).stdout.splitlines()[1:8]
        wide = {sum(2 if ord(letter) > 0x2E7F else 1 for letter in line) for line in lines}
        assert len(wide) == 1, lines


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["yesterday"], "yesterday"),
        (["2020-01-01"], "is over"),
        (["9999-12-31"], "9999-12-31"),
        ([DAY, "--seconds", "0"], "--seconds"),
        ([DAY, "--technicians", "1,x"], "1,x"),
        ([DAY, "--undo", "--apply"], "--undo"),
    ],
)
def test_nonsense_is_refused_with_a_line(mamonaku, words, said):
    refused = mamonaku("optimise", *words)
    assert (refused.exit_code, said in refused.stderr, "Traceback" in refused.output) == (2, True, False)


def test_a_technician_and_a_visit_that_there_is_not_are_named(mamonaku, day):
    for option, field in (("--technicians", "technicians"), ("--pin", "pin")):
        refused = mamonaku("optimise", DAY, option, 99)
        assert (refused.exit_code, field in refused.stderr) == (1, True)


def test_an_empty_day_has_nothing_to_change(mamonaku, day):
    assert "見つかりませんでした" in mamonaku("optimise", "2099-11-27").stdout


def test_a_press_of_ctrl_c_stops_the_command_and_its_solver_and_changes_nothing(mamonaku, day, tmp_path, monkeypatch):
    slow = tmp_path / "slow.py"
    slow.write_text(f"import time\nopen({str(tmp_path / 'begun')!r}, 'w').close()\ntime.sleep(60)\n")
    code = (
        # Whoever runs the tests in the background has their children ignore it.
        "import pathlib, signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from app.providers import solver_vroom\n"
        f"solver_vroom._PROCESS = pathlib.Path({str(slow)!r})\n"
        f"from app.cli import main\nmain(['optimise', {DAY!r}, '--apply', '--seconds', '60'])\n"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ}
    )
    ends_s = time.monotonic() + 60
    while not (tmp_path / "begun").exists() and running.poll() is None and time.monotonic() < ends_s:
        os.sched_yield()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert (running.returncode, "stopped" in said, "Traceback" in said) == (130, True, False)
    assert who(day) == [1, 2]
