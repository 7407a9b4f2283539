"""An Alembic revision that makes the tables of custstatus, on Alembic's own connection and in its transaction."""

from alembic import op
from sqlalchemy import text

from custstatus.adapters.postgres import schema_statements

revision, down_revision = "custstatus_0001", None
AFTER, TO = 0, 1  # steps, as `custstatus db status` counts them; the next revision of this kind begins AFTER = 1


def upgrade() -> None:
    """Take the steps, online or as a script."""
    op.execute("SET LOCAL lock_timeout = '500ms'")  # others queue behind us no longer than that
    for statement in schema_statements(AFTER, TO):
        op.execute(text(statement.replace(":", r"\:")))


def downgrade() -> None:
    """Refuse: it would take the history with it."""
    raise NotImplementedError("the history of custstatus is append-only: restore a backup instead")


# In use:
#   $ cp alembic_versions.py migrations/versions/custstatus_0001.py    # with a down_revision of yours
#   $ alembic upgrade head                                             # or --sql, for somebody else to run
# Programs then open their stores with create=False, so that nobody makes tables but Alembic.
