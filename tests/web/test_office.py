"""Can the office keep customers, technicians, services, users and the company, and can nobody else?"""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app import auth
from app.errors import NotAllowed
from app.models import Branch, Company, Customer, Device, PhoneLink, Service, Site, Technician, User, Visit
from app.operations.notice import News, Telling, add_notice
from app.rules.access import ROLES, may
from tests.web.pages import post, values

#: What each page for people at a desk needs; a new page without a line here fails the test below.
NEEDS = {
    "account.setup": "public",
    "account.set_up": "public",
    "account.sign_in": "public",
    "account.enter": "public",
    "account.sign_out": "public",
    "account.own": "anybody",
    "account.change_password": "anybody",
    "account.change_language": "anybody",
    "dispatch.board": "dispatch",
    "dispatch.board_now": "dispatch",
    "dispatch.clear": "dispatch",
    "dispatch.visits.visit": "dispatch",
    "dispatch.visits.move": "dispatch",
    "dispatch.visits.cancel": "dispatch",
    "dispatch.visits.waive": "dispatch",
    "dispatch.visits.set_status": "dispatch",
    "dispatch.visits.undo": "dispatch",
    "dispatch.visits.set_eta": "dispatch",
    "dispatch.visits.clear_here": "dispatch",
    "dispatch.visits.photo": "dispatch",
    "dispatch.visits.release": "dispatch",
    "dispatch.visits.repair": "dispatch",
    "dispatch.replan.ask": "dispatch",
    "dispatch.replan.begin": "dispatch",
    "dispatch.replan.ways": "dispatch",
    "dispatch.replan.cancel": "dispatch",
    "dispatch.replan.apply": "dispatch",
    "dispatch.replan.undo": "dispatch",
    "dispatch.optimise.day": "dispatch",
    "dispatch.optimise.begin": "dispatch",
    "dispatch.optimise.cancel": "dispatch",
    "dispatch.optimise.apply": "dispatch",
    "dispatch.optimise.undo": "dispatch",
    "dispatch.visits.ask_customer": "dispatch",
    "dispatch.visits.take_question_back": "dispatch",
    "dispatch.visits.settle": "dispatch",
    "dispatch.booking.new_visit": "dispatch",
    "dispatch.booking.book": "dispatch",
    "dispatch.booking.customers": "dispatch",
    "dispatch.brake.brake": "dispatch",
    "dispatch.brake.settle": "dispatch",
    "dispatch.moves.foreseen": "dispatch",
    "dispatch.moves.panel": "dispatch",
    "dispatch.moves.place": "dispatch",
    "dispatch.offers.offers": "dispatch",
    "dispatch.offers.hold": "dispatch",
    "dispatch.booking.geocode": "dispatch",
    "dispatch.inbox.conversations": "dispatch",
    "dispatch.inbox.list_now": "dispatch",
    "dispatch.inbox.conversation": "dispatch",
    "dispatch.inbox.conversation_now": "dispatch",
    "dispatch.inbox.send_answer": "dispatch",
    "dispatch.inbox.mark_handled": "dispatch",
    "dispatch.inbox.assign_to": "dispatch",
    "dispatch.incidents.incidents": "dispatch",
    "dispatch.incidents.new_incident": "dispatch",
    "dispatch.incidents.begin": "dispatch",
    "dispatch.incidents.incident": "dispatch",
    "dispatch.incidents.update": "dispatch",
    "dispatch.incidents.close": "dispatch",
    "dispatch.incidents.reopen": "dispatch",
    "dispatch.incidents.report": "dispatch",
    "dispatch.incidents.add": "dispatch",
    "dispatch.incidents.leave": "dispatch",
    "office.customers": "dispatch",
    "office.new_customer": "dispatch",
    "office.add_customer": "dispatch",
    "office.change_way": "dispatch",
    "office.customer": "dispatch",
    "office.save_customer": "dispatch",
    "office.new_site": "dispatch",
    "office.add_new_site": "dispatch",
    "office.site": "dispatch",
    "office.save_site": "dispatch",
    "office.technicians": "dispatch",
    "office.days_off": "dispatch",
    "office.add_day_off": "dispatch",
    "office.take_day_off_back": "dispatch",
    "office.set_holidays": "settings",
    "office.technician": "dispatch",
    "office.new_link": "dispatch",
    "office.new_feed": "dispatch",
    "office.stop_feed": "dispatch",
    "office.read_calendar": "dispatch",
    "office.stop_calendar": "dispatch",
    "office.new_technician": "settings",
    "office.add_technician": "settings",
    "office.edit_technician": "settings",
    "office.save_technician": "settings",
    "office.new_device": "settings",
    "office.end_device": "settings",
    "office.backtests": "settings",
    "office.begin_backtest": "settings",
    "office.preview_policy": "settings",
    "office.backtest": "settings",
    "office.backtest_file": "settings",
    "office.stop_backtest": "settings",
    "office.use_backtest": "settings",
    "office.invoices": "dispatch",
    "office.new_invoice": "dispatch",
    "office.make_invoice": "dispatch",
    "office.invoice": "dispatch",
    "office.pay_invoice": "dispatch",
    "office.send": "dispatch",
    "office.pay_invoice_back": "dispatch",
    "office.make_receipt": "dispatch",
    "office.credit_invoice": "settings",
    "office.paper_file": "dispatch",
    "office.branches": "settings",
    "office.new_branch": "settings",
    "office.add_branch": "settings",
    "office.branch": "settings",
    "office.change_branch": "settings",
    "office.services": "settings",
    "office.add_service": "settings",
    "office.service": "settings",
    "office.change_service": "settings",
    "office.learning": "settings",
    "office.learn_anew": "settings",
    "office.undo_anew": "settings",
    "office.company": "settings",
    "office.save_company": "settings",
    "office.wording": "settings",
    "office.wording_of": "settings",
    "office.save_wording_of": "settings",
    "office.preview_wording_of": "settings",
    "office.restore_wording_of": "settings",
    "office.policy": "settings",
    "office.prices": "settings",
    "office.save_json": "settings",
    "office.save_prices": "settings",
    "office.take_prices": "settings",
    "office.export_prices": "settings",
    "dispatch.quotes.quote": "dispatch",
    "dispatch.estimates.price": "dispatch",
    "dispatch.visits.ask_price": "dispatch",
    "dispatch.quotes.new_quote": "dispatch",
    "dispatch.quotes.send": "dispatch",
    "dispatch.quotes.handed": "dispatch",
    "dispatch.quotes.withdrawal": "dispatch",
    "dispatch.quotes.record_withdrawal": "dispatch",
    "office.save_policy": "settings",
    "office.restore": "settings",
    "office.webhooks": "settings",
    "office.add_program": "settings",
    "office.webhook": "settings",
    "office.save_webhook": "settings",
    "office.new_secret": "settings",
    "office.test_webhook": "settings",
    "office.pause": "settings",
    "office.resume": "settings",
    "office.remove": "settings",
    "office.message_again": "settings",
    "office.lists": "settings",
    "office.send_file": "settings",
    "office.list_sent": "settings",
    "office.take_file": "settings",
    "office.forget_file": "settings",
    "office.customers_csv": "settings",
    "office.visits_csv": "settings",
    "office.users": "users",
    "office.add_user": "users",
    "office.user": "users",
    "office.save_user": "users",
}


