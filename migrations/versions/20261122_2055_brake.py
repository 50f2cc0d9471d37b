"""the brake: when each notice was let go, and where the clock was"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db

revision = "20261122_2055"
down_revision = "20261122_1930"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "tick",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ticked_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("careful_until_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_tick_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tick")),
    )
    op.add_column("notice", sa.Column("let_go_at", app.db.UTCDateTime(timezone=True), nullable=True))
    op.execute("UPDATE notice SET let_go_at = (SELECT min(started_at) FROM notice_attempt WHERE notice_id = notice.id)")
    op.create_index("ix_notice_let_go", "notice", ["let_go_at", "kind"])
    op.create_index("ix_visit_customer", "visit", ["customer_id", "promised_from_at"])
    op.drop_index("ix_visit_customer_id", "visit")


def downgrade() -> None:
    """Go back."""
    op.create_index("ix_visit_customer_id", "visit", ["customer_id"])
    op.drop_index("ix_visit_customer", "visit")
    op.drop_index("ix_notice_let_go", "notice")
    op.drop_column("notice", "let_go_at")
    op.drop_table("tick")
