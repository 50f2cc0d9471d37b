"""Technicians and the credentials of their phones."""

from __future__ import annotations

import pytest

from app.auth import actor_of_device
from app.errors import Invalid, NotFound
from app.operations.technician import add_device, create_technician, find_technician


def test_a_technician_comes_with_a_working_device_credential(db, clock):
    hours = {"tue": [("09:00", "12:00"), ("13:00", "24:00")], "mon": [("09:00", "18:00")]}
    with db.write() as session:
        made, device = create_technician(
            session, name=" 佐藤 ", now=clock.now(), skills=["lan", "lan", "wifi"], working_hours=hours
        )
    with db.read() as session:
        found = find_technician(session, made.id)
        assert (found.name, found.skills) == ("佐藤", ["lan", "wifi"])
        assert found.working_hours == {"mon": [["09:00", "18:00"]], "tue": [["09:00", "12:00"], ["13:00", "24:00"]]}
        assert actor_of_device(session, token=device.secret, username=device.username).technician_id == made.id
        assert device.secret not in str([vars(d) for d in found.devices])


@pytest.mark.parametrize(
    ("hours", "field"),
    [
        ({"monday": []}, "working_hours.monday"),
        ({"mon": [("18:00", "09:00")]}, "working_hours.mon"),
        ({"mon": [("9:00", "18:00")]}, "working_hours.mon"),
        ({"mon": [("09:00", "25:00")]}, "working_hours.mon"),
        ({"mon": [("09:00",)]}, "working_hours.mon"),
        ({"mon": [("09:00", "13:00"), ("12:00", "18:00")]}, "working_hours.mon"),
    ],
)
def test_hours_that_are_none_are_refused(db, clock, hours, field):
    with pytest.raises(Invalid) as refused, db.write() as session:
        create_technician(session, name="佐藤", now=clock.now(), working_hours=hours)
    assert [p.field for p in refused.value.problems] == [field]


def test_every_wrong_field_is_named(db, clock):
    with pytest.raises(Invalid) as refused, db.write() as session:
        create_technician(
            session, name="", now=clock.now(), language="xx", travels_by="jet", skills=["", "x" * 51], base_lat=1.0
        )
    assert [p.field for p in refused.value.problems] == [
        "name", "language", "travels_by", "skills[0]", "skills[1]", "base.lon",
    ]  # fmt: skip


def test_one_more_phone_gets_its_own_credential(db, world, clock):
    with db.write() as session:
        first, second = (add_device(session, world.technician, clock.now()) for _ in range(2))
        assert first.secret != second.secret
        with pytest.raises(NotFound):
            add_device(session, 999, clock.now())
