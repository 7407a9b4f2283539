"""
Every error the library raises: one tree, each with the data a caller needs to go on.

```
CuststatusError
├── InvalidInputError            a value out of bounds or of the wrong kind; nothing was written
├── ConfigurationError           an organisation's configuration, with every fault listed
├── ChartError                   a chart, or an edit of a transition table, that cannot be compiled
├── UnknownError                 something named that is not there
│   ├── UnknownCustomerError
│   ├── UnknownActionError
│   ├── UnknownLabelError
│   └── UnknownLifecycleError
├── RefusedError                 a change that is not made; carries the refusal
├── DeniedError                  an action that is not allowed; carries the decision
├── SweepStoppedError            a sweep that would move more customers than its limits allow; nothing was written
├── ConflictError                others kept changing the same account; retry
└── StoreError                   the store could not read or write
    ├── StoreBusyError           it was locked for too long; retry with the same key
    ├── StoreClosedError         it was used after `close`
    ├── SchemaError              the database is not one that this version can work on
    ├── PositionLostError        a position is from before the database was restored: read the feed again
    └── StoredValueError         it holds a status or a label that the configuration lacks
```

Messages name fields, codes and identifiers of customers, never free text or personal identifiers.
A refusal or a decision is a value of its own (`records`); the errors here only carry it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from custstatus.gate.refusal import Refusal
    from custstatus.policies.decisions import Decision

__all__ = [
    "ChartError",
    "ConfigurationError",
    "ConflictError",
    "CuststatusError",
    "DeniedError",
    "InvalidInputError",
    "PositionLostError",
    "RefusedError",
    "SchemaError",
    "StoreBusyError",
    "StoreClosedError",
    "StoreError",
    "StoredValueError",
    "SweepStoppedError",
    "UnknownActionError",
    "UnknownCustomerError",
    "UnknownError",
    "UnknownLabelError",
    "UnknownLifecycleError",
]


class CuststatusError(Exception):
    """The root of every error of this library."""


class InvalidInputError(CuststatusError, ValueError):
    """A value out of bounds: which field, what was expected, and what kind of value came (never the value itself)."""

    def __init__(self, field: str, expected: str, came: str) -> None:
        super().__init__(field, expected, came)
        self.field = field
        self.expected = expected
        self.came = came

    def __str__(self) -> str:
        return f"{self.field}: expected {self.expected}, got {self.came}"


class _FaultyError(CuststatusError, ValueError):
    """A declaration with one or more faults, all listed."""

    def __init__(self, subject: str, faults: Iterable[str]) -> None:
        self.subject = subject
        self.faults = tuple(faults)
        super().__init__(subject, self.faults)

    def __str__(self) -> str:
        return "\n".join([f"{self.subject}: {len(self.faults)} fault(s)", *(f"  - {fault}" for fault in self.faults)])


class ConfigurationError(_FaultyError):
    """An organisation's configuration is not consistent; `faults` lists everything that is wrong."""


class ChartError(_FaultyError):
    """A chart (or an edit of a table) cannot be compiled to a transition table; `faults` lists everything that is wrong."""


class UnknownError(CuststatusError, LookupError):
    """The base of errors about something that was named and is not there."""


class UnknownCustomerError(UnknownError):
    """No such customer in this organisation: register them first."""

    def __init__(self, org: str, customer: str) -> None:
        super().__init__(org, customer)
        self.org = org
        self.customer = customer

    def __str__(self) -> str:
        return f"no customer {self.customer!r} in organisation {self.org!r}: register them first"


class _UnknownNameError(UnknownError):
    kind = "name"

    def __init__(self, org: str, name: str, known: Iterable[str]) -> None:
        self.org = org
        self.name = name
        self.known = tuple(sorted(known))
        super().__init__(org, name, self.known)

    def __str__(self) -> str:
        listed = ", ".join(self.known) or "none"
        return f"organisation {self.org!r} has no {self.kind} {self.name!r}: configure it, or use one of: {listed}"


class UnknownActionError(_UnknownNameError):
    """An action that is not configured: an error, never a silent allow."""

    kind = "action"


class UnknownLabelError(_UnknownNameError):
    """A label that is not configured (D21)."""

    kind = "label"


class UnknownLifecycleError(_UnknownNameError):
    """A lifecycle that is not on in this organisation (D16)."""

    kind = "lifecycle"


class RefusedError(CuststatusError):
    """A change was refused; `refusal` has the code, every reason that applies and what would change it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal

    def __str__(self) -> str:
        return str(self.refusal)


class DeniedError(CuststatusError):
    """
    An action was denied; `decision` says why, and what would lift it.

    Its text names action, customer and code only: its text may reach the customer, who must not learn of a suspicion (D105).
    """

    def __init__(self, decision: Decision[Any]) -> None:
        super().__init__(decision)
        self.decision = decision

    def __str__(self) -> str:
        decision = self.decision
        return f"{decision.action.name} is denied to customer {decision.account.customer!r} [{decision.code}]"


class SweepStoppedError(CuststatusError):
    """A sweep would move more customers than its limits allow; nothing was written. Preview it without limits."""

    def __init__(self, org: str, concerned: int, allowed: int, customers: int) -> None:
        super().__init__(org, concerned, allowed, customers)
        self.org = org
        self.concerned = concerned
        """How many customers the sweep would move."""
        self.allowed = allowed
        """How many the limits allow."""
        self.customers = customers
        """How many customers there are."""

    def __str__(self) -> str:
        return (
            f"the sweep of organisation {self.org!r} would move {self.concerned} of {self.customers} customers, but "
            f"the limit is {self.allowed}: preview it without limits, then raise the limit if that is right"
        )


class ConflictError(CuststatusError):
    """Other writers changed the account between each of our reads and writes; nothing was written. Retry."""

    def __init__(self, org: str, customer: str, attempts: int) -> None:
        super().__init__(org, customer, attempts)
        self.org = org
        self.customer = customer
        self.attempts = attempts

    def __str__(self) -> str:
        return f"gave up after {self.attempts} attempts: other writers kept changing customer {self.customer!r}; retry"


class StoreError(CuststatusError):
    """The store could not read or write; `__cause__` has the driver's error where there was one."""


class StoreBusyError(StoreError):
    """The database stayed locked longer than the busy timeout; nothing was written. Retry with the same key."""


class StoreClosedError(StoreError):
    """The store was used after it had been closed."""


class SchemaError(StoreError):
    """The database is missing tables, was made by a newer version or another build, or runs on an engine that is too old."""


class PositionLostError(StoreError):
    """
    A position in the feed that is no longer valid: the database was restored from a copy, which may lack what was read since.

    Read the feed from its beginning, or from a position kept after; entries seen before are recognised by customer and version.
    """


class StoredValueError(StoreError):
    """The store holds a status, label or lifecycle that is not configured: restore it, or move the accounts off it first."""

    def __init__(self, lifecycle: str, kind: str, value: str) -> None:
        super().__init__(lifecycle, kind, value)
        self.lifecycle = lifecycle
        self.kind = kind
        self.value = value

    def __str__(self) -> str:
        return (
            f"the store has {self.kind} {self.value!r} on lifecycle {self.lifecycle!r}, which the configuration lacks: "
            "restore it in the configuration, or move the accounts off it first"
        )