def routes(app):
    for rule in app.url_map.iter_rules():
        if rule.endpoint.split(".")[0] in ("account", "dispatch", "office"):
            path = re.sub(r"<[^>]*>", "1", rule.rule)
            for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
                yield rule.endpoint, method, path


def test_every_page_of_the_desk_says_what_it_needs(app):
    assert {endpoint for endpoint, _, _ in routes(app)} == set(NEEDS)


def test_no_page_of_the_desk_opens_without_a_sign_in(app, client, world):
    app.config["WTF_CSRF_ENABLED"] = False
    for endpoint, method, path in routes(app):
        if NEEDS[endpoint] == "public":
            continue
        reply = client.open(path, method=method)
        if method == "GET":
            assert reply.status_code == 302, path
            assert reply.location.startswith("/account/sign-in?next="), path
        else:
            assert reply.status_code == 403, path


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize("role", ROLES)
def test_every_page_of_the_desk_refuses_roles_that_are_too_low(app, signed_in, role):
    app.config["WTF_CSRF_ENABLED"] = False
    client = signed_in(role)
    for endpoint, method, path in routes(app):
        needed = NEEDS[endpoint]
        if needed in ("public", "anybody"):
            continue
        reply = client.open(path, method=method)
        if endpoint == "dispatch.board" and role == "technician":
            assert reply.location == "/t"
        elif may(role, needed):
            assert reply.status_code not in (401, 403, 500), (endpoint, reply.status_code)
        else:
            assert reply.status_code == 403, (endpoint, reply.status_code)


