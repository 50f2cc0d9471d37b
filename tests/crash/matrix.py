"""Kill the process at every named point, again and again, start it anew, and count what the provider really took."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.db import Base, Database, upgrade
from app.models import Alarm, Company, Customer, Letter, Notice, Service, Site, Technician, Visit
from app.operations.booking import book_visit
from app.operations.field import report_status
from app.operations.letter import ANSWER_LASTS, add_letter
from app.operations.policy import change_policy
from app.operations.position import ReportedFix, record_fixes
from app.operations.unread import UNSENT
from app.rules.ladder import calls
from app.rules.messages import Message
from app.rules.position import Fix
from tests.conftest import STORY_DAY_AT
from tests.crash.day import MAILS, is_asked_about, seed_day, wrong_in_day
from tests.installation import DOOR, ROOT, creep
from tests.mailbox_standin import MailboxServer, mailbox_server
from tests.standins import FaultyServer, line_server, sms_server

TOKYO = ZoneInfo("Asia/Tokyo")

#: What is played: customers who must be told, over a provider that is searched for what it took, or over one that takes
#: nothing twice; the same while the brake holds all of it until the office has decided, and with notices that cannot be
#: worked with; and some minutes in which everything else happens too.
SCENES = ("sms", "line", "flood", "faulty", "day")
FATES = ("ok", "ok", "close", "broken", "empty", "fail", "lost")
#: Customers who must be told in one run.
CUSTOMERS = 3
#: More than may be told within an hour before the brake holds.
FLOODED = 6
#: Steps of a quarter of a minute: in eight and a half minutes a claim runs out, a look-up is repeated, and a person is
#: called; everything else that happens in a day happens in its first two minutes.
TICKS = {"sms": 34, "line": 34, "flood": 34, "faulty": 34, "day": 14}
#: A point that is passed oftener is the last time like the first.
MOST_PASSES = 6


@dataclass
class Tally:
    """What one point has led to, over its runs."""

    runs: int = 0
    killed: int = 0
    notices: int = 0
    lost: int = 0
    twice: int = 0
    unknown: int = 0
    details: list[str] = field(default_factory=list)


class Zygote:
    """The process from which those that are killed are forked; what they say is left in a file of the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._said = (folder / "said.log").open("w")

    def __enter__(self) -> Zygote:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.worker"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, text=True,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()
        self._said.close()

    def run(self, job: Mapping[str, Any]) -> int:
        """Do a job; return 0, or the number of the signal that ended it."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(job), file=self._process.stdin, flush=True)
        status = int(self._process.stdout.readline())
        said = (self.folder / "said.log").read_text()[-2000:] if status not in (0, signal.SIGKILL) else ""
        assert status in (0, signal.SIGKILL), f"the worker broke: {status} {said}"
        return status


def seed(database: Database, scene: str) -> None:
    """Fill an empty database: customers who wait for technicians that stand in a jam near their doors, and the day."""
    now = STORY_DAY_AT
    left_at = now - timedelta(minutes=45)
    with database.write() as session:
        session.add(Company(name="アオバPCサポート", short_name="アオバPC", phone="+81312345678"))
        wifi = Service(name_ja="Wi-Fi設定", name_en="Wi-Fi setup", duration_min=60)
        session.add(wifi)
        for number in range(FLOODED if scene == "flood" else CUSTOMERS):
            customer = Customer(
                name=f"客{number}", language="ja", mobile=f"+81901234567{number}", line_id=f"U{number}", created_at=now
            )
            site = Site(customer=customer, address="和歌山市1-1", lat=DOOR[0], lon=DOOR[1], located_by="given")
            technician = Technician(name=f"担当{number}", created_at=now)
            session.add_all([customer, site, technician])
            session.flush()
            at = now + timedelta(minutes=15)
            visit = book_visit(
                session, customer_id=customer.id, site_id=site.id, service_id=wifi.id, technician_id=technician.id,
                promised_from_at=at, promised_until_at=at, duration_min=60, now=left_at, actor="test",
            )  # fmt: skip
            report_status(session, visit.id, "en_route", now=left_at, actor=f"technician:{technician.id}")
            fixes = [ReportedFix(Fix(fixed_at, lat, lon, 12.0), {}) for fixed_at, lat, lon in creep(now)]
            record_fixes(session, technician.id, fixes, source="owntracks", now=now)
        if scene == "day":
            seed_day(session, TOKYO)
        if scene == "flood":
            easily = {"brake_least": FLOODED - 1, "brake_near": 0.1, "brake_most": 0.2}
            change_policy(session, easily, actor="test", now=now)
        if scene in ("sms", "line"):
            _answer(session, scene, now)


def _answer(session: Session, scene: str, now: datetime) -> None:
    """Add two answers that are about no visit: one waits to be sent, of the other nothing was heard since."""
    address = "+819012345670" if scene == "sms" else "U0"
    message = Message(
        "【アオバPC】はい、伺えます。", "はい、伺えます。", "お返事", "はい、伺えます。", "はい、伺えます。"
    )
    add_letter(
        session, message, about="customer:1", key="answer", channel=scene, address=address, language="ja",
        words="はい、伺えます。", actor="user:1", now=now, lasts=ANSWER_LASTS, customer_id=1,
    )  # fmt: skip
    silent = add_letter(
        session, message, about="customer:2", key="silent", channel=scene, address="U1", language="ja", words="",
        actor="user:1", now=now - timedelta(hours=1), lasts=ANSWER_LASTS, customer_id=2,
    )  # fmt: skip
    silent.state, silent.next_attempt_at, silent.confirm_by_at = "sent", None, now + timedelta(minutes=1)


@contextmanager
def seeded(url: str, scene: str, folder: Path) -> Iterator[tuple[str, Database]]:
    """Yield a database in its first state: a copy of the scene's template, or the PostgreSQL database filled anew."""
    if url == "sqlite":
        file = folder / "run.sqlite"
        for left in folder.glob("run.sqlite*"):
            left.unlink()
        shutil.copy(template(folder, scene), file)
        url = f"sqlite:///{file}"
    database = Database(url)
    if not database.is_sqlite:
        tables = ", ".join(f'"{name}"' for name in Base.metadata.tables)
        with database.engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
        seed(database, scene)
    yield url, database
    database.close()


