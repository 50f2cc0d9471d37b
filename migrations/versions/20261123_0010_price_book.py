"""versions of the price book, and by which of its services a kind of work is priced"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db

revision = "20261123_0010"
down_revision = "20261122_2230"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "price_book_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("book", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_book_version")),
        sa.UniqueConstraint("code", name=op.f("uq_price_book_version_code")),
    )
    op.create_index("ix_price_book_version_valid", "price_book_version", ["valid_from", "id"])
    with op.batch_alter_table("service") as service:
        service.add_column(sa.Column("price_code", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("service") as service:
        service.alter_column("price_code", server_default=None)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER price_book_version_append_only BEFORE UPDATE OR DELETE ON price_book_version"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER price_book_version_no_{verb.lower()} BEFORE {verb} ON price_book_version"
            " BEGIN SELECT RAISE(ABORT, 'evidence is only added to: price_book_version'); END"
        )


def downgrade() -> None:
    """Go back."""
    op.drop_table("price_book_version")
    with op.batch_alter_table("service") as service:
        service.drop_column("price_code")
