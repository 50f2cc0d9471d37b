"""Run the jobs of one installation for a while, in a process that may be killed: `python -m tests.crash.worker`.

Reads one JSON object a line (scene, database, provider_url, mailbox_url, at, ticks, crash_at, clock), forks a process
for each, and answers with how it ended: forking spares the second that imports take. `clock` is a file in which the
process leaves the time at which it died; `passed`, one in which it leaves how often it came by each point.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import structlog
from sqlalchemy.orm import Session

from app import crash, join, tick
from app.brake import Brake
from app.config import Settings
from app.models import Notice
from app.operations import outbox
from app.operations.brake import decide, read_standing
from app.operations.letter import post_letters
from app.parts import Parts
from app.providers.line_messaging import LineMessages
from app.providers.sms_twilio import TwilioSms
from app.tick import climb, deliver, sweep
from app.web import visitor
from tests.conftest import STORY_DAY_AT, HandClock
from tests.crash.day import play_day
from tests.standins import ACCOUNT, LINE_TOKEN, SECRET, SENDER

TICK = timedelta(seconds=15)
#: The office looks at what the brake holds after so many ticks.
DECIDES_AFTER = 6
#: So long the fault in a notice lasts, until somebody has mended it.
FAULT_LASTS = timedelta(minutes=4)


class LeftBehind(HandClock):
    """A clock that is still there to be read when the process is not."""

    def __init__(self, at: datetime, file: Path) -> None:
        self._file = file
        super().__init__(at)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "at":
            self._file.write_text(value.isoformat())


def work(job: dict[str, Any]) -> None:
    """Play a scene on a clock of the test's."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    os.environ["MAMONAKU_CRASH_AT"] = job["crash_at"] or ""
    importlib.reload(crash)
    passed: Counter[str] = Counter()
    if "passed" in job:
        crash.point = visitor.point = lambda name: passed.update([name])
    clock = LeftBehind(datetime.fromisoformat(job["at"]), Path(job["clock"]))
    if job["scene"] == "day":
        play_day(job["database"], job["provider_url"], job["mailbox_url"], clock, job["ticks"], TICK)
    else:
        tell(job, clock)
    if "passed" in job:
        Path(job["passed"]).write_text(json.dumps(passed))


def tell(job: dict[str, Any], clock: HandClock) -> None:
    """Sweep, climb and deliver over one provider, one after another; in a flood, until the office lets it go."""
    joined = join(Settings(database_url=job["database"], secret_key="for-tests-only"), clock)
    channel: Any = (
        TwilioSms(ACCOUNT, SECRET, SENDER, job["provider_url"], "https://a.jp/hooks/twilio/status")
        if job["scene"] != "line"
        else LineMessages(LINE_TOKEN, job["provider_url"])
    )
    parts = Parts(joined.settings, joined.db, clock, {channel.name: channel}, joined.geocoder)
    brake = Brake() if job["scene"] == "flood" else None
    with faults() if job["scene"] == "faulty" else nullcontext():
        for number in range(job["ticks"]):
            sweep(parts, clock.now())
            climb(parts, clock.now())
            post_letters(parts.db, parts.channels, clock)
            deliver(parts, None, brake)
            if brake is not None and brake.holds and number >= DECIDES_AFTER:
                let_go(parts)
            clock.at += TICK


@contextmanager
def faults() -> Iterator[None]:
    """Have the first customer's notice fail at first when it is taken, and the second's whenever it is to climb."""
    recipient_of, climb_ladder = outbox.recipient_of, tick.climb_ladder

    def reach(session: Session, notice: Notice, visit: Any, zone: Any, now: datetime) -> Any:
        if notice.visit_id == 1 and now < STORY_DAY_AT + FAULT_LASTS:
            raise ValueError("nobody can be reached with this")
        return recipient_of(session, notice, visit, zone, now)

    def rise(session: Session, notice_id: int, now: datetime) -> None:
        if session.get_one(Notice, notice_id).visit_id == 2:
            raise ValueError("nobody knows how to go on")
        climb_ladder(session, notice_id, now)

    with patch.object(outbox, "recipient_of", reach), patch.object(tick, "climb_ladder", rise):
        yield


def let_go(parts: Parts) -> None:
    """Have somebody in the office look at what the brake holds, and let it go."""
    now = parts.clock.now()
    with parts.db.write() as session:
        standing = read_standing(session, now)
        assert standing is not None
        decide(session, "all", standing.newest_id, now, "user:1")


def main() -> None:
    """Do one job after another, each in a process of its own."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            code = 1
            try:
                work(json.loads(line))
                code = 0
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(os.waitpid(child, 0)[1], flush=True)


if __name__ == "__main__":
    main()
