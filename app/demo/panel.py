"""What is a newcomer shown? The customers' phones as they fill, and what is truly going on on the road."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.demo.company import Stop
from app.demo.stage import Stage
from app.demo.world import Scene
from app.models import Notice, Visit, VisitEvent
from app.rules.messages import HANDED_OVER, UNSETTLING

#: So many phones lie side by side.
MOST_PHONES = 6


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message on a phone: `kind` of a notice with its text around the link, or of the customer's own answer."""

    id: str
    at: datetime
    kind: str
    hers: bool
    subject: str = ""
    before: str = ""
    link: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Phone:
    """One customer's phone with everything it got today, oldest first."""

    visit: Visit
    by_mail: bool
    story: bool
    bubbles: Sequence[Bubble]


@dataclass(frozen=True, slots=True)
class Situation:
    """One technician as the world knows it, and the next customer."""

    technician_id: int
    name: str
    scene: Scene
    stop: Stop


def phones(session: Session, stage: Stage, base_url: str) -> Sequence[Phone]:
    """Return the phones in sight: the story's first, then those with bad news and those that rang last."""
    visit_ids = [visit_id for row in stage.visits for visit_id in row]
    story_id = stage.visits[0][-1]  # the first technician's last visit is the story's: always in sight
    notices = session.scalars(
        select(Notice)
        .where(Notice.visit_id.in_(visit_ids), Notice.reach.in_(HANDED_OVER))
        .options(joinedload(Notice.visit).joinedload(Visit.customer))
        .order_by(Notice.sent_at)
    ).all()
    bubbles: Mapping[int, list[Bubble]] = defaultdict(list)
    for notice in notices:
        bubbles[notice.visit_id].append(_bubble(notice, base_url))
    for event in session.scalars(
        select(VisitEvent).where(VisitEvent.visit_id.in_(visit_ids), VisitEvent.actor == "customer")
    ):
        words = str(event.facts.get("text", ""))
        bubbles[event.visit_id].append(Bubble(f"e{event.id}", event.at, event.kind, True, before=words))
    bad = {notice.visit_id for notice in notices if notice.kind in UNSETTLING}
    shown = sorted(
        (i for i in bubbles if i != story_id),
        key=lambda i: (i in bad, max(b.at for b in bubbles[i])),
        reverse=True,
    )[: MOST_PHONES - 1]
    loaded = session.scalars(
        select(Visit)
        .where(Visit.id.in_([story_id, *shown]))
        .options(joinedload(Visit.customer), joinedload(Visit.technician))
    )
    visits = {visit.id: visit for visit in loaded}
    return [
        Phone(
            visits[i], visits[i].customer.mobile is None, i == story_id, sorted(bubbles.get(i, []), key=lambda b: b.at)
        )
        for i in [story_id, *shown]
    ]


def situations(stage: Stage, now: datetime) -> Sequence[Situation]:
    """Return what every technician is doing."""
    return [
        Situation(stage.cast.technicians[n], person.name, scene, person.stops[scene.stop])
        for n, person in enumerate(stage.people)
        for scene in [stage.world.scene(n, now)]
    ]


def _bubble(notice: Notice, base_url: str) -> Bubble:
    text = (notice.short if notice.visit.customer.mobile else notice.body) or ""
    link = f"{base_url}/v/{notice.visit.link_token}"
    before, found, after = text.partition(link)
    return Bubble(
        f"n{notice.id}",
        notice.sent_at or notice.created_at,
        notice.kind,
        False,
        subject="" if notice.visit.customer.mobile else notice.subject or "",
        before=before,
        link=notice.visit.link_token if found else "",
        after=after,
    )
