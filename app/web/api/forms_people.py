"""What does a program send and get about customers, technicians, branches and time off?"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, ConfigDict, Field

from app.operations.branch import LONGEST_NAME as LONGEST_BRANCH_NAME
from app.operations.customer import LONGEST_ADDRESS, LONGEST_LINE_ID, LONGEST_NAME, MOST_SITES
from app.operations.technician import DAYS, LONGEST_SKILL, MOST_SKILLS
from app.operations.time_off import LONGEST_REASON as LONGEST_ABSENCE_REASON
from app.rules.liking import MOST_AVOIDED, TIMES
from app.web.api.reading import Body, DeviceInstant, Id, Instant, Line, Moment, PageIn, Reply, part_of

MOST_FIXES = 1000
#: mypy reads no choices out of a tuple; the tuple is the rules', and is not written twice.
LikedTime = Literal["", *TIMES]  # type: ignore[valid-type]


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
    likes_time: LikedTime = Field(
        "", description="Offered first where it costs little: what begins before 12, from 12 to 17, or from 17 o'clock."
    )
    likes_technician: Id | None = Field(None, description="Offered first where it costs little.")
    avoids: list[Id] = Field(
        default_factory=list, max_length=MOST_AVOIDED, description="Technicians who are never offered again."
    )
    sites: list[SiteIn] = Field(max_length=MOST_SITES)


CustomerPatch = part_of(CustomerIn, "sites")
SitePatch = part_of(SiteIn)


class LikingIn(Body):
    """Which times and technicians a customer likes; all three are written anew."""

    likes_time: LikedTime = ""
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
    likes_technician: int | None = Field(validation_alias=AliasChoices("likes_technician", "likes_technician_id"))
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


class BranchChange(BranchIn):
    active: bool


BranchPatch = part_of(BranchChange)


class BranchOut(Reply):
    id: int
    name: str
    address: str
    lat: float
    lon: float
    active: bool


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


class TechnicianChange(TechnicianIn):
    active: bool = Field(description="Who is out of service gets no visits and is signed out.")


TechnicianPatch = part_of(TechnicianChange)


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
    active: bool


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


class CustomersOut(Reply):
    items: list[CustomerOut]
    next: str | None


class TechniciansOut(Reply):
    items: list[TechnicianOut]
    next: str | None
