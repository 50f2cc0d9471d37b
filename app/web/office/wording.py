"""In which words are customers told? Every notice, who gets it when, and a place to change and to see its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from flask import render_template, request

from app.errors import NotFound
from app.i18n import LOCALES
from app.notices import Texts
from app.notices.declared import OWN, Declared, all_facts, all_notices, parts_of
from app.notices.filling import ONE_LINE
from app.operations.history import actor_names
from app.operations.notice import Telling
from app.operations.wording import changed_wordings, current_texts, restore_wording, save_wording
from app.operations.wording_preview import preview_wording, recent_visits, wording_changes
from app.web.forms import Form
from app.web.office.room import blueprint, saved
from app.web.visitor import needs, now, parts, session, signed_in, zone

#: So many changes are shown; nobody goes back further by a click.
SHOWN = 20
#: The rows of a field, and the longest that is read of it at all.
ROWS = {"short": 5, "line": 11, "subject": 1, "body": 18, "spoken": 4}
LONGEST = 10_000
#: Facts in the order in which a notice is read; the company's own come last.
_FIRST = ("addressee", "promised_on", "promised", "eta", "prev_eta", "next_at", "tech", "link")


@dataclass(frozen=True, slots=True)
class Chip:
    """A fact that can be put into a text: what is put there, and whether it can be missing."""

    name: str
    puts: str
    may: bool


@blueprint.get("/wording")
@needs("settings")
def wording() -> Any:
    """Show every notice, who gets it when, and whether its words were changed."""
    changed = changed_wordings(session())
    return render_template(
        "office/wordings.html",
        groups=[(group, list(notices)) for group, notices in groupby(all_notices().values(), lambda n: n.group)],
        changed=changed,
        names=actor_names(session(), {version.by for version in changed.values()}),
        languages=LOCALES,
    )


@blueprint.get("/wording/<name>/<language>")
@needs("settings")
def wording_of(name: str, language: str) -> Any:
    """Show the words of one notice in one language, to change them."""
    texts, version = current_texts(session(), name, language)
    begins = {**asdict(texts), "version": version, "seen_with": request.args.get("seen_with", "sample")}
    return _editor(name, language, Form(begins=begins))


@blueprint.post("/wording/<name>/<language>")
@needs("settings")
def save_wording_of(name: str, language: str) -> Any:
    """Keep the words as a new version, or only show how they would look."""
    form = Form(request.form)
    texts, version = typed_texts(form), form.row("version")
    if form.value("do") == "preview":
        return _editor(name, language, form)
    words: dict[str, Any] = {
        "version": version or 0,
        "base_url": parts().settings.base_url,
        "actor": signed_in().name,
        "now": now(),
    }
    done = form.submit(lambda: save_wording(session(), name, language, texts, **words))
    return _editor(name, language, form) if done is None else saved("office.wording_of", name=name, language=language)


@blueprint.post("/wording/<name>/<language>/preview")
@needs("settings")
def preview_wording_of(name: str, language: str) -> Any:
    """Return how the words would look, while they are typed; nothing is kept."""
    form = Form(request.form)
    return render_template("office/_wording_preview.html", **_preview(name, language, form))


@blueprint.post("/wording/<name>/<language>/versions/<int:number>")
@needs("settings")
def restore_wording_of(name: str, language: str, number: int) -> Any:
    """Go back to a version; 0 is what the product comes with."""
    base_url = parts().settings.base_url
    restore_wording(session(), name, language, number or None, base_url=base_url, actor=signed_in().name, now=now())
    return saved("office.wording_of", name=name, language=language)


def typed_texts(form: Form) -> Texts:
    """Return the words that were typed; what is far too long is noted with the form."""
    return Texts(**{part: form.text(part, most=LONGEST) for part in asdict(Texts())})


def chips_of(notice: Declared) -> Sequence[Chip]:
    """Return the facts of a notice, in the order in which it is read, as they are put into a text."""
    order = [*_FIRST, *sorted(notice.known - {*_FIRST, *OWN}), *OWN]
    return [_chip(name, name in notice.may) for name in order if name in notice.known]


def _chip(name: str, may: bool) -> Chip:
    kind = all_facts()[name].type
    if kind == "flag":
        return Chip(name, f"{{% if {name} %}}…{{% else %}}…{{% endif %}}", may)
    if kind == "list":
        return Chip(name, f"{{% for one in {name} %}}\n・{{{{ one }}}}\n{{% endfor %}}", may)
    written = f"{{{{ {name} }}}}"
    return Chip(name, f"{{% if {name} %}}{written}{{% endif %}}" if may else written, may)


def _editor(name: str, language: str, form: Form) -> Any:
    if name not in all_notices() or language not in LOCALES:
        raise NotFound("wording")
    changes = wording_changes(session(), name, language, SHOWN)
    page = render_template(
        "office/wording.html",
        form=form,
        name=name,
        planned=all_notices()[name].planned,
        fields=parts_of(name),
        rows=ROWS,
        one_line=ONE_LINE,
        chips=chips_of(all_notices()[name]),
        visits=recent_visits(session()),
        changes=changes,
        names=actor_names(session(), {change.by for change in changes}),
        **_preview(name, language, form),
    )
    return page, form.status


def _preview(name: str, language: str, form: Form) -> dict[str, Any]:
    settings = parts().settings
    telling = Telling(settings.base_url, zone(), parts().channels)
    texts = typed_texts(form)
    seen = preview_wording(session(), name, language, texts, telling, form.value("seen_with") or "sample")
    return {"preview": seen, "segment_yen": settings.sms_segment_yen, "language": language}
