"""What would customers have been told on past days, under the policy in force and under another?

Each day is played apart, in a database of its own, once for every policy; what comes out is marked against what really
happened (rules.score) and kept as one result (rules.backtest).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.backtest.days import PlayDay
from app.models import DecisionEntry, ForecastEntry, Notice, Visit
from app.replay import Replay, notice_line
from app.rules import backtest as rules
from app.rules.backtest import Case, DayFigures, Point, Result, Side, Thought, Word
from app.rules.daylog import Line
from app.rules.knowable import REACH, Knowable, arrivals_heard, knowable_since
from app.rules.lateness import Told
from app.rules.policy import Policy
from app.rules.position import Fix
from app.rules.presence import Stop
from app.rules.score import Marked, mark, total

#: Cases are shown with their whole story, so not more than this for each reason; the figures count them all.
MOST_CASES = 20
#: A case's story begins so long before the promise, and its forecasts are thinned to so many.
STORY_BEFORE = timedelta(hours=3)
MOST_POINTS = 150


def run_backtest(
    days: Iterable[PlayDay],
    count: int,
    policies: Sequence[Policy],
    progress: Callable[[float], None],
    told: Callable[[Mapping[str, Any]], None] = lambda _line: None,
) -> Result:
    """Play `count` days under each policy and return what came out.

    `progress` is called with the share that is done, often; what it raises ends the run. `told` is called with each
    notice under the first policy, as a line of `replay --notices`.
    """
    tally = _Tally(policies)
    rounds = count * len(policies)
    for number, day in enumerate(days):
        plays: list[_Play] = []
        try:
            for policy in policies:
                done = number * len(policies) + len(plays)
                listener = told if not plays else _unheard
                plays.append(_play(day, policy, _within(progress, done / rounds, 1 / rounds), listener))
            tally.add(day, plays)
        finally:
            for play in plays:
                play.replay.close()
    progress(1.0)
    return tally.result()


def _within(progress: Callable[[float], None], begun: float, part: float) -> Callable[[float], None]:
    return lambda share: progress(begun + part * min(max(share, 0.0), 1.0))


@dataclass(frozen=True, slots=True)
class _Play:
    """One day under one policy, played: the database it was played in, and the marks by visit."""

    replay: Replay
    marked: Mapping[str, Marked]
    #: Of the windows that were told by the arrival: how likely they were said to hold, and whether they did.
    claims: Sequence[tuple[float, bool]]


def _unheard(_line: Mapping[str, Any]) -> None:
    """Hear what nobody asked for."""


def _play(
    day: PlayDay, policy: Policy, progress: Callable[[float], None], heard: Callable[[Mapping[str, Any]], None]
) -> _Play:
    replay = Replay.open(_changed(policy), habits=day.habits, own_rows=day.own)
    replay.zone = day.zone
    long_s = max((day.until_at - day.from_at).total_seconds(), 1.0)
    told: dict[int, list[Told]] = {}
    claimed: dict[int, list[tuple[Told, float]]] = {}

    def lines() -> Iterator[Line]:
        for number, line in enumerate(day.lines()):
            if number % 50 == 0:
                progress((line.at - day.from_at).total_seconds() / long_s)
            yield line

    def note(notice: Notice) -> None:
        word = Told(notice.kind, notice.created_at, notice.quoted_from_at, notice.quoted_until_at)
        told.setdefault(notice.visit_id, []).append(word)
        percent = notice.reason_facts.get("holds_percent")
        if percent is not None:
            claimed.setdefault(notice.visit_id, []).append((word, float(percent) / 100))
        heard(notice_line(notice, replay.names[notice.visit_id], day.zone))

    try:
        replay.play(lines(), note, day.until_at if day.own else None)
    except BaseException:
        replay.close()
        raise
    marked = {
        visit: mark(visit, truth.promised_until_at, truth.arrived_at, told.get(replay.visits.get(visit, 0), ()))
        for visit, truth in day.truth.items()
        if truth.arrived_at is not None
    }
    asked = {visit: one.arrived_at for visit, one in marked.items() if one.after}
    known = arrivals_heard(day.lines(), asked) if asked else {}
    marked |= {visit: replace(marked[visit], heard=True, heard_at=known.get(visit)) for visit in asked}
    claims = [
        (share, kept)
        for visit, one in marked.items()
        for word, share in claimed.get(replay.visits.get(visit, 0), ())
        for _, kept in mark(visit, one.promised_until_at, one.arrived_at, [word]).quotes
    ]
    return _Play(replay, marked, claims)


def _changed(policy: Policy) -> dict[str, Any]:
    """Return what a policy changes of what the product comes with."""
    usual = asdict(Policy())
    return {name: value for name, value in asdict(policy).items() if value != usual[name]}


class _Tally:
    """What has come out so far: marks of every visit, stories of the worst."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._policies = policies
        self._marked: list[list[Marked]] = [[] for _ in policies]
        self._real: list[Marked] = []
        self._claims: list[tuple[float, bool]] = []
        self._judged: list[rules.Judged] = []
        self._showed: list[tuple[Marked, Knowable | None]] = []
        self._days: list[DayFigures] = []
        self._cases: dict[str, list[Case]] = {why: [] for why in rules.REASONS}
        self._counts: Counter[str] = Counter()
        self._refused: list[str] = []
        self._own = False

    def add(self, day: PlayDay, plays: Sequence[_Play]) -> None:
        """Add one day that has been played under every policy."""
        self._own = day.own
        self._claims += plays[0].claims
        for marks, play in zip(self._marked, plays, strict=True):
            marks += play.marked.values()
        self._days.append(
            DayFigures(
                day.name,
                len(plays[0].replay.visits),
                len(plays[0].replay.technicians),
                tuple(total(list(play.marked.values())) for play in plays),
                dict(day.left_out),
            )
        )
        self._refused += [f"{day.name}: {refusal}" for refusal in plays[0].replay.refused][:20]
        late = [visit for visit, marked in plays[0].marked.items() if marked.late]
        signs = _signs(day, plays[0], late)
        self._showed += [(plays[0].marked[visit], signs.get(visit)) for visit in late]
        for visit, marked in plays[0].marked.items():
            if day.own:
                self._real.append(mark(visit, marked.promised_until_at, marked.arrived_at, day.told.get(visit, ())))
            self._look_at(day, plays, visit, signs.get(visit))

    def _look_at(self, day: PlayDay, plays: Sequence[_Play], visit: str, sign: Knowable | None) -> None:
        row = plays[0].replay.visits.get(visit)
        if row is None:
            return
        marked = [play.marked[visit] for play in plays]
        with plays[0].replay.parts.db.read() as session:
            points = _points(session, row, day.zone)
        self._judged += rules.judge(marked[0], points)
        found = [rules.wrong(one) for one in marked]
        why = [reason for reason in rules.REASONS if any(reason in wrong for wrong in found)]
        if len(marked) > 1 and rules.told_differently(marked[0].told, marked[1].told):
            why.append("different")
        if marked[0].late and not any(one.missed for one in marked):
            why.append("warned")
        if not why:
            return
        self._counts.update(why)
        truth = day.truth[visit]
        shown = [point for point in points if point.at >= truth.promised_from_at - STORY_BEFORE]
        case = Case(
            day.name,
            visit,
            int(visit) if day.own else None,
            tuple(why),
            truth.promised_from_at.astimezone(day.zone),
            truth.promised_until_at.astimezone(day.zone),
            marked[0].arrived_at.astimezone(day.zone),
            tuple(shown[:: 1 + len(shown) // MOST_POINTS]),
            tuple(_side(day, play, visit, wrong) for play, wrong in zip(plays, found, strict=True)),
            replace(sign, at=sign.at.astimezone(day.zone)) if sign else None,
        )
        worst = self._cases[why[0]]
        worst.append(case)
        worst.sort(key=rules.severity)
        del worst[MOST_CASES:]

    def result(self) -> Result:
        """Return the whole."""
        cases = [case for why in rules.REASONS for case in self._cases[why]]
        shown = Counter(why for case in cases for why in case.why)
        return Result(
            own=self._own,
            days=tuple(self._days),
            policies=tuple(_changed(policy) for policy in self._policies),
            quote_shares=tuple(policy.quote_share for policy in self._policies),
            sides=tuple(rules.figures(marked) for marked in self._marked),
            real=rules.figures(self._real) if self._own else None,
            different=self._counts["different"],
            showed=rules.showed(self._showed),
            reliable=rules.reliability(self._judged),
            claims=rules.grouped(self._claims),
            covers=rules.coverage(self._judged),
            cases=tuple(cases),
            hidden={why: n - shown[why] for why, n in self._counts.items() if n > shown[why]},
            refused=tuple(self._refused[:20]),
        )


def _signs(day: PlayDay, play: _Play, visits: Sequence[str]) -> dict[str, Knowable | None]:
    """Return from when on each of some visits' delay could be known, from the positions that had come in by then."""
    if not visits:
        return {}
    stops: dict[str, tuple[Stop, datetime | None]] = {}
    whose: dict[str, list[str]] = {}
    with play.replay.parts.db.read() as session:
        for visit in visits:
            row = session.get_one(Visit, play.replay.visits[visit])
            if row.technician is None or row.site.lat is None or row.site.lon is None:
                continue
            place = row.site.lat, row.site.lon
            stops[visit] = (
                Stop(visit, *place, row.promised_from_at, row.promised_until_at, row.duration_min),
                session.scalar(
                    select(func.max(Visit.completed_at)).where(
                        Visit.technician_id == row.technician_id, Visit.completed_at < play.marked[visit].arrived_at
                    )
                ),
            )
            whose.setdefault(row.technician.name, []).append(visit)
    came: dict[str, list[tuple[Fix, datetime]]] = {}
    for line in day.lines():
        for visit in whose.get(line.fields["technician"], ()) if line.kind == "fix" else ():
            if line.at <= stops[visit][0].promised_until_at and line.fields.get("moved") is not False:
                fixed_at = line.fields.get("fixed_at") or line.at
                if fixed_at >= stops[visit][0].promised_until_at - REACH:
                    fields = line.fields
                    fix = Fix(fixed_at, fields["lat"], fields["lon"], fields.get("accuracy_m"), fields.get("speed_mps"))
                    came.setdefault(visit, []).append((fix, line.at))
    return {
        visit: _sign(stop, came.get(visit, []), play.marked[visit].arrived_at, day.zone, left_at)
        for visit, (stop, left_at) in stops.items()
    }


def _sign(
    stop: Stop, came: Sequence[tuple[Fix, datetime]], arrived_at: datetime, zone: tzinfo, left_at: datetime | None
) -> Knowable | None:
    fixes = sorted((fix for fix, _ in came), key=lambda fix: fix.fixed_at)
    sign = knowable_since(stop, fixes, arrived_at, zone, left_at)
    if sign is None:
        return None
    # A position that came in late, after a tunnel, could not be known when it was measured.
    heard_at = max((at for fix, at in came if fix.fixed_at <= sign.at), default=sign.at)
    late_by = heard_at - sign.at
    return (
        replace(sign, at=heard_at, left_min=sign.left_min - late_by.total_seconds() / 60)
        if late_by > timedelta(0)
        else sign
    )


def _side(day: PlayDay, play: _Play, visit: str, wrong: tuple[str, ...]) -> Side:
    """Return a visit's whole story under one policy, until the arrival."""
    row, marked = play.replay.visits[visit], play.marked[visit]
    since_at = day.truth[visit].promised_from_at - STORY_BEFORE

    def local(at: datetime | None) -> datetime | None:
        return at.astimezone(day.zone) if at else None

    with play.replay.parts.db.read() as session:
        notices = session.scalars(select(Notice).where(Notice.visit_id == row).order_by(Notice.id)).all()
        decisions = session.scalars(
            select(DecisionEntry)
            .where(DecisionEntry.visit_id == row, DecisionEntry.at >= since_at, DecisionEntry.at <= marked.arrived_at)
            .order_by(DecisionEntry.id)
        ).all()
        words = tuple(
            Word(
                notice.kind,
                notice.created_at.astimezone(day.zone),
                local(notice.quoted_from_at),
                local(notice.quoted_until_at),
                notice.reason_code,
                dict(notice.reason_facts),
            )
            for notice in notices
        )
        thoughts = tuple(
            Thought(entry.at.astimezone(day.zone), entry.kind, entry.reason_code, dict(entry.reason_facts))
            for entry in decisions
        )
    return Side(wrong, marked.lead_min, words, thoughts)


def _points(session: Session, row: int, zone: tzinfo) -> list[Point]:
    rows = session.execute(
        select(
            ForecastEntry.at,
            ForecastEntry.from_at,
            ForecastEntry.median_at,
            ForecastEntry.until_at,
            ForecastEntry.late_probability,
            ForecastEntry.basis,
            ForecastEntry.state,
        )
        .where(ForecastEntry.visit_id == row)
        .order_by(ForecastEntry.id)
    )
    return [
        Point(
            made_at.astimezone(zone),
            from_at.astimezone(zone),
            median_at.astimezone(zone),
            until_at.astimezone(zone),
            late,
            basis,
            state,
        )
        for made_at, from_at, median_at, until_at, late, basis, state in rows
    ]
