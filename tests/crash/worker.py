"""Run the jobs of one installation for a while, in a process that may be killed: `python -m tests.crash.worker`.

Reads one JSON object a line (database, provider, provider_url, at, ticks, crash_at), forks a process for each, and
answers with how it ended: forking spares the second that imports take.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from datetime import datetime, timedelta
from typing import Any

from app import crash, join
from app.config import Settings
from app.db import Database
from app.parts import Parts
from app.providers.line_messaging import LineMessages
from app.providers.sms_twilio import TwilioSms
from app.tick import climb, deliver, sweep
from tests.conftest import HandClock
from tests.standins import ACCOUNT, LINE_TOKEN, SECRET, SENDER

TICK = timedelta(seconds=15)


def work(job: dict[str, Any]) -> None:
    """Sweep, climb and deliver, tick by tick, on a clock of the test's."""
    os.environ["MAMONAKU_CRASH_AT"] = job["crash_at"] or ""
    importlib.reload(crash)
    clock = HandClock(datetime.fromisoformat(job["at"]))
    joined = join(Settings(database_url=job["database"], secret_key="for-tests-only"), clock)
    channel: Any = (
        TwilioSms(ACCOUNT, SECRET, SENDER, job["provider_url"], "https://a.jp/hooks/twilio/status")
        if job["provider"] == "sms"
        else LineMessages(LINE_TOKEN, job["provider_url"])
    )
    parts = Parts(joined.settings, Database(job["database"]), clock, {channel.name: channel}, joined.geocoder)
    for _ in range(job["ticks"]):
        sweep(parts, clock.now())
        climb(parts, clock.now())
        deliver(parts)
        clock.at += TICK


def main() -> None:
    """Do one job after another, each in a process of its own."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            work(json.loads(line))
            os._exit(0)
        print(os.waitpid(child, 0)[1], flush=True)


if __name__ == "__main__":
    main()
