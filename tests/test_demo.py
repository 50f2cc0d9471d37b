"""Does the demo's day go as the story tells it, through the product's own doors, and is it open to this host alone?"""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text

from app import create_app
from app.config import Settings
from app.db import Base
from app.demo.company import PEOPLE, SERVICES
from app.demo.stage import FILE, FIRST_DAY, SPEED, Stage, prepare
from app.demo.world import World, batched
from app.explain.pictures import visit_picture
from app.explain.visit import answer, explain
from app.i18n import LOCALES
from app.models import Alarm, Notice, Visit, VisitEvent
from app.operations.daylog import days_with_visits, fixes_between, own_day, really_told
from app.operations.history import read_history
from app.operations.learned import read_learned
from app.operations.notice import Telling
from app.operations.repair import accept_offer
from app.rules.messages import UNSETTLING
from app.rules.position import distance_m
from app.rules.score import total
from app.tick import deliver, offer_repairs, sweep
from app.web import demo
from app.web.limits import limiter

TOKYO = ZoneInfo("Asia/Tokyo")
SATO, HANAKO = PEOPLE[0], PEOPLE[0].stops[-1]


def at(clock: str, day: date = FIRST_DAY) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}:00+09:00")


@pytest.fixture(scope="module")
def world() -> World:
    return World(PEOPLE, FIRST_DAY, TOKYO)


def sent(world: World, person: int) -> list:
    return [h for h in World(world.people, world.day, TOKYO).step(world.ends_at) if h.person == person]


def away_m(fix) -> float:
    return distance_m(fix.lat, fix.lon, HANAKO.lat, HANAKO.lon)


def test_the_same_day_always_goes_the_same_way(world):
    assert World(PEOPLE, FIRST_DAY, TOKYO).step(world.ends_at) == World(PEOPLE, FIRST_DAY, TOKYO).step(world.ends_at)


def test_stepping_finely_or_coarsely_leaves_nothing_out(world):
    fine, coarse = World(PEOPLE, FIRST_DAY, TOKYO), World(PEOPLE, FIRST_DAY, TOKYO)
    steps, now = [], at("08:30")
    while now < fine.ends_at:
        now += timedelta(seconds=40)
        steps += fine.step(now)
    assert steps == coarse.step(now)


def test_he_is_two_hundred_metres_away_at_half_past_four_and_rings_at_half_past_five(world):
    fixes = [fix for h in sent(world, 0) for fix in h.fixes]
    around = [fix for fix in fixes if at("16:30") <= fix.fixed_at <= at("16:32")]
    assert around
    assert all(150 < away_m(fix) < 230 for fix in around)
    on_the_way = [fix for fix in fixes if at("16:30") <= fix.fixed_at <= at("17:28")]
    assert len(on_the_way) > 100
    assert max(map(away_m, on_the_way)) < 230
    (arrived,) = [h for h in sent(world, 0) if h.status == "arrived" and h.stop == len(SATO.stops) - 1]
    assert at("17:29") <= arrived.at <= at("17:32")
    scene = world.scene(0, at("16:45"))
    assert (scene.kind, scene.minutes // 5) == ("creeping", 3)


def test_a_tunnel_sends_everything_at_once_at_its_end_and_a_dead_phone_nothing(world):
    tunnel = [h for h in sent(world, 4) if len(h.fixes) > 3]
    assert len(tunnel) == 1
    assert tunnel[0].at > tunnel[0].fixes[-1].fixed_at > tunnel[0].fixes[0].fixed_at
    scenes = [world.scene(5, at("16:30") + timedelta(minutes=m)) for m in range(90)]
    dead = [at("16:30") + timedelta(minutes=m) for m, scene in enumerate(scenes) if scene.signal == "dead"]
    assert len(dead) == 55
    assert [h for h in sent(world, 5) if dead[0] <= h.at <= dead[-1]] == []
    first_again = next(h for h in sent(world, 5) if h.at > dead[-1])
    assert first_again.status == "arrived"


def test_who_forgets_taps_sends_none(world):
    assert [h for h in sent(world, 3) if h.kind == "tap"] == []
    assert len([h for h in sent(world, 6) if h.kind == "tap"]) == 3 * len(PEOPLE[6].stops)


def test_positions_of_one_phone_travel_together_but_never_past_its_tap(world):
    before = [h for h in World(PEOPLE, FIRST_DAY, TOKYO).step(at("12:00")) if h.person == 0]
    after = batched(before)
    assert len(after) < len(before)
    assert [fix for h in after for fix in h.fixes] == [fix for h in before for fix in h.fixes]
    for tap in (h for h in after if h.kind == "tap"):
        earlier = after[: after.index(tap)]
        assert all(fix.fixed_at <= tap.at for h in earlier for fix in h.fixes)


def test_the_cast_is_whole():
    assert len(PEOPLE) == 8
    assert all(5 <= len(person.stops) <= 6 for person in PEOPLE)
    stops = [stop for person in PEOPLE for stop in person.stops]
    assert len({stop.customer for stop in stops}) == len(stops)
    assert all(stop.service in SERVICES for stop in stops)
    assert all(distance_m(stop.lat, stop.lon, 34.68, 135.50) < 12_000 for stop in stops)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A demo of the story's technician alone, played up to the opening where one of yesterday lay."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / FILE).write_text("of yesterday")
    real = {"smtp_url": "smtp://mail.example.jp", "mail_from": "us@example.jp", "timezone": "Europe/Berlin"}
    shares: list[float] = []
    made = prepare(Settings(instance=folder, secret_key="x", **real), shares.append, people=PEOPLE[:1])
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    return made


@pytest.fixture
def stage(prepared, tmp_path):
    """The prepared demo with its clock standing still, in a copy of its own."""
    shutil.copy(prepared.settings.instance / FILE, tmp_path)
    settings = prepared.settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / FILE}"})
    parts = replace(prepared, settings=settings).join(0)
    yield Stage(parts, prepared)
    parts.db.close()


