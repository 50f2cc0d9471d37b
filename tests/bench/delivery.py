"""How long from a position received, or a notice written, to the provider's server having the message?"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

from tests.installation import PATIENCE_S, Installation, creep, now, twilio
from tests.standins import SmsServer, sms_server

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
