"""Does the first visitor set the company up, and does only the right password open the door afterwards?"""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.models import Company, SignIn, User
from app.web.forms import local_path
from tests.web.pages import post, token, values

SETUP = {
    "name": "アオバPCサポート株式会社",
    "short_name": "アオバPC",
    "phone": "03-1234-5678",
    "phone_hours": "8:00〜21:00",
    "sender_role": "配車担当",
    "sender_name": "小林",
    "user_name": "小林 誠",
    "email": "Kobayashi@Example.JP",
    "password": "ten letters long",
}
DISPATCHER = {"email": "dispatcher@example.jp", "password": "correct horse"}


def test_an_empty_database_leads_to_the_setup(client):
    reply = client.get("/", follow_redirects=True)
    assert reply.status_code == 200
    assert reply.request.path == "/setup"


def test_the_setup_makes_the_company_and_its_admin_and_signs_in(client, db):
    reply = post(client, "/setup", SETUP)
    assert (reply.status_code, reply.location) == (302, "/")
    assert client.get("/").status_code == 200
    assert client.get("/users").status_code == 200
    with db.read() as session:
        company = session.get(Company, 1)
        assert (company.name, company.short_name, company.phone) == (SETUP["name"], "アオバPC", "+81312345678")
        user = session.scalars(select(User)).one()
        assert (user.email, user.role, user.name) == ("kobayashi@example.jp", "admin", "小林 誠")


def test_the_setup_is_closed_when_it_is_done(client, world, db):
    assert client.get("/setup").location == "/account/sign-in"
    assert post(client, "/setup", SETUP).status_code == 409
    with db.read() as session:
        assert session.get(Company, 1).name != SETUP["name"]


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("wrong", "value", "field"),
    [
        ("short_name", "アオバPCサポートセンター", "short_name"),
        ("name", " ", "name"),
        ("phone", "12", "phone"),
        ("phone", "", "phone"),
        ("user_name", "", "user_name"),
        ("email", "nobody", "email"),
        ("password", "short", "password"),
    ],
)
def test_a_wrong_field_of_the_setup_is_named_and_nothing_is_kept_or_lost(client, db, wrong, value, field):
    reply = post(client, "/setup", {**SETUP, wrong: value})
    assert reply.status_code == 422
    assert f'id="{field}-wrong"' in reply.text
    assert reply.text.count('class="wrong"') == 1
    shown = values(reply.text)
    assert {name: shown[name] for name in SETUP if name not in ("password", wrong)} == {
        name: text for name, text in SETUP.items() if name not in ("password", wrong)
    }
    assert shown["password"] == ""
    with db.read() as session:
        assert session.scalars(select(User.id)).all() == []
        assert session.get(Company, 1) is None


def test_everything_wrong_with_the_setup_is_told_at_once(client):
    reply = post(client, "/setup", {**SETUP, "name": "", "email": "x", "user_name": "", "password": ""})
    for field in ("name", "email", "user_name", "password"):
        assert f'id="{field}-wrong"' in reply.text


def test_a_page_asks_for_the_sign_in_and_comes_back_to_itself(client, world):
    reply = client.get("/customers?q=x")
    assert reply.location == "/account/sign-in?next=/customers?q%3Dx"
    shown = client.get(reply.location)
    assert values(shown.text)["next"] == "/customers?q=x"
    reply = post(client, "/account/sign-in", {**DISPATCHER, "next": "/customers?q=x"})
    assert (reply.status_code, reply.location) == (302, "/customers?q=x")


def test_a_wrong_password_is_refused_without_saying_what_was_wrong(client, world):
    for email in ("dispatcher@example.jp", "nobody@example.jp"):
        reply = post(client, "/account/sign-in", {"email": email, "password": "wrong horse"})
        assert reply.status_code == 403
        assert "メールアドレスまたはパスワードが違います" in reply.text
        assert values(reply.text)["email"] == email
    assert client.get("/").status_code == 302


def test_guessing_passwords_is_slowed_down(client, world):
    form = {**DISPATCHER, "password": "wrong horse", "csrf_token": token(client)}
    replies = [client.post("/account/sign-in", data=form).status_code for _ in range(12)]
    assert replies[0] == 403
    assert replies[-1] == 429


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "evil",
        "javascript:alert(1)",
        "",
    ],
)
def test_a_sign_in_leads_only_to_pages_of_ours(client, world, wanted):
    assert local_path(wanted) == "/"
    assert post(client, "/account/sign-in", {**DISPATCHER, "next": wanted}).location == "/"


def test_a_sign_in_begins_the_browsers_session_anew(client, world):
    with client.session_transaction() as cookie:
        cookie["planted"] = "before"
    post(client, "/account/sign-in", DISPATCHER)
    with client.session_transaction() as cookie:
        assert "planted" not in cookie


def test_a_sign_out_ends_the_session_on_the_server_too(signed_in, db):
    client = signed_in("dispatcher")
    with client.session_transaction() as cookie:
        kept = dict(cookie)
    assert post(client, "/account/sign-out").location == "/account/sign-in"
    with client.session_transaction() as cookie:
        cookie.update(kept)
    assert client.get("/").status_code == 302
    assert client.get("/account/sign-out").status_code == 405


def test_a_form_without_the_token_changes_nothing(signed_in):
    assert signed_in("dispatcher").post("/account/sign-out").status_code == 400


def test_the_language_stays_with_the_person(signed_in, db):
    client = signed_in("dispatcher")
    assert "配車盤" in client.get("/").text
    reply = post(client, "/account/language", {"language": "en", "next": "/customers"})
    assert reply.location == "/customers"
    assert "Nothing needs you now" in client.get("/").text
    with db.read() as session:
        assert session.scalar(select(User.language).where(User.email == "dispatcher@example.jp")) == "en"
    signed_in("dispatcher")
    assert "Nothing needs you now" in client.get("/").text


def test_a_new_password_signs_every_other_browser_out(signed_in, app, db):
    client = signed_in("dispatcher")
    other = app.test_client()
    post(other, "/account/sign-in", DISPATCHER)
    assert other.get("/").status_code == 200
    form = {"old": "correct horse", "password": "a longer password", "again": "a longer password"}
    assert post(client, "/account/password", form).status_code == 302
    assert client.get("/").status_code == 200
    assert other.get("/").status_code == 302
    assert post(other, "/account/sign-in", DISPATCHER).status_code == 403
    assert post(other, "/account/sign-in", {**DISPATCHER, "password": "a longer password"}).status_code == 302


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"old": "wrong"}, "old"),
        ({"again": "something else"}, "again"),
        ({"password": "short", "again": "short"}, "password"),
    ],
)
def test_a_password_is_changed_only_by_who_knows_it(signed_in, change, field):
    form = {"old": "correct horse", "password": "a longer password", "again": "a longer password", **change}
    reply = post(signed_in("dispatcher"), "/account/password", form)
    assert reply.status_code == 422
    assert f'id="{field}-wrong"' in reply.text


def test_a_technician_is_sent_to_the_page_for_technicians(signed_in):
    assert signed_in("technician").get("/").location == "/t"


def test_a_user_without_access_is_signed_out_at_once(signed_in, db):
    client = signed_in("dispatcher")
    with db.write() as session:
        session.scalars(select(User).where(User.role == "dispatcher")).one().active = False
        assert session.scalars(select(SignIn)).all()
    assert client.get("/").status_code == 302