def play(stage: Stage, until_at: datetime) -> None:
    while (now := stage.clock.now()) < until_at:
        now += timedelta(minutes=1)
        stage.clock.turn(to=now)
        stage.step(now)
        sweep(stage.parts, now)
        deliver(stage.parts)


def test_nobody_is_really_written_to_whatever_is_set(stage):
    assert set(stage.parts.channels) == {"console"}
    assert stage.parts.settings.timezone == "Asia/Tokyo"


def test_the_firm_has_a_past_to_learn_from_and_to_play_again(stage):
    now, month = stage.clock.now(), timedelta(days=30)
    with stage.parts.db.read() as session:
        known = read_learned(session, service=None, band=None)
        assert min(known.work.n, known.roads.n) > 30
        marks = total(really_told(session, now - month, now)[0])
        assert 0 < marks.late < marks.on_time
        assert 0.6 < marks.warned < 1.0
        days = days_with_visits(session, FIRST_DAY - month, FIRST_DAY - timedelta(days=1), TOKYO, now)
        assert len(days) == 20
        played = own_day(session, days[0], TOKYO, now)
        assert played.truth
        fixes = fixes_between(session, played.technicians, played.from_at, played.until_at)
        assert len(fixes) > 100


def test_the_customer_of_the_last_two_hundred_metres_knows_in_time(stage):
    visit_id = stage.visits[0][-1]
    with stage.parts.db.read() as session:
        done = Visit.status == "completed", Visit.promised_from_at > at("00:00")
        assert session.scalar(select(func.count()).where(*done).select_from(Visit)) == 4
    play(stage, at("17:33"))
    with stage.parts.db.read() as session:
        visit = session.get(Visit, visit_id)
        late = session.scalars(select(Notice).where(Notice.visit_id == visit_id, Notice.kind == "late")).one()
        assert late.state == "delivered"
        assert late.sent_at <= at("16:50")
        grace = timedelta(minutes=5)
        assert late.quoted_from_at - grace <= visit.arrived_at <= late.quoted_until_at + grace
        answers = session.scalars(select(VisitEvent.kind).where(VisitEvent.actor == "customer")).all()
        assert answers == ["acknowledged"]


def test_when_everybody_is_home_the_next_morning_begins(stage):
    stage.clock.turn(to=stage.world.ends_at)
    stage.beat()
    tomorrow = FIRST_DAY + timedelta(days=1)
    assert (stage.day, stage.clock.now()) == (tomorrow, at("08:40", tomorrow))
    with stage.parts.db.read() as session:
        assert session.scalar(select(func.count()).where(Alarm.cleared_at.is_(None)).select_from(Alarm)) == 0
        assert session.get(Visit, stage.visits[0][0]).promised_from_at == at("09:30", tomorrow)
    play(stage, at("09:31", tomorrow))
    with stage.parts.db.read() as session:
        assert session.get(Visit, stage.visits[0][0]).status == "arrived"


@pytest.fixture
def visitor(stage) -> SimpleNamespace:
    app = create_app(stage.parts)
    app.testing = True
    app.config["WTF_CSRF_ENABLED"] = False
    limiter.reset()
    demo.install(app, stage)
    return SimpleNamespace(client=app.test_client(), stage=stage)


def test_the_board_carries_the_bar_that_leads_back(visitor):
    page = visitor.client.get("/").get_data(as_text=True)
    assert 'href="/demo"' in page
    assert "佐藤 健一" in page


def test_the_panel_shows_what_customers_got_and_what_is_true(visitor):
    visitor.stage.clock.turn(to=at("16:18"))
    with visitor.stage.parts.db.read() as session:
        token = session.get(Visit, visitor.stage.visits[0][-1]).link_token
    page = visitor.client.get("/demo").get_data(as_text=True)
    assert "山田 花子様" in page
    assert f'href="/v/{token}"' in page
    assert "Grace Miller" in page
    assert "16:18" in page
    part = visitor.client.get("/demo/now").get_data(as_text=True)
    assert "佐藤 健一" in part
    assert "<html" not in part


