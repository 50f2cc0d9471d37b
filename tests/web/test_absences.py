"""Days off, as another program enters and asks for them."""

from __future__ import annotations

from tests.web.test_api import api, problem

__all__ = ["api"]

WEDNESDAY = {"from": "2026-11-25T00:00:00+09:00", "until": "2026-11-26T00:00:00+09:00"}


def test_time_off_is_entered_listed_and_taken_back(api, world):
    in_the_way = world.visit(18 * 60)
    made = api(
        "POST", "/absences", {"technician": world.technician, **WEDNESDAY, "all_day": True, "reason": "有給休暇"}
    )
    assert made.status_code == 201, made.text
    assert made.json["from"] == WEDNESDAY["from"]
    assert [one["visit"] for one in made.json["in_the_way"]] == [in_the_way]
    (listed,) = api("GET", "/absences", query_string={"technician": world.technician}).json["items"]
    assert (listed["reason"], listed["until"], listed["source"]) == ("有給休暇", WEDNESDAY["until"], "entered")
    assert api("GET", f"/absences/{listed['id']}").json == listed
    assert api("DELETE", f"/absences/{listed['id']}").status_code == 204
    assert api("GET", "/absences").json["items"] == []
    assert api("DELETE", f"/absences/{listed['id']}").status_code == 404


def test_what_is_over_can_be_left_out(api, world):
    assert api("POST", "/absences", {**WEDNESDAY, "recurrence": ""}).json["recurrence"] is None
    after = {"query_string": {"from": WEDNESDAY["until"]}}
    assert api("GET", "/absences", **after).json["items"] == []
    api("POST", "/absences", {**WEDNESDAY, "recurrence": "FREQ=MONTHLY;BYMONTHDAY=25"})
    assert len(api("GET", "/absences", **after).json["items"]) == 1


def test_a_closed_time_is_refused_with_its_reason_and_booked_for_who_insists(api, world):
    api("POST", "/absences", {**WEDNESDAY, "reason": "棚卸し"})
    wish = {
        "customer": world.customer, "site": world.site, "service": world.service, "technician": world.technician,
        "promised_from": "2026-11-25T10:00:00+09:00", "promised_until": "2026-11-25T10:00:00+09:00",
    }  # fmt: skip
    refused = api("POST", "/visits", wish).json
    assert (refused["reason"], refused["facts"]) == ("closed", {"why": "company", "note": "棚卸し"})
    made = api("POST", "/visits", {**wish, "insist": True})
    assert made.status_code == 201, made.text
    move = {"promised_from": "2026-11-25T13:00:00+09:00"}
    assert api("PATCH", f"/visits/{made.json['id']}", move).json["reason"] == "closed"
    assert api("PATCH", f"/visits/{made.json['id']}", {**move, "insist": True}).status_code == 200


def test_a_rule_that_cannot_be_read_names_its_field(api, world):
    wish = {**WEDNESDAY, "recurrence": "FREQ=SECONDLY"}
    assert problem(api("POST", "/absences", wish), 422) == {"recurrence": "recurrence"}
