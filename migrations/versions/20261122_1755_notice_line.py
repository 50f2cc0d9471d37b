"""a notice's words for a chat and for the telephone"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261122_1755"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; what waits to be sent is said over the new channels in the words it has."""
    with op.batch_alter_table("notice") as notice:
        notice.add_column(sa.Column("line", sa.String(), nullable=True))
        notice.add_column(sa.Column("spoken", sa.String(), nullable=True))
    op.execute("UPDATE notice SET line = body, spoken = short")


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("notice") as notice:
        notice.drop_column("spoken")
        notice.drop_column("line")
