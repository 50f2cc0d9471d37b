"""What does a program send and get about visits: times to offer, states, notices and ways to save them?"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from app.operations.appointment import LONGEST_REASON, LONGEST_WHY, SIDES, WAYS
from app.operations.booking import LONGEST_NOTE
from app.operations.consequences import ASK
from app.operations.slots import LONGEST_WINDOW_MIN, MOST_SLOTS
from app.operations.technician import LONGEST_SKILL
from app.rules.booking import LONGEST_VISIT_MIN
from app.rules.visit import REPORTABLE
from app.web.api.reading import Body, Day, Id, Instant, Line, Lines, Moment, PageIn, Query, Reply

#: mypy reads no choices out of a tuple; the tuple is the operation's, and is not written twice.
Side = Literal[SIDES]  # type: ignore[valid-type]
SIDE = (
    "Whose doing another time or the end of it is: `us` is apologised for, and she owes nothing for the end of it; "
    "`customer` is confirmed. Without it the notice says neither, and she owes what she owes for her own doing."
)
TOLD_REASON = "Our reason as the customer reads it, in her language; with `us`."
INSIST = (
    "Book it although nobody works then (`closed`), or one goes alone where two are needed (`needs_two`), or ask the "
    "customer for it although the form would warn; what was insisted on is kept in the visit's history."
)


class VisitIn(Body):
    customer: Id
    site: Id
    service: Id
    promised_from: Instant
    promised_until: Instant = Field(description="May equal promised_from: a promise of one moment.")
    duration_min: int | None = Field(
        None, ge=1, le=LONGEST_VISIT_MIN, description="Without it, the service's usual duration."
    )
    technician: Id | None = None
    second_technician: Id | None = Field(
        None, description="Goes along, for work that two are needed for: both are taken, or neither."
    )
    note: Lines = Field("", max_length=LONGEST_NOTE)
    remind: bool = Field(True, description="Whether the customer is reminded of it, as the company has set.")
    hold: Line | None = Field(None, max_length=50, description="Of `POST /holds`; is used up.")
    insist: bool = Field(False, description=INSIST)


class VisitPatch(Body):
    """Move, reassign or cancel; what is left out stays."""

    promised_from: Instant = Field(None)  # type: ignore[assignment]  # absent, but never null
    promised_until: Instant = Field(None)  # type: ignore[assignment]
    planned_from: Instant = Field(None)  # type: ignore[assignment]
    duration_min: int = Field(None, ge=1, le=LONGEST_VISIT_MIN)  # type: ignore[assignment]
    technician: Id | None = Field(None, description="null takes the visit away from everybody.")
    second_technician: Id | None = Field(None, description="Who goes along; null: nobody any more.")
    note: Lines = Field(None, max_length=LONGEST_NOTE)  # type: ignore[assignment]
    status: Literal["cancelled"] = Field(None, description="Cancels; only with `reason`.")  # type: ignore[arg-type]
    reason: Lines = Field("", max_length=500)
    insist: bool = Field(None, description=INSIST)  # type: ignore[assignment]
    tell: Literal[*WAYS, ASK] | None = Field(  # type: ignore[valid-type]
        None,
        description="How the customer learns of it: `send` a notice, `ask` her first by a link (nothing moves before "
        "her yes), somebody has `told` her, or `no`. "
        "Without it, as the company has set.",
    )
    tell_why: Lines = Field("", max_length=LONGEST_WHY, description="Why she is not sent a notice; kept with it.")
    side: Side | None = Field(None, description=SIDE)
    told_reason: Lines = Field("", max_length=LONGEST_REASON, description=TOLD_REASON)


class StatusIn(Body):
    status: Literal[REPORTABLE]  # type: ignore[valid-type]
    at: Instant | None = Field(None, description="When it happened; without it, now.")
    side: Side | None = Field(None, description="Only with `cancelled`. " + SIDE)
    told_reason: Lines = Field("", max_length=LONGEST_REASON, description="Only with `cancelled`. " + TOLD_REASON)
    reason: Lines = Field("", max_length=500, description="Only with `cancelled`: why, for the history.")


class EtaIn(Body):
    eta: Instant
    at: Instant | None = Field(None, description="When the technician said so; without it, now.")


class ActualOut(Reply):
    en_route_at: Moment | None
    en_route_by: str | None = Field(description="tap, position or office.")
    arrived_at: Moment | None
    arrived_by: str | None
    completed_at: Moment | None
    completed_by: str | None


class ForecastOut(Reply):
    arrives_from: Moment = Field(description="10 % arrive earlier.")
    arrives_until: Moment = Field(description="10 % arrive later.")
    late_probability: float
    as_of: Moment | None = Field(description="Newest evidence; null when there is none.")
    basis: str
    state: str | None


class VisitOut(Reply):
    id: int
    version: int = Field(description="Goes up with every change; the ETag, and what If-Match compares.")
    status: str
    customer: int
    site: int
    service: int
    technician: int | None
    second_technician: int | None = Field(description="Who goes along; that time is a visit of its own.")
    beside: int | None = Field(description="Of the second technician's time: the visit that it belongs to.")
    promised_from: Moment
    promised_until: Moment
    planned_from: Moment
    planned_until: Moment
    duration_min: int
    note: str
    created_at: Moment
    actual: ActualOut
    eta_reported: Moment | None
    eta_reported_at: Moment | None
    forecast: ForecastOut | None = Field(description="null while nothing can be said.")
    customer_url: str = Field(description="The customer's page of this visit; a secret link.")


class VisitsIn(PageIn):
    cursor: str | None = Field(None, max_length=100, description="`next` of the page before.")
    date: Day | None = Field(None, description="Day of the plan, in the company's time zone.")
    technician: Id | None = None


class SlotsIn(Query):
    service: Id
    lat: float = Field(ge=-90, le=90, description="Where the work is, degrees WGS 84.", examples=[34.2261])
    lon: float = Field(ge=-180, le=180, examples=[135.1675])
    from_at: Instant = Field(alias="from", description="The work begins then at the earliest.")
    until_at: Instant = Field(alias="until", description="The work begins then at the latest.")
    skill: Line | None = Field(None, max_length=LONGEST_SKILL, description="Beside what the service needs.")
    technician: Id | None = Field(None, description="Only this one.")
    without: Id | None = Field(None, description="Not this one.")
    customer: Id | None = Field(
        None, description="What this customer likes is offered first, and whom she does not want again is not."
    )
    technicians: Literal["1", "2"] | None = Field(
        None, description="So many go together; without it, as many as the service needs."
    )
    duration_min: int | None = Field(None, ge=1, le=LONGEST_VISIT_MIN, description="Without it, the service's usual.")
    window_min: int = Field(
        0, ge=0, le=LONGEST_WINDOW_MIN, description="Width of the promise: 0 to the minute, 120 two hours."
    )
    hour_from: float = Field(0, ge=0, le=24, description="Only at these local hours: 9 and 12 for a morning.")
    hour_until: float = Field(24, ge=0, le=24)
    limit: int = Field(20, ge=1, le=MOST_SLOTS)


class SlotOut(Reply):
    technician: int
    second_technician: int | None = Field(description="Who goes along, where two are needed.")
    starts_at: Moment = Field(description="`promised_from` and `planned_from` of the visit to book.")
    ends_at: Moment = Field(description="When the work ends.")
    promised_until_at: Moment
    travel_before_min: float
    travel_after_min: float = Field(description="To the next visit, or home.")
    added_travel_min: float = Field(description="By so much the technician's day on the road grows.")
    late_probability: float = Field(description="Of arriving more than 5 minutes after the promise.")
    next_late_probability: float = Field(description="The same of the visit after it.")
    short_rest_min: float | None = Field(
        description="Rest before or after this working day, ways included, where it is less than eleven hours."
    )


class SlotsOut(Reply):
    items: list[SlotOut] = Field(description="Best first: little added travel, and soon.")
    ways: Literal["router", "straight_line", "router_silent"] = Field(
        description="How the ways were reckoned: by the router; by the straight line, for there is none; or so because "
        "it does not answer. Who goes by public transport goes by the straight line."
    )


class HoldIn(Body):
    technician: Id
    second_technician: Id | None = Field(None, description="Both are kept, or neither.")
    starts_at: Instant
    duration_min: int = Field(ge=1, le=LONGEST_VISIT_MIN)
    lat: float | None = Field(None, ge=-90, le=90)
    lon: float | None = Field(None, ge=-180, le=180)


class HoldOut(Reply):
    hold: str = Field(description="Names it when it is booked or let go.")
    expires_at: Moment = Field(description="From then on anybody may book the time.")


class VisitsOut(Reply):
    items: list[VisitOut]
    next: str | None = Field(description="Cursor of the next page; null on the last.")


class AttemptOut(Reply):
    id: int
    channel: str
    started_at: Moment
    finished_at: Moment | None
    outcome: str | None = Field(description="accepted, refused, failed or unknown; null while it is being made.")
    provider_id: str | None
    error: str | None


class ReceiptOut(Reply):
    attempt_id: int
    received_at: Moment
    status: str
    error_code: str | None


class ReasonOut(Reply):
    code: str
    facts: dict[str, Any]


class NoticeOut(Reply):
    id: int
    kind: str
    language: str
    created_at: Moment
    state: str
    state_reason: str | None
    reason: ReasonOut
    quoted_from: Moment | None
    quoted_until: Moment | None
    text: str | None = Field(description="As in an SMS; null while a hole in the facts holds the notice.")
    line: str | None = Field(description="As in a chat.")
    subject: str | None
    body: str | None
    spoken: str | None = Field(description="As read out over the telephone.")
    channels: list[str]
    sent_at: Moment | None
    delivered_at: Moment | None
    attempts: list[AttemptOut]
    receipts: list[ReceiptOut]


class NoticesOut(Reply):
    items: list[NoticeOut]
    next: str | None


class StandOut(Reply):
    arrives_from: Moment = Field(description="10 % arrive earlier.")
    arrives_until: Moment = Field(description="10 % arrive later.")
    late_probability: float


class EffectOut(Reply):
    visit: int
    technician: int = Field(description="Who would go.")
    promised_from: Moment
    promised_until: Moment
    before: StandOut
    after: StandOut


class RepairOut(Reply):
    offer: str = Field(description="Names this offer when it is accepted.")
    kind: str = Field(
        description="begin (of two, the other one goes first and begins alone), reassign, reorder or move."
    )
    technician: int = Field(description="Who would go.")
    planned_from: Moment = Field(description="When the visit that is changed would be planned.")
    gain_min: int = Field(description="Minutes of waiting saved in all, the cost of the change taken off.")
    worth_until: Moment
    needs_consent: bool = Field(description="The customer has to agree to a later time first.")
    visits: list[EffectOut] = Field(description="Every visit that the offer touches, the late one first.")


class RepairsOut(Reply):
    items: list[RepairOut] = Field(description="Best first; empty when nothing pays, or the visit is not likely late.")
    technicians: int = Field(description="How many others were considered.")
    refused: dict[str, int] = Field(
        description="Why how many of them cannot go: skill, off_duty, far, unplaced, busy, too_late, forecast."
    )


class RepairIn(Body):
    offer: Line = Field(max_length=100, examples=["reassign-7"])
    agreed: bool = Field(False, description="The customer has agreed; needed where `needs_consent`.")
