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
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from app.db import Base, Database, upgrade
from app.models import Alarm, Company, Customer, Notice, Service, Site, Technician, Visit
from app.operations.booking import book_visit
from app.operations.field import report_status
from app.operations.position import ReportedFix, record_fixes
from app.rules.ladder import calls
from app.rules.position import Fix
from tests.conftest import STORY_DAY_AT
from tests.installation import DOOR, ROOT, creep
from tests.standins import FaultyServer, line_server, sms_server

#: Every point that a notice passes on its way, and how often it does so in one run, about.
POINTS: Mapping[str, int] = {
    **{f"sweep.{part}": 2 for part in ("before", "written", "committed")},
    **{f"take.{part}": 6 for part in ("before", "written", "committed")},
    **{f"send.{part}": 3 for part in ("before", "made")},
    **{f"look_up.{part}": 1 for part in ("before", "made")},
    **{f"settle.{part}": 3 for part in ("before", "written", "committed")},
    **{f"climb.{part}": 2 for part in ("before", "written", "committed")},
}
FATES = ("ok", "ok", "close", "broken", "empty", "fail", "lost")
#: Customers who must be told in one run.
CUSTOMERS = 3
#: Eight and a half minutes: a claim runs out, a look-up is repeated, and a person is called in them.
TICKS = 34


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
    """The process from which those that are killed are forked."""

    def __enter__(self) -> Zygote:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.worker"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def run(self, job: Mapping[str, Any]) -> int:
        """Do a job; return 0, or the number of the signal that ended it."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(job), file=self._process.stdin, flush=True)
        status = int(self._process.stdout.readline())
        assert status in (0, signal.SIGKILL), f"the worker broke: {status}"
        return status


def seed(database: Database) -> None:
    """Fill an empty database: customers who wait for technicians that stand in a jam near their doors."""
    now = STORY_DAY_AT
    left_at = now - timedelta(minutes=45)
    with database.write() as session:
        session.add(Company(name="アオバPCサポート", short_name="アオバPC", phone="+81312345678"))
        wifi = Service(name_ja="Wi-Fi設定", name_en="Wi-Fi setup", duration_min=60)
        session.add(wifi)
        for number in range(CUSTOMERS):
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


@contextmanager
def seeded(url: str, template: Path, folder: Path) -> Iterator[tuple[str, Database]]:
    """Yield a database in its first state: a copy of the SQLite template, or the PostgreSQL database filled anew."""
    if url == "sqlite":
        file = folder / "run.sqlite"
        for left in folder.glob("run.sqlite*"):
            left.unlink()
        shutil.copy(template, file)
        url = f"sqlite:///{file}"
    database = Database(url)
    if not database.is_sqlite:
        tables = ", ".join(f'"{name}"' for name in Base.metadata.tables)
        with database.engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
        seed(database)
    yield url, database
    database.close()


def make_template(folder: Path) -> Path:
    """Return a seeded SQLite file to copy."""
    file = folder / "template.sqlite"
    database = Database(f"sqlite:///{file}")
    upgrade(database)
    seed(database)
    database.close()
    return file


def run_once(
    zygote: Zygote, server: FaultyServer, provider: str, url: str, point: str, passes: int, dice: random.Random
) -> bool:
    """Kill the jobs at a point, and let others go on after them; return whether the point was reached."""
    server.forget()
    server.modes.extend(dice.choice(FATES) for _ in range(4))
    if point.startswith("look_up"):
        server.modes.appendleft("close")
    # Dated in the future of the test's clock: a look-up asks for what came since the attempt.
    server.now = lambda: STORY_DAY_AT + timedelta(hours=1)
    job = {"database": url, "provider": provider, "provider_url": server.url, "ticks": TICKS}
    start = STORY_DAY_AT.isoformat()
    killed = zygote.run({**job, "at": start, "crash_at": f"{point}:{passes}"}) == signal.SIGKILL
    after = (STORY_DAY_AT + timedelta(seconds=dice.choice([20, 75]))).isoformat()
    zygote.run({**job, "at": after, "crash_at": None})
    return killed


def count(database: Database, server: FaultyServer, provider: str, tally: Tally, said: str) -> None:
    """Hold what the product believes against what the provider took."""
    took = Counter(sms.body for sms in server.taken) if provider == "sms" else Counter(
        one["messages"][0]["text"] for one in server.taken
    )  # fmt: skip
    with database.read() as session:
        notices = session.scalars(select(Notice)).all()
        visits = set(session.scalars(select(Visit.id)))
        called = set(session.scalars(select(Alarm.visit_id).where(Alarm.kind == "call_customer")))
    tally.notices += len(notices)
    tally.lost += len(visits - {notice.visit_id for notice in notices})
    for notice in notices:
        accepts = took[(notice.short if provider == "sms" else notice.line) or ""]
        over = notice.state in ("delivered", "dropped") or (notice.state == "sent" and notice.state_reason is not None)
        ended = over or notice.visit_id in called or not calls(notice.kind)
        believed = notice.state in ("sent", "delivered") or notice.state_reason == "not_confirmed"
        tally.unknown += notice.state == "unknown" and notice.state_reason == "no_answer"
        if not ended or (believed and not accepts) or notice.state == "sending":
            tally.lost += 1
            tally.details.append(f"lost: {said} notice {notice.id} {notice.state} {notice.state_reason} {accepts}")
        if accepts > 1:
            tally.twice += 1
            tally.details.append(f"twice: {said} notice {notice.id} {notice.state} {accepts}")


def matrix(
    databases: Mapping[str, str], points: Sequence[str], seeds: Sequence[int], folder: Path, providers: Sequence[str]
) -> dict[tuple[str, str, str], Tally]:
    """Run every point with every seed; return what came of each, by database, provider and point.

    `databases` are addresses by name; the address "sqlite" is a file in the folder.
    """
    tallies: dict[tuple[str, str, str], Tally] = {}
    template = make_template(folder)
    with Zygote() as zygote, sms_server() as sms, line_server() as line:
        servers: dict[str, FaultyServer] = {"sms": sms, "line": line}
        for name, address in databases.items():
            for provider in providers:
                for point in points:
                    if provider == "line" and point.startswith("look_up"):
                        continue  # LINE is not asked, it is sent the same again
                    tally = tallies.setdefault((name, provider, point), Tally())
                    for number in seeds:
                        said = f"{name} {provider} {point} seed {number}"
                        dice = random.Random(said)
                        passes = 1 + number % POINTS[point]
                        with seeded(address, template, folder) as (url, database):
                            tally.runs += 1
                            tally.killed += run_once(zygote, servers[provider], provider, url, point, passes, dice)
                            count(database, servers[provider], provider, tally, said)
    return tallies
