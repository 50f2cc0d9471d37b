"""Can a manager change when customers are told, in plain words, and go back?"""

from __future__ import annotations

import re

import pytest

from app import i18n
from app.operations.policy import change_policy, current_policy, policy_versions
from app.rules.policy import Policy
from app.rules.terms import GROUPS, TERMS, UNITS
from tests.web.pages import post, values


@pytest.fixture
def manager(signed_in):
    return signed_in("manager")


@pytest.fixture
def save(manager):
    """Return a function that types something into the page and saves it."""

    def saved(**typed):
        form = values(manager.get("/policy").text)
        ticked = {"arriving_soon": form["arriving_soon"]}
        return post(manager, "/policy", {**form, **ticked, **typed})

    return saved


def in_force(db):
    with db.read() as session:
        return current_policy(session), len(policy_versions(session, 100))


def test_saving_the_page_as_it_is_changes_nothing(save, db):
    assert save().status_code == 303
    assert in_force(db) == (Policy(), 0)


def test_a_change_is_kept_marked_and_listed_with_who_did_it(save, manager, db):
    reply = save(last_share="55", quote_max_min="30", quiet_from="9:30", quote_stretch="1.3")
    assert reply.location == "/policy?saved=1"
    changed = Policy(last_share=0.55, quote_max_min=30, quiet_from="09:30", quote_stretch=1.3)
    assert in_force(db) == (changed, 1)
    page = manager.get("/policy").text
    assert page.count("変更済み") == 4
    assert f"標準:{100 * Policy().last_share:g}%" in page
    assert f"お約束の時刻になったとき {100 * Policy().last_share:g}% → <b>55%</b>" in page
    assert "manager" in page[page.index('id="versions"') :]


def test_digits_of_full_width_count_and_a_box_can_be_unticked(save, db):
    save(last_share=" 55.5 ")
    assert in_force(db)[0] == Policy(last_share=0.555)
    save(arriving_soon="")
    assert in_force(db)[0] == Policy(last_share=0.555, arriving_soon=False)


@pytest.mark.parametrize(
    ("name", "typed", "words"),
    [
        ("last_share", "", "入力してください"),
        ("last_share", "half", "数字で入力してください"),
        ("last_share", "150", "5から99の間"),
        ("last_share", "nan", "5から99の間"),
        ("most_late", "1.5", "整数で入力してください"),
        ("quiet_from", "25:00", "時刻を"),
        ("driving_lead_min", "8", "「『迫ったとき』の始まり」より大きく"),
        ("driving_share", "50", "「お約束が迫ったとき」以上に"),
        ("quote_min_min", "60", ""),
    ],
)
def test_what_makes_no_sense_is_said_beside_the_field_and_what_was_typed_is_kept(save, db, name, typed, words):
    reply = save(**{name: typed, "persist_s": "77"})
    assert reply.status_code == 422
    shown = values(reply.text)
    assert (shown[name], shown["persist_s"]) == (typed, "77")
    if words:
        wrong = re.search(rf'id="{name}-wrong">([^<]*)<', reply.text)
        assert wrong is not None
        assert words in wrong[1]
    else:
        assert 'id="quote_max_min-wrong"' in reply.text
    assert in_force(db) == (Policy(), 0)


def test_going_back_is_one_press(save, manager, db):
    save(last_share="55")
    save(last_share="45")
    post(manager, "/policy/versions/1")
    assert in_force(db) == (Policy(last_share=0.55), 3)
    post(manager, "/policy/versions/0")
    assert in_force(db) == (Policy(), 4)
    assert post(manager, "/policy/versions/99").status_code == 404


def test_two_managers_do_not_undo_each_other_unseen(manager, save, db, clock):
    form = values(manager.get("/policy").text)
    with db.write() as session:
        change_policy(session, {"persist_s": 60.0}, actor="user:3", now=clock.now())
    reply = post(manager, "/policy", {**form, "last_share": "55"})
    assert reply.status_code == 412
    assert "ほかの人が先に" in reply.text
    assert values(reply.text)["last_share"] == "55"
    assert in_force(db)[0] == Policy(persist_s=60.0)
    again = {**values(reply.text), "arriving_soon": "1"}
    assert post(manager, "/policy", again).status_code == 303
    assert in_force(db)[0] == Policy(last_share=0.55)


@pytest.mark.parametrize("role", ["technician", "dispatcher"])
def test_only_a_manager_decides_it(signed_in, role):
    client = signed_in(role)
    assert client.get("/policy").status_code == 403
    assert '"/policy"' not in client.get("/", follow_redirects=True).text


@pytest.mark.parametrize("locale", i18n.LOCALES)
def test_every_parameter_group_and_unit_has_its_words(locale):
    keys = [f"policy.{name}{end}" for name in TERMS for end in ("", "_hint")]
    keys += [f"policy.{word}_{group}" for word in ("group", "lead") for group in GROUPS]
    keys += [f"policy.with_{unit}" for unit in UNITS if unit != "yes"]
    assert [key for key in keys if not i18n.has(key, locale)] == []
