"""What runs when? The whole timetable on one screen.

APScheduler only ticks: its store is the memory of this process, and all real state is in our tables. A lease row
decides which process sweeps; every process may deliver; what runs once a day is guarded by its slot.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from app.backtest.process import Backtester
from app.brake import Brake
from app.clock import FastClock, WallClock
from app.crash import writing
from app.db import SILENT
from app.lanes import Lanes
from app.list_work import work_through_lists
from app.operations.absence import call_absent
from app.operations.calendar_subscription import read_calendars
from app.operations.keeping import thin_out
from app.operations.learning import keep_habits, learn, learning_due
from app.operations.lease import first_in_slot, give_lease_back, ran_in_slot, take_lease
from app.operations.letter import post_letters
from app.operations.notice import Telling
from app.operations.purge import AT_ONCE, forget_words, purge
from app.operations.unread import call_for_unread
from app.operations.webhook_delivery import hand_over_messages
from app.parts import Parts
from app.planner import DayPlanner, Replanner
from app.tick import (
    climb,
    deliver,
    lapse_questions,
    locate,
    offer_repairs,
    read_mailbox,
    remind,
    sweep,
    tell_incidents,
)

log = structlog.get_logger()

#: Job, seconds between two ticks. Sweep and deliver are also woken at once when a commit made work for them.
TIMETABLE = (
    ("beat", 3),
    ("sweep", 2),
    ("deliver", 1),
    ("remind", 5),
    ("post_letters", 2),
    ("tell_programs", 1),
    ("locate", 2),
    ("offer_repairs", 15),
    ("lapse_questions", 5),
    ("call_for_unread", 15),
    ("call_absent", 15),
    ("tell_incidents", 15),
    ("read_mailbox", 20),
    ("read_calendars", 10),
    ("take_lists", 2),
    ("backtest", 2),
    ("plan", 1),
    ("learn", 600),
    ("purge", 600),
)

GEOCODER_RESTS = timedelta(minutes=1)
#: Between two runs of a job that commits wake: where a hundred things a second are written, each would otherwise be
#: followed by a sweep and a delivery that find nothing, and that the next one waits for.
WOKEN_RESTS = timedelta(seconds=0.1)
#: Between two portions of a purge, seconds: who waits to write gets the turn.
PURGE_RESTS_S = 0.02


class Jobs:
    """The jobs of one process."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        # Per process, not per host: several processes of one host would otherwise all hold the lease at once.
        self._name = secrets.token_hex(8)
        self._leads_until_s = 0.0
        self._wall = WallClock()
        self._lanes = Lanes()
        # Two for each program: nobody is in a hurry, and there may be many.
        self._program_lanes = Lanes(width=2)
        self._calendar_lanes = Lanes(width=2)
        # A day in fast motion jumps as it pleases, and writes to nobody.
        self._brake = None if isinstance(parts.clock, FastClock) else Brake()
        self._backtester = Backtester(parts)
        self._planners = DayPlanner(parts), Replanner(parts)
        self._stopping = Event()
        self._rung = {"sweep": Event(), "deliver": Event()}
        self._rests_until = dict.fromkeys(self._rung, _soon())
        # Ticks are whole seconds of UTC: a scheduler in a local zone stumbles over clock changes.
        self._scheduler = BackgroundScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # "still running" is no news here

    def start(self) -> None:
        """Begin to tick, and be woken by every commit of this process."""
        self._guarded("beat")()  # to lead from the first sweep on; a database that is silent just now ends nothing
        for name, seconds in TIMETABLE:
            self._scheduler.add_job(self._guarded(name), "interval", seconds=seconds, id=name, next_run_time=_soon())
        self._scheduler.start()
        self._parts.wake = self.wake

    def stop(self) -> None:
        """Stop ticking, finish what is running, and let another process lead at once."""
        self._parts.wake = lambda: None
        self._stopping.set()
        self._scheduler.shutdown(wait=True)
        self._lanes.close()
        self._program_lanes.close()
        self._calendar_lanes.close()
        self._guarded("end_backtest")()
        self._guarded("end_plan")()
        self._guarded("give_way")()

    def wake(self) -> None:
        """Sweep and deliver at once, or after the rest of who has just done so; many calls until then are one."""
        for name, bell in self._rung.items():
            if not bell.is_set():
                bell.set()
                self._scheduler.modify_job(name, next_run_time=max(_soon(), self._rests_until[name]))

    def beat(self) -> None:
        """Show that this process lives, and take the lead when nobody has it."""
        began_s = time.monotonic()
        with writing(self._parts.db, "beat") as session:
            leads = take_lease(session, "jobs", self._name, self._wall.now())
        # Counted on the steady clock, and given up before the lease ends: a host whose clock is set back, or that
        # slept, must not go on leading beside its successor.
        self._leads_until_s = began_s + 8 if leads else 0.0

    def give_way(self) -> None:
        """Let another process lead at once."""
        with writing(self._parts.db, "give_way") as session:
            give_lease_back(session, "jobs", self._name, self._wall.now())

    def sweep(self) -> None:
        """Look at every day that is due."""
        if self._leads() and sweep(self._parts, self._parts.clock.now()):
            self.wake()

    def deliver(self) -> None:
        """Send on what nobody confirmed, and hand over every notice that is due."""
        if not self._parts.settings.dry_run:  # nothing left, so nobody can confirm it, and nobody is to be called
            climb(self._parts, self._parts.clock.now())
        deliver(self._parts, self._lanes, self._brake)

    def post_letters(self) -> None:
        """Hand over answers and calls that are about no visit; a provider that hangs delays only these."""
        if self._leads():
            post_letters(self._parts.db, self._parts.channels, self._parts.clock)

    def tell_programs(self) -> None:
        """Hand over what other programs are to be told."""
        if not self._parts.settings.dry_run:
            hand_over_messages(self._parts.db, self._parts.outside, self._parts.clock, self._program_lanes)

    def remind(self) -> None:
        """Turn every reminder that is due into a notice."""
        while self._leads() and remind(self._parts, self._parts.clock.now()):
            self.wake()

    def lapse_questions(self) -> None:
        """Call a person where a customer has not answered in time."""
        if self._leads():
            lapse_questions(self._parts, self._parts.clock.now())

    def offer_repairs(self) -> None:
        """Call a dispatcher where a late visit can be saved."""
        if self._leads():
            offer_repairs(self._parts, self._parts.clock.now())

    def call_for_unread(self) -> None:
        """Call a person for every customer's message that nobody has read in time."""
        if self._leads():
            with writing(self._parts.db, "unread") as session:
                call_for_unread(session, self._parts.settings.zone, self._parts.clock.now())

    def call_absent(self) -> None:
        """Write to colleagues when something waits for a person and nobody at a desk deals with it."""
        if self._leads():
            parts = self._parts
            telling = Telling(parts.settings.base_url, parts.settings.zone, parts.channels)
            with writing(parts.db, "call_absent") as session:
                call_absent(session, telling, parts.settings.country, parts.clock.now())

    def tell_incidents(self) -> None:
        """Keep the promise of a next word about each incident that goes on."""
        if self._leads() and tell_incidents(self._parts, self._parts.clock.now()):
            self.wake()

    def read_mailbox(self) -> None:
        """Take in the mails that customers wrote, and those of ours that came back."""
        if self._leads() and read_mailbox(self._parts):
            self.wake()

    def read_calendars(self) -> None:
        """Read technicians' own calendars, to know when they have no time."""
        if self._leads():
            parts = self._parts
            read_calendars(parts.db, parts.calendars, parts.clock, parts.settings.zone, self._calendar_lanes)

    def locate(self) -> None:
        """Find positions for sites that have only an address; a geocoder that does not answer is left alone a while."""
        if self._leads() and not locate(self._parts, self._parts.clock.now()):
            self._scheduler.modify_job("locate", next_run_time=_soon() + GEOCODER_RESTS)

    def learn(self) -> None:
        """Once a night, learn from the days before; reading them takes a while, so nothing is locked meanwhile."""
        now, zone = self._parts.clock.now(), self._parts.settings.zone
        with self._parts.db.read() as session:
            habits = learn(session, now, zone) if self._leads() and learning_due(session, now, zone) else None
        if habits is not None:
            with writing(self._parts.db, "learn") as session:
                keep_habits(session, habits, now)

    def take_lists(self) -> None:
        """Try, and take in, the lists that the office has sent."""
        if self._leads() and work_through_lists(self._parts):
            self.wake()

    def backtest(self) -> None:
        """Have past days played as managers asked, one wish after another."""
        self._backtester.tick(leads=self._leads())

    def end_backtest(self) -> None:
        """Leave the one that runs to another process."""
        self._backtester.stop()

    def plan(self) -> None:
        """Have days planned anew as the office asked."""
        for planner in self._planners:
            planner.tick(leads=self._leads())

    def end_plan(self) -> None:
        """Leave what is being planned to another process."""
        for planner in self._planners:
            planner.stop()

    def purge(self) -> None:
        """Once a day, forget what must not be kept: a little at a time, with room for others between."""
        now = self._parts.clock.now()
        slot_at = now.replace(hour=0, minute=0, second=0, microsecond=0)
        with self._parts.db.read() as session:
            done = ran_in_slot(session, "purge", slot_at)
        settings = self._parts.settings
        kept, raw = timedelta(days=settings.playable_days), timedelta(days=settings.fixes_kept_days)
        words = timedelta(days=settings.words_kept_days)
        while not done and self._leads() and not self._stopping.wait(PURGE_RESTS_S):
            with writing(self._parts.db, "purge") as session:
                done = purge(session, now, kept, raw) < AT_ONCE and not thin_out(session, now, raw)
                done = done and forget_words(session, now, words) < AT_ONCE
                if done:  # noted at the end: what breaks off is taken up again
                    first_in_slot(session, "purge", slot_at, now)

    def _leads(self) -> bool:
        return time.monotonic() < self._leads_until_s

    def _guarded(self, name: str) -> Callable[[], None]:
        """Return a job that runs again when it was woken meanwhile, and whose failure is logged and ends nothing."""

        def run() -> None:
            while True:
                bell = self._rung.get(name)
                if bell:
                    bell.clear()
                try:
                    getattr(self, name)()
                except SILENT as error:
                    log.error("the database does not answer", job=name, error=str(error))
                    return
                except Exception:
                    log.error("a job failed", job=name, exc_info=True)
                    return
                if bell is None:
                    return
                self._rests_until[name] = _soon() + WOKEN_RESTS
                if not bell.is_set() or self._stopping.wait(WOKEN_RESTS.total_seconds()):
                    return

        return run


def _soon() -> datetime:
    return datetime.now(UTC)


def start(parts: Parts) -> Jobs:
    """Start the jobs of this process."""
    jobs = Jobs(parts)
    jobs.start()
    return jobs
