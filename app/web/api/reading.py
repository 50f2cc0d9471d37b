"""How is input read? Strictly: a number is a number, an instant has an offset, and every wrong field is named."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from copy import copy
from datetime import UTC, date, datetime
from typing import Annotated, Any

from apiflask.schema_adapters import registry
from apiflask.schema_adapters.pydantic import PydanticAdapter
from flask import Request
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    create_model,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from app.errors import Invalid, Problem
from app.rules.calendar import YEARS
from app.web.forms import LARGEST_ID
from app.web.visitor import zone

#: More would be read by nobody.
MOST_PROBLEMS = 50
#: Entries of one page of a list.
MOST_LISTED = 200


def _instant(value: Any) -> datetime:
    try:
        at = datetime.fromisoformat(value.upper()) if isinstance(value, str) else None
        if at is not None and at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise PydanticCustomError("instant", "instant")


def _near_instant(value: Any) -> datetime:
    at = _instant(value)
    if at.year not in YEARS:
        raise PydanticCustomError("instant", "instant")
    return at


def _day(value: Any) -> date:
    try:
        on = date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        on = None
    if on is None or on.year not in YEARS:
        raise PydanticCustomError("date", "date")
    return on


def _without_controls(value: Any, allowed: str) -> Any:
    if isinstance(value, str) and any(unicodedata.category(c) in ("Cc", "Cs") and c not in allowed for c in value):
        raise PydanticCustomError("characters", "characters")
    return value


def _line(value: Any) -> Any:
    return _without_controls(value, "")


def _lines(value: Any) -> Any:
    return _without_controls(value, "\n\r\t")


def _local(at: datetime) -> str:
    return at.astimezone(zone()).isoformat()


_MOMENT = {"type": "string", "format": "date-time", "examples": ["2026-11-24T17:00:00+09:00"]}
Instant = Annotated[datetime, BeforeValidator(_near_instant), WithJsonSchema(_MOMENT)]
#: However wrong a phone's clock is, its time is read; what to think of it is decided later.
DeviceInstant = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema(_MOMENT)]
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Line = Annotated[str, BeforeValidator(_line)]
Lines = Annotated[str, BeforeValidator(_lines)]
#: Told in the company's time zone.
Moment = Annotated[datetime, PlainSerializer(_local)]
Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]


class Input(BaseModel):
    """What a program sends: no unknown fields, no NaN."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @classmethod
    def arranged(cls, data: Any) -> tuple[Any, int]:
        """Return input in the model's own shape, and how many steps of a field's path the sender did not write."""
        return data, 0


class Query(Input):
    """Query parameters: text that may stand for a number."""


class PageIn(Query):
    limit: int = Field(50, ge=1, le=MOST_LISTED)
    cursor: str | None = Field(
        None, description="`next` of the page before.", json_schema_extra={"pattern": "^[0-9]{1,10}$"}
    )


class Body(Input):
    """A JSON body: no conversions."""

    model_config = ConfigDict(strict=True)


def part_of(model: type[Body], *also_without: str) -> type[Body]:
    """Return the shape of a change: each field of a body may be left out (which null is not), and then stays as it is.

    Without those fields that are no matter of a change.
    """
    fields: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if name not in also_without:
            left_out = copy(field)
            left_out.default, left_out.default_factory = None, None
            left_out.json_schema_extra = _without_default
            fields[name] = field.annotation, left_out
    return create_model(re.sub("(In|Change)$", "Patch", model.__name__), __base__=Body, **fields)


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]


class Reply(BaseModel):
    """A JSON reply."""

    model_config = ConfigDict(from_attributes=True)


def changed(known: Reply, sent: Body) -> dict[str, Any]:
    """Return all the facts that a change can name: those sent, and for the others what is known."""
    named = type(sent).model_fields
    return {**known.model_dump(include=set(named)), **sent.model_dump(exclude_unset=True)}


class StrictAdapter(PydanticAdapter):
    """Reads bodies as JSON alone, and answers in the house's errors with the path of every wrong field."""

    def validate_input(self, request: Request, location: str, **_: Any) -> BaseModel:
        """Return the input as its model. Raises Invalid."""
        data = _read_json(request) if location == "json" else request.args.to_dict()
        data, implied_steps = self.model_class.arranged(data)  # type: ignore[attr-defined]  # an Input
        try:
            return self.model_class.model_validate(data)
        except ValidationError as error:
            raise Invalid(_problems(error.errors(include_url=False, include_input=False), implied_steps)) from None


registry.register("pydantic", StrictAdapter)


def _read_json(request: Request) -> Any:
    try:
        return json.loads(request.get_data())
    except (ValueError, RecursionError):
        raise Invalid.one("body", "json") from None


def _problems(errors: Sequence[ErrorDetails], implied_steps: int) -> list[Problem]:
    return [Problem(_path(error["loc"][implied_steps:]), *_code(error)) for error in errors[:MOST_PROBLEMS]]


def _path(location: tuple[int | str, ...]) -> str:
    """Return where in the input something is wrong, as one would write it: fixes[3].lat."""
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step[:50]}" if path else step[:50]
    return path or "body"


def _code(error: ErrorDetails) -> tuple[str, dict[str, Any]]:
    """Return our code for a pydantic error, with the facts that its text needs."""
    facts = error.get("ctx", {})
    match error["type"]:
        case "instant" | "date" | "characters" | "missing" | "percent" as own:
            return own, {}
        case "extra_forbidden":
            return "extra", {}
        # A text that is read by a function of ours is a "Value" of some length.
        case "string_too_long" | "too_long":
            many = error["type"] == "too_long" and facts["field_type"] != "Value"
            return "too_many" if many else "too_long", {"most": facts["max_length"]}
        case "too_short":
            return "missing", {}
        case "greater_than_equal":
            return "least", {"least": facts["ge"]}
        case "less_than_equal":
            return "most", {"most": facts["le"]}
        case "literal_error":
            return "choice", {"choices": facts["expected"].replace("'", "").replace(" or ", ", ")}
        case _:
            return "type", {}
