"""The one way in: a request is prepared, met with a snapshot, planned, and applied."""
