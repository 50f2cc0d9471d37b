"""Can a manager see what was learned, from how much, and begin anew?"""

from __future__ import annotations

import pytest

from app.models import Technician
from app.operations.learned import town_of
from app.operations.learning import current_habits, keep_habits
from app.rules.habits import PRIORS, Quoted, Way, Work, learned
from tests.web.pages import post

#: The site of the cast is in Wakayama; nobody has a site out at sea.
HOME, SEA = (34.2261, 135.1675), (33.0, 135.0)


@pytest.fixture
def taught(db, world, clock):
    """A company that has learned: slow evenings, slow work, windows that hold too seldom."""
    with db.write() as session:
        suzuki = Technician(name="鈴木", created_at=clock.now())
        session.add(suzuki)
        session.flush()
        drives = [Way(20.0, *HOME, 1.5)] * 30 + [Way(20.0, *SEA, 1.5)] * 12
        jobs = [Work(world.service, world.technician, 1.2)] * 100 + [Work(world.service, suzuki.id, 1.6)] * 60
        windows = [Quoted("late", 1200, 2400, 3300 if n % 3 else 1800, 0.8) for n in range(30)]
        keep_habits(session, learned([*drives, *jobs], windows), clock.now())


def test_a_new_company_reads_the_starting_values_and_when_learning_begins(signed_in):
    page = signed_in("manager").get("/learning").text
    assert "まだ学習に使える訪問がありません" in page
    assert "翌朝3時" in page
    assert "70〜143%" in page  # the plan, give or take
    assert "56〜178%" in page  # the usual drive, give or take
    assert "<table" not in page


def test_a_manager_reads_how_long_work_and_roads_take_and_from_how_much(taught, signed_in, world):
    client = signed_in("manager")
    page = client.get("/learning").text
    assert "Wi-Fi設定" in page
    assert "作業160件" in page
    assert "移動42件" in page
    assert "この時間帯の移動はまだありません" in page
    assert "見込み80%" in page
    assert "実績33%" in page
    assert "鈴木" not in page
    narrow = client.get(f"/learning?service={world.service}").text
    assert "鈴木" in narrow
    assert "作業60件" in narrow
    areas = client.get("/learning?band=1140").text
    assert "和歌山市付近" in areas
    assert "33.01, 135.00" in areas


def test_what_is_asked_of_nothing_known_shows_the_page(taught, signed_in):
    client = signed_in("manager")
    for asked in ("service=99", "service=x", "band=-1", "band=7", f"service={10**30}"):
        assert client.get(f"/learning?{asked}").status_code == 200, asked


def test_beginning_anew_is_named_and_can_be_taken_back(taught, signed_in, db):
    client = signed_in("manager")
    before = client.get("/learning").text
    assert post(client, "/learning/anew", {}).status_code == 303
    page = client.get("/learning").text
    assert "managerさんが" in page
    assert "まだ学習に使える訪問がありません" in page
    with db.read() as session:
        assert current_habits(session) is PRIORS
    assert post(client, "/learning/anew/undo", {}).status_code == 303
    assert "作業160件" in before
    assert "作業160件" in client.get("/learning").text


def test_a_service_that_is_gone_leaves_no_line_without_a_name(signed_in, db, clock):
    with db.write() as session:
        keep_habits(session, learned([Work(4711, 1, 1.0)] * 3, []), clock.now())
    assert signed_in("manager").get("/learning?service=4711").status_code == 200


@pytest.mark.parametrize(
    ("address", "town"),
    [("和歌山市1-1", "和歌山市"), ("大阪市北区梅田三丁目1", "大阪市北区梅田"), ("1-2 Main St", ""), ("", "")],
)
def test_a_town_is_what_an_address_says_before_its_numbers(address, town):
    assert town_of(address) == town