def test_looking_at_the_panel_changes_nothing(visitor):
    def everything():
        with visitor.stage.parts.db.read() as session:
            return [
                tuple(map(str, row))
                for name in Base.metadata.tables
                for row in session.execute(text(f'SELECT * FROM "{name}"'))
            ]

    before = everything()
    for path in ("/demo", "/demo/now", "/demo/phone/1"):
        visitor.client.get(path)
    assert everything() == before


def test_the_speed_can_be_turned_but_only_to_a_known_one(visitor):
    assert visitor.client.post("/demo/speed", data={"speed": str(int(SPEED))}).status_code == 303
    assert visitor.stage.clock.speed == SPEED
    for bad in ("", "nan", "1e9", "-1"):
        assert visitor.client.post("/demo/speed", data={"speed": bad}).status_code == 422
    assert visitor.stage.clock.speed == SPEED


def test_a_newcomer_is_let_in_and_finds_the_way_back(visitor):
    phone = visitor.client.get("/demo/phone/1", follow_redirects=True)
    assert phone.status_code == 200
    assert 'href="/demo"' in phone.get_data(as_text=True)
    assert visitor.client.get("/demo/phone/99").status_code == 404
    with visitor.stage.parts.db.read() as session:
        token = session.get(Visit, visitor.stage.visits[0][-1]).link_token
    assert "/demo" not in visitor.client.get(f"/v/{token}").get_data(as_text=True)


@pytest.mark.parametrize("who", [{"REMOTE_ADDR": "192.0.2.7"}, {"HTTP_HOST": "evil.example"}])
def test_nobody_else_is_let_in(visitor, who):
    for path in ("/demo", "/", "/t"):
        assert visitor.client.get(path, environ_overrides=who).status_code == 403


def test_the_product_itself_knows_no_demo(stage):
    app = create_app(stage.parts)
    assert app.test_client().get("/demo").status_code == 404


@pytest.fixture(scope="module")
def whole_day(tmp_path_factory):
    """The day of all eight technicians, up to the opening."""
    made = prepare(Settings(instance=tmp_path_factory.mktemp("whole"), secret_key="x"))
    parts = made.join(0)
    yield parts, PEOPLE
    parts.db.close()


@pytest.mark.parametrize("locale", LOCALES)
def test_every_visit_of_the_whole_day_can_be_explained(whole_day, locale):
    parts, people = whole_day
    zone, now = parts.settings.zone, parts.clock.now()
    answered = 0
    with parts.db.read() as session:
        for visit_id in session.scalars(select(Visit.id).where(Visit.promised_from_at > at("00:00"))):
            history = read_history(session, visit_id, now)
            said = answer(history, locale, zone)
            # A text that is missing would show as its code.
            assert len(said) > 20, visit_id
            assert not re.search(r"[a-z]_[a-z]|[{}]|None", said), said
            assert list(explain(history, locale, zone))
            looked_at = history.visit.promised_from_at < now
            assert bool(history.forecasts) >= looked_at, visit_id
            assert len(history.forecasts) <= 60
            assert "<svg" in visit_picture(history, zone, locale) or not looked_at
            answered += 1
    assert answered == 2 * sum(len(person.stops) for person in people)


def test_a_visit_that_the_visitor_gives_to_somebody_else_is_really_made_by_them(tmp_path):
    """The day offers it: who is done by six goes to the customer of half past six instead of who would be late."""
    prepared = prepare(Settings(instance=tmp_path, secret_key="x"), people=(PEOPLE[1], PEOPLE[4]))
    parts = prepared.join(0)
    stage = Stage(parts, prepared)
    late, free = stage.visits[0][-1], stage.cast.technicians[1]
    play(stage, at("17:10"))
    offer_repairs(parts, stage.clock.now())
    with parts.db.read() as session:
        (alarm,) = session.scalars(select(Alarm).where(Alarm.kind == "repair_offered", Alarm.cleared_at.is_(None)))
        assert (alarm.visit_id, alarm.facts["technician"]) == (late, PEOPLE[4].name)
    with parts.db.write() as session:
        key = f"reassign-{free}"
        telling = Telling(parts.settings.base_url, TOKYO, parts.channels)
        actor = f"user:{stage.cast.dispatcher}"
        accept_offer(session, late, key, now=stage.clock.now(), telling=telling, actor=actor)
    play(stage, at("18:40"))
    assert stage.visits[1][-1] == late
    with parts.db.read() as session:
        visit = session.get(Visit, late)
        assert visit.arrived_at <= at("18:35")
        told = session.scalars(select(Notice.kind).where(Notice.visit_id == late)).all()
        assert not {*told} & {*UNSETTLING}
    parts.db.close()
