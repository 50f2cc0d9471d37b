"""What does a program send and get? Every shape of the REST API, as its description shows it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, ConfigDict, Field

from app.operations.appointment import LONGEST_REASON, LONGEST_WHY, SIDES, WAYS
from app.operations.booking import LONGEST_NOTE
from app.operations.branch import LONGEST_NAME as LONGEST_BRANCH_NAME
from app.operations.consequences import ASK
from app.operations.customer import LONGEST_ADDRESS, LONGEST_LINE_ID, LONGEST_NAME, MOST_SITES
from app.operations.slots import LONGEST_WINDOW_MIN, MOST_SLOTS
from app.operations.technician import DAYS, LONGEST_SKILL, MOST_SKILLS
from app.operations.time_off import LONGEST_REASON as LONGEST_ABSENCE_REASON
from app.rules.booking import LONGEST_VISIT_MIN
from app.rules.liking import MOST_AVOIDED, TIMES
from app.rules.visit import REPORTABLE
from app.web.api.reading import Body, Day, DeviceInstant, Id, Instant, Line, Lines, Moment, Query, Reply

INSIST = (
    "Book it although nobody works then (`closed`), or one goes alone where two are needed (`needs_two`); what was "
    "insisted on is kept in the visit's history."
)
MOST_FIXES = 1000
MOST_LISTED = 200


class SiteIn(Body):
    address: Line = Field(max_length=LONGEST_ADDRESS, examples=["和歌山市一番丁3"])
    lat: float | None = Field(None, description="Degrees WGS 84; without a position the address is looked up.")
    lon: float | None = None


class CustomerIn(Body):
    name: Line = Field(max_length=LONGEST_NAME, examples=["山田 花子"])
    kind: Literal["individual", "corporate"] = "individual"
    language: Literal["ja", "en"] = "ja"
    mobile: Line | None = Field(None, max_length=64, description="Receives SMS.", examples=["090-1234-5678"])
    phone: Line | None = Field(None, max_length=64, examples=["03-1234-5678"])
    email: Line | None = Field(None, max_length=254, examples=["hanako@example.jp"])
    line_id: Line | None = Field(None, max_length=LONGEST_LINE_ID)
    notices: Literal["all", "delays", "none"] = Field(
        "all",
        description="What is told by itself: delays leaves out reminders and that the technician is nearly there.",
    )
    first_channel: Literal["line", "sms", "push", "voice", "email"] | None = Field(
        None, description="Tried before the others; null: in the usual order."
    )
    likes_time: Literal["", *TIMES] = Field(  # type: ignore[valid-type]
        "", description="Offered first where it costs little: what begins before 12, from 12 to 17, or from 17 o'clock."
    )
    likes_technician: Id | None = Field(None, description="Offered first where it costs little.")
    avoids: list[Id] = Field(
        default_factory=list, max_length=MOST_AVOIDED, description="Technicians who are never offered again."
    )
    sites: list[SiteIn] = Field(max_length=MOST_SITES)


class LikingIn(Body):
    """Which times and technicians a customer likes; all three are written anew."""

    likes_time: Literal["", *TIMES] = ""  # type: ignore[valid-type]
    likes_technician: Id | None = None
    avoids: list[Id] = Field(default_factory=list, max_length=MOST_AVOIDED)


class SiteOut(Reply):
    id: int
    address: str
    lat: float | None
    lon: float | None
    located_by: str = Field(description="given, geocoder or map; empty while the position is not known.")


class CustomerOut(Reply):
    id: int
    name: str
    kind: str
    language: str
    mobile: str | None = Field(description="E.164.")
    phone: str | None = Field(description="E.164.")
    email: str | None
    line_id: str | None
    notices: str
    first_channel: str | None
    likes_time: str
    likes_technician: int | None = Field(validation_alias=AliasChoices("likes_technician_id", "likes_technician"))
    avoids: list[int]
    created_at: Moment
    sites: list[SiteOut]


class BaseIn(Body):
    lat: float
    lon: float


class BranchIn(Body):
    name: Line = Field(max_length=LONGEST_BRANCH_NAME, examples=["難波営業所"])
    address: Line = Field(max_length=LONGEST_ADDRESS, examples=["大阪市中央区難波1-1"])
    lat: float
    lon: float


class BranchOut(Reply):
    id: int
    name: str
    address: str
    lat: float
    lon: float


class BranchesOut(Reply):
    items: list[BranchOut]
    next: str | None


class TechnicianIn(Body):
    name: Line = Field(max_length=LONGEST_NAME, examples=["佐藤 健"])
    language: Literal["ja", "en"] = "ja"
    skills: list[Annotated[Line, Field(max_length=LONGEST_SKILL)]] = Field(
        default_factory=list, max_length=MOST_SKILLS, examples=[["lan"]]
    )
    travels_by: Literal["car", "public_transport", "bicycle"] = "car"
    base: BaseIn | None = Field(None, description="The technician's own place, mostly home.")
    branch: Id | None = Field(None, description="Belongs to this branch.")
    starts_from: Literal["home", "branch"] = Field("home", description="Where the first way of a day begins.")
    returns_to: Literal["home", "branch"] = Field("home", description="Where the last way of a day ends.")
    most_day_min: int | None = Field(
        None, ge=0, le=1440, description="A day takes no longer, ways included; null: the company's; 0: no such limit."
    )
    working_hours: dict[str, list[list[str]]] = Field(
        default_factory=dict,
        description=f"Local time, days {', '.join(DAYS)}; 24:00 ends a day.",
        examples=[{"mon": [["09:00", "12:00"], ["13:00", "18:00"]]}],
    )


class BaseOut(Reply):
    lat: float
    lon: float


class TechnicianOut(Reply):
    id: int
    name: str
    language: str
    skills: list[str]
    travels_by: str
    base: BaseOut | None
    branch: int | None
    starts_from: str
    returns_to: str
    most_day_min: int | None
    working_hours: dict[str, list[list[str]]]


class DeviceOut(Reply):
    username: str
    secret: str | None = Field(
        description="Password of the location app, bearer token for `…/fixes`. Shown once: a repetition gets null."
    )
    owntracks_url: str = Field(description="For OwnTracks in HTTP mode.")


class NewTechnicianOut(TechnicianOut):
    device: DeviceOut


class FixIn(Body):
    fixed_at: DeviceInstant = Field(description="When it was measured, not when it is sent.")
    lat: float = Field(examples=[34.2261])
    lon: float = Field(examples=[135.1675])
    accuracy_m: float | None = None
    speed_mps: float | None = None


def _three_shapes(schema: dict[str, Any]) -> None:
    fixes = schema["properties"]["fixes"]
    batch = {name: schema.pop(name) for name in ("type", "properties", "required", "additionalProperties")}
    schema["anyOf"] = [fixes["items"], fixes, batch]


class FixesIn(Body):
    """One fix, a list of them, or `{"fixes": […]}`."""

    model_config = ConfigDict(json_schema_extra=_three_shapes)

    fixes: list[FixIn] = Field(min_length=1, max_length=MOST_FIXES)

    @classmethod
    def arranged(cls, data: Any) -> tuple[Any, int]:
        """Return any of the three shapes as the last of them."""
        if isinstance(data, dict) and "fixes" not in data:
            return {"fixes": [data]}, 2
        return ({"fixes": data} if isinstance(data, list) else data), 0


class QuarantinedOut(Reply):
    index: int = Field(description="Place in the batch, from 0.")
    reason: str = Field(description="not_a_number, before_2010, in_the_future, off_the_globe or null_island.")


class FixesOut(Reply):
    new: int = Field(description="Measurements that were not known before.")
    known: int = Field(description="Measurements that had come before.")
    quarantined: list[QuarantinedOut] = Field(description="Kept apart because they cannot be right; do not send again.")


class ServiceOut(Reply):
    id: int
    name_ja: str
    name_en: str
    duration_min: int
    skill: str = Field(description="What a technician must be able to do for it; empty: everybody can.")
    technicians: int = Field(description="How many are needed at once.")


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
    side: Literal[SIDES] | None = Field(  # type: ignore[valid-type]
        None,
        description="Whose doing another time or the end of it is: `us` is apologised for, `customer` is confirmed. "
        "Without it the notice says neither.",
    )
    told_reason: Lines = Field(
        "", max_length=LONGEST_REASON, description="Our reason as the customer reads it, in her language; with `us`."
    )


class StatusIn(Body):
    status: Literal[REPORTABLE]  # type: ignore[valid-type]
    at: Instant | None = Field(None, description="When it happened; without it, now.")


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


class PageIn(Query):
    limit: int = Field(50, ge=1, le=MOST_LISTED)
    cursor: str | None = Field(
        None, description="`next` of the page before.", json_schema_extra={"pattern": "^[0-9]{1,10}$"}
    )


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


class AbsenceIn(Body):
    technician: Id | None = Field(None, description="Without it, the whole company is closed.")
    from_at: Instant = Field(alias="from")
    until_at: Instant = Field(alias="until")
    all_day: bool = Field(False, description="Whole days, from midnight to midnight in the company's time zone.")
    reason: Line = Field("", max_length=LONGEST_ABSENCE_REASON, examples=["有給休暇"])
    recurrence: Line | None = Field(
        None,
        max_length=300,
        description="How it comes again: an RRULE (RFC 5545) by days, weeks, months or years, read in local time.",
        examples=["FREQ=WEEKLY;INTERVAL=2;BYDAY=FR"],
    )


class AbsencesIn(PageIn):
    technician: Id | None = None
    from_at: Instant | None = Field(None, alias="from", description="Leave out what is over by then.")


class InTheWayOut(Reply):
    visit: int
    technician: int | None
    planned_from: Moment
    planned_until: Moment


class AbsenceOut(Reply):
    model_config = ConfigDict(populate_by_name=True)

    id: int
    technician: int | None = Field(description="null: the whole company.")
    from_at: Moment = Field(alias="from")
    until_at: Moment = Field(alias="until")
    all_day: bool
    reason: str
    recurrence: str | None
    source: str = Field(description="entered, or ical: read from the technician's own calendar.")


class NewAbsenceOut(AbsenceOut):
    in_the_way: list[InTheWayOut] = Field(
        description="Booked visits that stand in this time, for a year ahead. They stay until somebody moves them."
    )


class AbsencesOut(Reply):
    items: list[AbsenceOut]
    next: str | None


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


class CustomersOut(Reply):
    items: list[CustomerOut]
    next: str | None


class TechniciansOut(Reply):
    items: list[TechnicianOut]
    next: str | None


class ServicesOut(Reply):
    items: list[ServiceOut]
    next: str | None


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
    kind: str = Field(description="reassign, reorder or move.")
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