@pytest.fixture
def manager(signed_in):
    return signed_in("manager")


@pytest.fixture
def admin(signed_in):
    return signed_in("admin")


def one(db, table, **facts):
    with db.read() as session:
        return session.scalars(select(table).filter_by(**facts)).one()


CUSTOMER = {
    "name": "高橋 恵",
    "kind": "individual",
    "language": "en",
    "mobile": "090-8765-4321",
    "phone": "03-1111-2222",
    "email": "megumi@example.jp",
    "line_id": "",
    "notices": "delays",
    "first_channel": "email",
}


def test_a_customer_is_added_found_and_changed(signed_in, db):
    office = signed_in("dispatcher")
    reply = post(office, "/customers/new", CUSTOMER)
    customer = one(db, Customer, name="高橋 恵")
    assert reply.location == f"/customers/{customer.id}?saved=1"
    assert (customer.mobile, customer.phone, customer.language, customer.line_id) == (
        "+819087654321",
        "+81311112222",
        "en",
        None,
    )
    assert "090-8765-4321" in office.get(f"/customers/{customer.id}").text
    assert "高橋 恵" in office.get("/customers?q=8765").text
    assert "高橋 恵" not in office.get("/customers?q=nobody").text
    assert (customer.notices, customer.first_channel) == ("delays", "email")
    changed = {**CUSTOMER, "mobile": "", "name": "高橋 めぐみ", "notices": "none", "first_channel": ""}
    post(office, f"/customers/{customer.id}", changed)
    customer = one(db, Customer, name="高橋 めぐみ")
    assert (customer.mobile, customer.notices, customer.first_channel) == (None, "none", None)
    assert "遅れても自動では連絡しません" in office.get(f"/customers/{customer.id}").text


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"mobile": "0312345678"}, "mobile"),
        ({"email": "x"}, "email"),
        ({"notices": "some"}, "notices"),
        ({"first_channel": "pigeon"}, "first_channel"),
    ],
)
def test_a_wrong_customer_is_shown_again_as_typed_and_nothing_changes(signed_in, db, world, changes, field):
    office = signed_in("dispatcher")
    for path in ("/customers/new", f"/customers/{world.customer}"):
        reply = post(office, path, {**CUSTOMER, **changes})
        assert reply.status_code == 422
        assert f'id="{field}-wrong"' in reply.text
        assert values(reply.text)["phone"] == "03-1111-2222"
    assert one(db, Customer).name == "山田 花子"


def test_a_site_is_added_and_its_position_set(signed_in, db, world):
    office = signed_in("dispatcher")
    post(office, f"/customers/{world.customer}/sites/new", {"address": "和歌山市2-2", "lat": "", "lon": ""})
    site = one(db, Site, address="和歌山市2-2")
    assert "位置なし" in office.get(f"/customers/{world.customer}").text
    reply = post(office, f"/sites/{site.id}", {"address": "和歌山市2-2", "lat": "34.2", "lon": "135.2"})
    assert reply.status_code == 303
    assert one(db, Site, id=site.id).located_by == "given"
    reply = post(office, f"/sites/{site.id}", {"address": "", "lat": "95", "lon": "135.2"})
    assert reply.status_code == 422
    assert 'id="address-wrong"' in reply.text
    assert 'id="lat-wrong"' in reply.text


def test_a_long_list_is_paged(signed_in, db, clock):
    office = signed_in("dispatcher")
    with db.write() as session:
        session.add_all(Customer(name=f"客{number:03}", created_at=clock.now()) for number in range(120))
    first, second = office.get("/customers?q=客").text, office.get("/customers?q=客&page=2").text
    assert ("客000" in first, "客050" in first, "客050" in second) == (True, False, True)
    assert 'rel="next"' in second
    assert 'rel="next"' not in office.get("/customers?q=客&page=3").text
    for nonsense in ("0", "-1", "x", "99999999999"):
        assert office.get(f"/customers?page={nonsense}").status_code == 200