def template(folder: Path, scene: str) -> Path:
    """Return a seeded SQLite file to copy."""
    file = folder / f"template-{scene}.sqlite"
    if not file.exists():
        database = Database(f"sqlite:///{file}")
        upgrade(database)
        seed(database, scene)
        database.close()
    return file


@dataclass
class Stage:
    """Where scenes are played: the zygote, and the servers of the outside world."""

    zygote: Zygote
    servers: Mapping[str, FaultyServer]
    mailbox: MailboxServer

    def play(self, scene: str, url: str, dice: random.Random, **job: Any) -> bool:
        """Play a scene once, from `at`; return whether it was killed."""
        folder = self.zygote.folder
        job |= {"scene": scene, "database": url, "provider_url": self.servers[scene].url, "ticks": TICKS[scene]}
        return self.zygote.run({**job, "mailbox_url": self.mailbox.url, "clock": str(folder / "clock")}) != 0

    def prepare(self, scene: str, modes: Sequence[str]) -> None:
        """Have a provider and a mailbox of the first day, that answer the first requests so."""
        server = self.servers[scene]
        server.forget()
        server.modes.extend(modes)
        # Dated in the future of the test's clock: a look-up asks for what came since the attempt.
        server.now = lambda: STORY_DAY_AT + timedelta(hours=1)
        self.mailbox.mails.clear()
        self.mailbox.seen.clear()
        for mail in MAILS:
            self.mailbox.put(mail.encode())


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Start what scenes need."""
    with Zygote(folder) as zygote, sms_server() as sms, line_server() as line, mailbox_server() as mailbox:
        yield Stage(zygote, {"sms": sms, "flood": sms, "faulty": sms, "line": line, "day": line}, mailbox)


def passes(on: Stage, scene: str) -> dict[str, int]:
    """Return how often a scene that nobody kills comes by each point."""
    folder = on.zygote.folder
    with seeded("sqlite", scene, folder) as (url, _):
        on.prepare(scene, ("close", "close", "broken", "empty", "lost"))
        on.play(
            scene, url, random.Random(0), at=STORY_DAY_AT.isoformat(), crash_at=None, passed=str(folder / "passed")
        )  # fmt: skip
    return dict(json.loads((folder / "passed").read_text()))


def run_once(on: Stage, scene: str, url: str, point: str, time: int, dice: random.Random) -> bool:
    """Kill the jobs at a point, and let others go on after them; return whether the point was reached."""
    modes = [dice.choice(FATES) for _ in range(4)]
    on.prepare(scene, ["close", "close", *modes] if "look_up" in point else modes)
    killed = on.play(scene, url, dice, at=STORY_DAY_AT.isoformat(), crash_at=f"{point}:{time}")
    died_at = datetime.fromisoformat((on.zygote.folder / "clock").read_text())
    after = died_at + timedelta(seconds=dice.choice([20, 75]))
    on.play(scene, url, dice, at=after.isoformat(), crash_at=None)
    return killed


def count(database: Database, on: Stage, scene: str, tally: Tally, said: str) -> None:
    """Hold what the product believes against what the provider took."""
    taken = on.servers[scene].taken
    took = Counter(one.body if on.servers["sms"] is on.servers[scene] else one["messages"][0]["text"] for one in taken)
    with database.read() as session:
        notices = session.scalars(select(Notice)).all()
        visits = set(session.scalars(select(Visit.id)))
        called = set(session.scalars(select(Alarm.visit_id).where(Alarm.kind == "call_customer")))
        wrong = list(wrong_in_day(session, took, len(on.mailbox.seen))) if scene == "day" else []
        asked_about = {notice.id for notice in notices if is_asked_about(notice)}
        letters = session.scalars(select(Letter)).all()
        unsent = set(session.scalars(select(Alarm.subject).where(Alarm.kind == UNSENT)))
    for letter in letters:
        accepts = took[letter.short if scene == "sms" else letter.line]
        lost = letter.about not in unsent and not (accepts and letter.state in ("sent", "delivered"))
        tally.lost += lost
        tally.twice += accepts > 1
        if lost or accepts > 1:
            tally.details.append(f"letter: {said} {letter.state} {letter.error} {accepts}")
    tally.notices += len(notices)
    tally.lost += len(wrong)
    tally.details += [f"{said}: {what}" for what in wrong]
    if scene != "day":
        tally.lost += len(visits - {notice.visit_id for notice in notices})
    for notice in notices:
        accepts = took[(notice.short if on.servers["sms"] is on.servers[scene] else notice.line) or ""]
        over = notice.state in ("delivered", "dropped") or (notice.state == "sent" and notice.state_reason is not None)
        watched = notice.state == "sent" and notice.watch_at is not None and scene == "day"  # its deadline is to come
        ended = over or watched or notice.visit_id in called or not calls(notice.kind)
        believed = notice.state in ("sent", "delivered") or notice.state_reason == "not_confirmed"
        believed = believed and notice.kind != "incident_update" if notice.state == "delivered" else believed
        tally.unknown += notice.state == "unknown" and notice.state_reason == "no_answer"
        asked = scene == "day" and notice.id in asked_about
        if not ended or (believed and not accepts) or (notice.state == "sending" and not asked):
            tally.lost += 1
            tally.details.append(f"lost: {said} notice {notice.id} {notice.state} {notice.state_reason} {accepts}")
        if accepts > 1:
            tally.twice += 1
            tally.details.append(f"twice: {said} notice {notice.id} {notice.state} {accepts}")


@dataclass
class Found:
    """What came of it all, by database, scene and point, and the points that scenes come by."""

    tallies: dict[tuple[str, str, str], Tally] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)

    @property
    def details(self) -> list[str]:
        """What went wrong, in words."""
        return [detail for tally in self.tallies.values() for detail in tally.details]


def matrix(
    databases: Mapping[str, str], seeds: Sequence[int], folder: Path, scenes: Mapping[str, Sequence[str] | None]
) -> Found:
    """Run points of scenes with every seed, and return what came of each.

    `databases` are addresses by name; the address "sqlite" is a file in the folder. `scenes` names the points; None
    stands for every one that a scene comes by and none before it did, but that both kinds of providers have theirs.
    """
    found = Found()
    with stage(folder) as on:
        for scene, chosen in scenes.items():
            counted = passes(on, scene)
            every = [point for point in counted if scene in ("sms", "line") or point not in found.passed]
            found.passed |= counted.keys()
            for name, address in databases.items():
                for point in chosen or every:
                    tally = found.tallies.setdefault((name, scene, point), Tally())
                    for number in seeds:
                        said = f"{name} {scene} {point} seed {number}"
                        dice = random.Random(said)
                        time = 1 + number % min(counted[point], MOST_PASSES)
                        with seeded(address, scene, folder) as (url, database):
                            tally.runs += 1
                            tally.killed += run_once(on, scene, url, point, time, dice)
                            count(database, on, scene, tally, said)
    return found
