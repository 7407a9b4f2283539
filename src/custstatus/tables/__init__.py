"""
Bulk work: statuses and activities of many customers at once, from tables and to tables.

Tables are read into rows by a shape; a desk imports statuses and reverses runs, a service imports activities and sweeps.
"""

from custstatus.tables.cloudevents import to_cloudevent
from custstatus.tables.csv import Rows, rows_of, rows_of_arrow, rows_of_csv
from custstatus.tables.export import (
    Row,
    Table,
    as_columns,
    as_csv,
    history_table,
    import_table,
    listed_table,
    standings_table,
)
from custstatus.tables.shapes import (
    ACTIVITY_IMPORT,
    CUSTOMER_STATUS_IMPORT,
    FRAUD_STATUS_IMPORT,
    ActivityRow,
    ActivityShape,
    BadRow,
    Shape,
    StatusRow,
    StatusShape,
)

__all__ = [
    "ACTIVITY_IMPORT",
    "CUSTOMER_STATUS_IMPORT",
    "FRAUD_STATUS_IMPORT",
    "ActivityRow",
    "ActivityShape",
    "BadRow",
    "Row",
    "Rows",
    "Shape",
    "StatusRow",
    "StatusShape",
    "Table",
    "as_columns",
    "as_csv",
    "history_table",
    "import_table",
    "listed_table",
    "rows_of",
    "rows_of_arrow",
    "rows_of_csv",
    "standings_table",
    "to_cloudevent",
]