def test_empty_lists_say_what_to_do_next(client, app, db, clock):
    with db.write() as session:
        auth.create_user(
            session,
            email="a@example.jp",
            name="a",
            role="admin",
            password="correct horse",
            language="ja",
            now=clock.now(),
        )
    post(client, "/account/sign-in", {"email": "a@example.jp", "password": "correct horse"})
    for path, word in (
        ("/", "担当を登録"),
        ("/customers", "訪問を入れる"),
        ("/technicians", "担当を登録"),
        ("/services", "作業の種類を登録"),
        ("/visits/new", "作業の種類を登録"),
        ("/company", "会社の設定"),
    ):
        assert word in client.get(path).text, path


TECHNICIAN = {
    "name": "鈴木 直樹",
    "language": "ja",
    "travels_by": "bicycle",
    "skills": "Wi-Fi、サーバー, 電話",
    "mon_from": "9:00",
    "mon_until": "18:00",
    "lat": "34.7",
    "lon": "135.5",
    "active": "1",
}


def test_a_technician_is_added_with_a_week_and_changed(manager, db):
    post(manager, "/technicians/new", TECHNICIAN)
    added = one(db, Technician, name="鈴木 直樹")
    assert added.working_hours == {"mon": [["09:00", "18:00"]]}
    assert (added.skills, added.travels_by, added.base_lat) == (["Wi-Fi", "サーバー", "電話"], "bicycle", 34.7)
    shown = values(manager.get(f"/technicians/{added.id}/edit").text)
    assert (shown["mon_from"], shown["tue_from"], shown["lat"]) == ("09:00", "", "34.700000")
    changes = {**TECHNICIAN, "tue_from": "10:00", "tue_until": "15:00"}
    changes.pop("active")
    assert post(manager, f"/technicians/{added.id}/edit", changes).status_code == 303
    changed = one(db, Technician, id=added.id)
    assert (changed.active, changed.working_hours["tue"]) == (False, [["10:00", "15:00"]])


def test_breaks_that_the_form_does_not_show_survive_it(manager, db, world):
    with db.write() as session:
        session.get(Technician, world.technician).working_hours = {"mon": [["09:00", "12:00"], ["13:00", "18:00"]]}
    form = {**values(manager.get(f"/technicians/{world.technician}/edit").text), "travels_by": "car", "language": "ja"}
    assert post(manager, f"/technicians/{world.technician}/edit", form).status_code == 303
    assert one(db, Technician, id=world.technician).working_hours["mon"] == [["09:00", "12:00"], ["13:00", "18:00"]]


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"mon_until": "08:00"}, "mon_from"),
        ({"mon_until": ""}, "mon_from"),
        ({"lat": "x"}, "lat"),
    ],
)
def test_a_wrong_technician_names_the_field(manager, db, changes, field):
    reply = post(manager, "/technicians/new", {**TECHNICIAN, **changes})
    assert reply.status_code == 422
    assert f'id="{field}-wrong"' in reply.text
    assert values(reply.text)["skills"] == TECHNICIAN["skills"]


def test_a_sign_in_link_is_shown_once_with_its_code_and_works(signed_in, app, db, world):
    office = signed_in("dispatcher")
    page = post(office, f"/technicians/{world.technician}/link").text
    link = values(page.split('id="link"')[0] + '<input name="link" ' + page.split('id="link"')[1])["link"]
    assert 'src="data:image/svg+xml' in page
    assert link.startswith("http://127.0.0.1:8000/t/in/")
    assert link not in office.get(f"/technicians/{world.technician}").text
    phone = app.test_client()
    path = link.removeprefix("http://127.0.0.1:8000")
    shown = phone.get(path)
    assert shown.status_code == 200
    reply = phone.post(path, data={"csrf_token": values(shown.text)["csrf_token"]})
    assert reply.location == "/t"
    with db.read() as session:
        assert session.scalars(select(PhoneLink.used_at)).one() is not None


