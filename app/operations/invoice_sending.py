"""Tell a customer of her invoice, and thank her for what she paid: once each, with the link of the paper itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Conflict
from app.i18n import money_words
from app.models import Notice, Paper
from app.operations.invoice import Account, Desk, account_of
from app.operations.notice import News, Telling, Word, add_notice
from app.operations.payment import issue_receipt


def send_invoice(session: Session, paper_id: int, telling: Telling, *, now: datetime, actor: str) -> Notice:
    """Tell the customer of an invoice and what of it is still open, once.

    Raises NotFound, Conflict when nothing of it is left, or nobody is reached.
    """
    account = account_of(session, paper_id)
    paper = account.invoice
    if account.state == "credited":
        raise Conflict("nothing_owed")
    total, still_open = (
        money_words(amount, paper.currency, paper.exponent, paper.language)
        for amount in (paper.total, max(account.due, 0))
    )
    words: dict[str, Word] = {"invoice_no": paper.code, "price": still_open, "link": _link(paper, telling)}
    if still_open != total:
        words["invoice_total"] = total
    facts = {"paper": paper.id, "by": actor}
    news = News("invoice_issued", "invoice_issued", facts, words=words, key=f"invoice:{paper.id}")
    return _told(add_notice(session, paper.visit, news, telling, now))


def thank(session: Session, paper_id: int, telling: Telling, *, desk: Desk) -> Notice | None:
    """Thank for the newest payment of an invoice, with its receipt, which is issued unless it was; None without one.

    Raises NotFound, Conflict when no channel reaches her.
    """
    account = account_of(session, paper_id)
    payment = next((one for one in reversed(account.payments) if not one.back), None)
    if payment is None or account.invoice.currency != "JPY":
        return None
    receipt = _receipt_of(account, payment.id) or issue_receipt(session, paper_id, payment.id, desk=desk)
    words: dict[str, Word] = {
        "invoice_no": account.invoice.code, "amount": payment.amount, "link": _link(receipt, telling),
    }  # fmt: skip
    facts = {"paper": account.invoice.id, "by": desk.actor}
    news = News("payment_received", "payment_received", facts, words=words, key=f"payment:{payment.id}")
    return _told(add_notice(session, account.invoice.visit, news, telling, desk.now))


def sent_invoices(session: Session, paper_ids: Sequence[int]) -> Mapping[int, datetime]:
    """Return when customers were told of these invoices; one that nobody sent is left out."""
    keys = {f"invoice:{paper_id}": paper_id for paper_id in paper_ids}
    rows = session.execute(select(Notice.dedupe_key, Notice.created_at).where(Notice.dedupe_key.in_(list(keys))))
    return {keys[key]: at for key, at in rows}


def _receipt_of(account: Account, payment_id: int) -> Paper | None:
    return next((one for one in account.others if one.kind == "receipt" and one.payment_id == payment_id), None)


def _link(paper: Paper, telling: Telling) -> str:
    return f"{telling.base_url}/d/{paper.token}"


def _told(notice: Notice) -> Notice:
    if notice.state in ("held", "failed"):
        raise Conflict("answer_unreachable")
    return notice
