"""What does a notice's e-mail look like where HTML is shown?"""

from __future__ import annotations

import re
from html import escape

from app.i18n import t
from app.notices.words import ADDRESS
from app.rules.messages import Message

_FONT = "font:16px/1.7 -apple-system,'Hiragino Sans','Noto Sans JP','Yu Gothic UI',Meiryo,sans-serif"
_BUTTON = (
    "display:inline-block;padding:12px 20px;border-radius:6px;background:#0b6e4f;color:#ffffff;"
    "text-decoration:none;font-weight:bold"
)


def html_of(message: Message, language: str) -> str:
    """Return a notice's e-mail as HTML: its text, and an address that stands alone on its line as a button.

    Needs neither images nor a style sheet, keeps its contrast in the dark, and holds nothing that the text does not.
    """
    paragraphs = "\n".join(_paragraph(part, language) for part in re.split(r"\n{2,}", message.body))
    return (
        f'<!doctype html>\n<html lang="{escape(language)}">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<title>{escape(message.subject)}</title></head>\n"
        f'<body style="margin:0;padding:24px 16px;{_FONT}">\n<div style="max-width:560px;margin:0 auto">\n'
        f"{paragraphs}\n</div>\n</body>\n</html>\n"
    )


def _paragraph(text: str, language: str) -> str:
    lines = []
    for line in text.split("\n"):
        linked = ADDRESS.sub(lambda found: f'<a href="{found[0]}">{found[0]}</a>', escape(line))
        if ADDRESS.fullmatch(line):
            button = f'<a href="{escape(line)}" style="{_BUTTON}">{escape(t("wording.mail_button", language))}</a>'
            linked = f'{button}<br><span style="font-size:13px">{linked}</span>'
        lines.append(linked)
    return f'<p style="margin:0 0 16px;overflow-wrap:anywhere">{"<br>".join(lines)}</p>'