def test_a_location_credential_is_shown_once_and_can_be_revoked(manager, db, world):
    page = post(manager, f"/technicians/{world.technician}/devices").text
    secret = re.findall(r'<dd class="code">([^<]*)</dd>', page)
    assert secret[0] == "http://127.0.0.1:8000/ingest/owntracks"
    device = one(db, Device)
    assert secret[1] == device.username
    with db.read() as session:
        assert auth.actor_of_device(session, token=secret[2]).technician_id == world.technician
    assert secret[2] not in manager.get(f"/technicians/{world.technician}").text
    post(manager, f"/technicians/{world.technician}/devices/{device.id}/revoke")
    with db.read() as session:
        assert auth.actor_of_device(session, token=secret[2]) is None
    assert post(manager, f"/technicians/999/devices/{device.id}/revoke").status_code == 404


def test_a_branch_is_added_and_a_day_begins_there(manager, db):
    branch = {"name": "難波営業所", "address": "難波1-1", "lat": "34.66", "lon": "135.5"}
    refused = post(manager, "/branches/new", {**branch, "lat": "", "lon": ""})
    assert 'id="lat-wrong"' in refused.text
    assert "難波営業所" in refused.text
    post(manager, "/branches/new", branch)
    known = one(db, Branch, name="難波営業所")
    post(manager, "/technicians/new", {**TECHNICIAN, "branch": str(known.id), "starts_from": "branch"})
    added = one(db, Technician, name="鈴木 直樹")
    assert (added.branch_id, added.starts_from, added.returns_to) == (known.id, "branch", "home")
    assert "営業所から出て自宅へ帰る" in manager.get(f"/technicians/{added.id}").text
    assert "1人" in manager.get("/branches").text
    in_use = post(manager, f"/branches/{known.id}", branch)
    assert 'id="active-wrong"' in in_use.text


def test_a_service_is_added_changed_and_no_longer_offered(manager, db, world):
    form = {"name_ja": "出張診断", "name_en": "Diagnosis", "duration_min": "45"}
    post(manager, "/services", form)
    service = one(db, Service, name_en="Diagnosis")
    assert "出張診断" in manager.get("/visits/new").text
    post(manager, f"/services/{service.id}", {**form, "duration_min": "50"})
    assert (one(db, Service, id=service.id).duration_min, one(db, Service, id=service.id).active) == (50, False)
    assert "出張診断" not in manager.get("/visits/new").text
    for changes, field in (({"name_ja": ""}, "name_ja"), ({"duration_min": "0"}, "duration_min")):
        reply = post(manager, "/services", {**form, **changes})
        assert reply.status_code == 422
        assert f'id="{field}-wrong"' in reply.text


USER = {
    "name": "林",
    "email": "hayashi@example.jp",
    "role": "dispatcher",
    "language": "en",
    "password": "a first password",
}


def test_a_user_is_let_in_promoted_and_put_out(admin, app, db, world):
    post(admin, "/users", USER)
    user = one(db, User, email="hayashi@example.jp")
    colleague = app.test_client()
    post(colleague, "/account/sign-in", {"email": user.email, "password": "a first password"})
    assert "Nothing needs you now" in colleague.get("/").text
    assert colleague.get("/company").status_code == 403
    post(admin, f"/users/{user.id}", {"name": "林", "role": "manager", "active": "1", "password": ""})
    assert colleague.get("/company").status_code == 200
    post(admin, f"/users/{user.id}", {"name": "林", "role": "manager", "password": ""})
    assert colleague.get("/company").status_code == 302
    with db.read() as session, pytest.raises(NotAllowed):
        auth.sign_in(session, email=user.email, password="a first password", now=user.created_at)


def test_the_last_admin_cannot_lock_everybody_out(admin, db):
    own = one(db, User, role="admin")
    for form in ({"name": "x", "role": "manager", "active": "1"}, {"name": "x", "role": "admin"}):
        reply = post(admin, f"/users/{own.id}", form)
        assert reply.status_code == 409
        assert "管理者が一人もいなくなる" in reply.text
    assert one(db, User, role="admin").active


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("changes", "status"),
    [({"name": ""}, 422), ({"email": "x"}, 422), ({"email": "a@b.jp\nc"}, 422), ({"password": "short"}, 422),
     ({"role": "king"}, 422), ({"email": "admin@example.jp"}, 409)],
)  # fmt: skip
def test_a_wrong_user_is_refused_and_shown_again(admin, changes, status):
    reply = post(admin, "/users", {**USER, **changes})
    assert reply.status_code == status
    assert USER["password"] not in reply.text


