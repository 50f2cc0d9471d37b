"""Can a manager change the words of a notice, see them before, and is nothing lost that was typed?"""

from __future__ import annotations

import pytest

from app.notices.declared import PARTS, all_notices, shipped
from app.operations.wording import current_texts


def typed(name="late", language="ja", **changes):
    texts = shipped(name, language)
    return {**{part: getattr(texts, part) for part in PARTS}, "version": "0", "do": "save", **changes}


def test_every_notice_is_listed_and_opens_in_both_languages(signed_in):
    manager = signed_in("manager")
    page = manager.get("/wording").text
    for name in all_notices():
        for language in ("ja", "en"):
            assert f'href="/wording/{name}/{language}"' in page
            answer = manager.get(f"/wording/{name}/{language}")
            assert answer.status_code == 200
            assert "このまま保存できます" in answer.text, (name, language)


@pytest.mark.parametrize("role", ["dispatcher", "technician"])
def test_only_managers_word_notices(signed_in, role):
    client = signed_in(role)
    for path in ("/wording", "/wording/late/ja"):
        assert client.get(path).status_code in (302, 403)
    assert client.post("/wording/late/ja", data=typed()).status_code in (302, 400, 403)


@pytest.fixture
def manager(app, signed_in):
    app.config["WTF_CSRF_ENABLED"] = False
    return signed_in("manager")


def test_words_are_kept_and_shown_with_who_and_what_changed(manager, db):
    answer = manager.post("/wording/late/ja", data=typed(subject="{{ brand }}より到着遅れのお詫び"))
    assert answer.status_code == 303
    with db.read() as session:
        assert current_texts(session, "late", "ja")[0].subject == "{{ brand }}より到着遅れのお詫び"
    page = manager.get("/wording/late/ja?saved=1").text
    assert "保存しました" in page
    assert "変えたところ:メールの件名" in page
    assert "manager" in page
    assert "変更済み" in manager.get("/wording").text


def test_what_cannot_be_used_is_refused_and_what_was_typed_is_kept(manager, db):
    answer = manager.post("/wording/late/ja", data=typed(body="お詫び\n{{ etta }}頃 <b>"))
    assert answer.status_code == 422
    assert "2行目:「etta」という項目は、このお知らせにはありません" in answer.text
    assert "{{ etta }}頃 &lt;b&gt;</textarea>" in answer.text
    with db.read() as session:
        assert current_texts(session, "late", "ja") == (shipped("late", "ja"), 0)


def test_a_preview_keeps_nothing_and_escapes_what_is_typed(manager, db):
    words = typed(line="{{ addressee }} <script>alert(1)</script>")
    page = manager.post("/wording/late/ja", data={**words, "do": "preview"})
    part = manager.post("/wording/late/ja/preview", data=words)
    for answer in (page, part):
        assert answer.status_code == 200
        assert "山田 花子様 &lt;script&gt;" in answer.text
        assert "<script>alert" not in answer.text
    assert "<html" not in part.text
    with db.read() as session:
        assert current_texts(session, "late", "ja")[1] == 0


def test_a_real_visit_can_be_chosen_for_the_preview(manager, world):
    visit_id = world.visit(60 * 24 * 3)
    assert f'value="visit:{visit_id}"' in manager.get("/wording/late/ja").text
    answer = manager.post("/wording/late/ja/preview", data=typed(seen_with=f"visit:{visit_id}"))
    assert "11/27(金)" in answer.text
    for unknown in ("visit:999", "visit:99999999999", "visit:" + "9" * 5000, "visit:x"):
        assert manager.post("/wording/late/ja/preview", data=typed(seen_with=unknown)).status_code == 404


def test_a_long_sms_shows_its_length_and_what_it_costs(manager):
    answer = manager.post("/wording/late/ja/preview", data=typed())
    assert "約12円" in answer.text
    assert "送られる1通" in answer.text
    long = manager.post("/wording/late/ja/preview", data=typed(short="あ" * 71))
    assert "71/70字" in long.text
    assert "2通分(約24円)の長さになるため使いません" in long.text
    assert "最も短い1通でも71字になることがあります(70字まで)" in long.text


def test_one_press_goes_back_to_a_version_and_to_the_words_as_delivered(manager, db):
    manager.post("/wording/late/ja", data=typed(subject="一つめ {{ brand }}"))
    with db.read() as session:
        first = current_texts(session, "late", "ja")[1]
    manager.post("/wording/late/ja", data=typed(subject="二つめ {{ brand }}", version=str(first)))
    for number, subject in ((first, "一つめ {{ brand }}"), (0, shipped("late", "ja").subject)):
        assert manager.post(f"/wording/late/ja/versions/{number}").status_code == 303
        with db.read() as session:
            assert current_texts(session, "late", "ja")[0].subject == subject


def test_who_saves_over_somebody_else_is_told_and_may_save_once_more(manager):
    manager.post("/wording/late/ja", data=typed(subject="一つめ {{ brand }}"))
    late = manager.post("/wording/late/ja", data=typed(subject="二つめ {{ brand }}"))
    assert late.status_code == 412
    assert "二つめ {{ brand }}" in late.text
    newest = late.text.partition('name="version" value="')[2].partition('"')[0]
    again = manager.post("/wording/late/ja", data=typed(subject="二つめ {{ brand }}", version=newest))
    assert again.status_code == 303


@pytest.mark.parametrize("path", ["/wording/no_such/ja", "/wording/late/fr"])
def test_what_is_no_notice_is_not_found(manager, path):
    assert manager.get(path).status_code == 404
    assert manager.post(path, data=typed()).status_code == 404
    assert manager.post(f"{path}/preview", data=typed()).status_code == 404


def test_the_editor_says_which_notice_nothing_sends_yet(signed_in):
    manager = signed_in("manager")
    assert "自動ではまだ送られません" in manager.get("/wording/after_visit_apology/ja").text
    for name in ("tech_swapped", "moved"):
        assert "自動ではまだ送られません" not in manager.get(f"/wording/{name}/ja").text
