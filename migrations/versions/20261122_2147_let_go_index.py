"""leave out of the index of what was let go everything that never was"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261122_2147"
down_revision = "20261122_2140"
branch_labels = None
depends_on = None

LET_GO = sa.text("let_go_at IS NOT NULL")


def upgrade() -> None:
    """Go forward."""
    op.drop_index("ix_notice_let_go", "notice")
    op.create_index("ix_notice_let_go", "notice", ["let_go_at", "kind"], sqlite_where=LET_GO, postgresql_where=LET_GO)


def downgrade() -> None:
    """Go back."""
    op.drop_index("ix_notice_let_go", "notice")
    op.create_index("ix_notice_let_go", "notice", ["let_go_at", "kind"])