def test_the_company_is_changed_by_a_manager(manager, db):
    shown = values(manager.get("/company").text)
    assert (shown["short_name"], shown["phone"]) == ("アオバPC", "03-1234-5678")
    reply = post(manager, "/company", {**shown, "short_name": "アオバ", "phone": "0120-444-113"})
    assert reply.location == "/company?saved=1"
    assert one(db, Company).phone == "+81120444113"
    for hours, status in (("6", 303), ("337", 422), ("-1", 422), ("", 422)):
        typed = {**shown, "short_name": "アオバ", "self_move_h": hours, "self_cancel": ""}
        assert post(manager, "/company", typed).status_code == status
    assert (one(db, Company).self_move_h, one(db, Company).self_cancel) == (6, False)
    reply = post(manager, "/company", {**shown, "short_name": "とても長い会社の呼び名です"})
    assert reply.status_code == 422
    assert values(reply.text)["short_name"] == "とても長い会社の呼び名です"
    assert one(db, Company).short_name == "アオバ"


def test_a_way_is_closed_and_opened_on_the_customers_word(app, signed_in, world, db):
    app.config["WTF_CSRF_ENABLED"] = False
    client, page = signed_in("dispatcher"), f"/customers/{world.customer}"
    assert "停止中" not in client.get(page).text
    no_word = client.post(f"{page}/ways", data={"channel": "sms", "is_open": "no", "words": " "})
    assert no_word.status_code == 422
    assert 'id="words-wrong"' in no_word.text
    for bad in ({"channel": "pigeon", "is_open": "no"}, {"channel": "sms", "is_open": "perhaps"}):
        assert client.post(f"{page}/ways", data={**bad, "words": "x"}).status_code == 422
    word = {"channel": "sms", "words": "11/24 お電話で、ご本人から"}
    assert client.post(f"{page}/ways", data={**word, "is_open": "no"}).status_code == 303
    shown = client.get(page).text
    assert "停止中" in shown
    assert "11/24 お電話で、ご本人から" in shown
    visit_id = world.visit()
    seen = client.get(f"/visits/{visit_id}").text
    assert "SMSは停止中" in seen
    assert "お客様のお申し出" in seen
    client.post(f"{page}/ways", data={**word, "is_open": "yes"})
    assert "SMSは停止中" not in client.get(f"/visits/{visit_id}").text
    assert "これまでの記録(2件)" in client.get(page).text
    assert client.post("/customers/4711/ways", data={**word, "is_open": "no"}).status_code == 404


def test_whom_nothing_reaches_by_itself_is_called_and_the_office_knows_beforehand(signed_in, world, db, parts):
    client, page, visit = signed_in("dispatcher"), f"/customers/{world.customer}", f"/visits/{world.visit()}"
    warning = "自動でお知らせできる手段がありません"
    for path in (page, visit):
        assert warning not in client.get(path).text  # nothing is set up yet: all is printed
    parts.channels = {"line": None}
    for path in (page, visit):
        assert warning in client.get(path).text
    assert "未設定の手段" in client.get(page).text
    parts.channels = {"email": None}
    for path in (page, visit):
        assert warning not in client.get(path).text


def test_the_desk_is_told_once_that_nothing_is_sent_while_no_way_is_set(signed_in, parts):
    office = signed_in("dispatcher")
    page = office.get("/").text
    assert page.count("お客様には届きません") == 1
    assert "MAMONAKU_SMTP_URL" not in page
    assert "MAMONAKU_SMTP_URL" in signed_in("admin").get("/").text
    parts.channels = {"sms": object()}
    assert "お客様には届きません" not in office.get("/").text


def test_what_was_only_printed_is_not_called_sent(signed_in, parts, world, db, clock):
    visit_id = world.visit(60)
    with db.write() as session:
        telling = Telling("https://a.jp", parts.settings.zone, parts.channels)
        visit = session.get_one(Visit, visit_id)
        add_notice(session, visit, News("cancelled", "cancelled"), telling, clock.now()).rest("sent", None)
    page = signed_in("dispatcher").get(f"/visits/{visit_id}").text
    assert "記録のみ(未送信)" in page
    assert "到達は未確認" not in page
