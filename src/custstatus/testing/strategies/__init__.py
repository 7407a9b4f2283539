"""Hypothesis strategies for what the library takes, what hosts do with it, and what it must refuse."""

from custstatus.testing.strategies.bad import bad_expected, bad_ids, bad_limits, bad_moments, bad_texts
from custstatus.testing.strategies.configs import configs, labels
from custstatus.testing.strategies.operations import manners, operation_runs, operations, targets
from custstatus.testing.strategies.types import register
from custstatus.testing.strategies.values import (
    activities,
    actors,
    amounts,
    channels,
    identifiers,
    ids,
    moments,
    stored_activities,
    texts,
    tokens,
    wishes,
)

__all__ = [
    "activities",
    "actors",
    "amounts",
    "bad_expected",
    "bad_ids",
    "bad_limits",
    "bad_moments",
    "bad_texts",
    "channels",
    "configs",
    "identifiers",
    "ids",
    "labels",
    "manners",
    "moments",
    "operation_runs",
    "operations",
    "register",
    "stored_activities",
    "targets",
    "texts",
    "tokens",
    "wishes",
]
