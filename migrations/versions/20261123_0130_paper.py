"""invoices, receipts and credit notes, their numbers, what was paid, and what the company writes on them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db

revision = "20261123_0130"
down_revision = "20261123_0115"
branch_labels = None
depends_on = None

_RECEIPT = sa.text("kind = 'receipt'")
_OF_THE_COMPANY = ("address", "registration_number", "pay_to")


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "paper",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("about_id", sa.Integer()),
        sa.Column("issued_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("issued_by", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("exponent", sa.Integer(), nullable=False),
        sa.Column("book_code", sa.String(), nullable=False),
        sa.Column("text_version", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.CheckConstraint("kind IN ('invoice', 'receipt', 'credit_note')", name=op.f("ck_paper_kind")),
        sa.CheckConstraint("(kind = 'invoice') = (about_id IS NULL)", name=op.f("ck_paper_about")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_paper_visit_id_visit")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_paper_customer_id_customer")),
        sa.ForeignKeyConstraint(["about_id"], ["paper.id"], name=op.f("fk_paper_about_id_paper")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper")),
        sa.UniqueConstraint("kind", "year", "number", name="uq_paper_number"),
        sa.UniqueConstraint("code", name=op.f("uq_paper_code")),
        sa.UniqueConstraint("token", name=op.f("uq_paper_token")),
    )
    for column in ("visit_id", "customer_id", "about_id", "issued_at"):
        op.create_index(op.f(f"ix_paper_{column}"), "paper", [column])
    op.create_index(
        "uq_paper_receipt", "paper", ["about_id"], unique=True, sqlite_where=_RECEIPT, postgresql_where=_RECEIPT
    )
    op.create_table(
        "paper_counter",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "year", name=op.f("pk_paper_counter")),
    )
    op.create_table(
        "payment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.CheckConstraint("way IN ('cash', 'transfer')", name=op.f("ck_payment_way")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_amount")),
        sa.ForeignKeyConstraint(["paper_id"], ["paper.id"], name=op.f("fk_payment_paper_id_paper")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
    )
    op.create_index(op.f("ix_payment_paper_id"), "payment", ["paper_id"])
    with op.batch_alter_table("company") as company:
        for name in _OF_THE_COMPANY:
            company.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
        company.add_column(sa.Column("sole_proprietor", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("company") as company:
        for name in (*_OF_THE_COMPANY, "sole_proprietor"):
            company.alter_column(name, server_default=None)
    for table in ("paper", "payment"):
        if op.get_bind().dialect.name == "postgresql":
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
                " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            )
            continue
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, 'evidence is only added to: {table}'); END"
            )


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("company") as company:
        for name in ("sole_proprietor", *reversed(_OF_THE_COMPANY)):
            company.drop_column(name)
    op.drop_table("payment")
    op.drop_table("paper_counter")
    op.drop_table("paper")
