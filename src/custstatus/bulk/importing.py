"""
Importing statuses, as a flow: rows of a table, each met with its customer and put through the gate, or refused with its cause.

Rows are taken in chunks; those of a chunk that go to one place are one set. What a run has done it does not do again, so that
a run that was cut short is begun again with the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from attrs import evolve, frozen

from custstatus.bulk.shapes import BadRow, StatusRow
from custstatus.changes import Plan, Reason, Refusal, RefusalCode, Request
from custstatus.config import OrgConfig
from custstatus.errors import InvalidInputError
from custstatus.flows import Call, Flow, make_set
from custstatus.lifecycle import Lifecycle, Status
from custstatus.records import Identifier, StatusLabel
from custstatus.sealing import Seal
from custstatus.sets import Each, Moved
from custstatus.states import CUSTOMER_STATUS, CustomerStatus
from custstatus.values import Value

__all__ = ["CHUNK", "Import", "ImportedRow", "import_statuses"]

T = TypeVar("T")

CHUNK = 5_000
"""How many rows are read, and at most changed in one transaction."""

_APPROVED = frozenset({CustomerStatus.FRAUD_SUSPECTED, CustomerStatus.FRAUD_CONFIRMED, CustomerStatus.DELETED})
"""Where a bulk run leads only with an approval (D103)."""


class ImportedRow(NamedTuple):
    """What became of one row."""

    line: int
    customer: str | None
    """None where it could not be told whom it means."""
    outcome: Moved | Plan | Refusal | BadRow
    """A Plan in a preview; a Refusal or a BadRow says why nothing was done."""


@frozen(eq=False, repr=False)
class Import(Value):
    """What a run of an import did, or in a preview would do."""

    run: str
    """The run's id, which its entries carry."""
    moved: int
    replayed: int
    """Rows that the same run had done before."""
    unchanged: int
    """Rows whose customers stood there already; they are among the refused."""
    refused: tuple[ImportedRow, ...]
    """Every row that was not done, with its cause (D66), in the order of the rows."""


def import_statuses(
    rows: Iterable[StatusRow | BadRow],
    template: Request,
    config: OrgConfig[Any],
    seal: Seal,
    now: datetime,
    *,
    lifecycle: Lifecycle[Any] = CUSTOMER_STATUS,
    most: int | None = None,
    told: Callable[[Sequence[ImportedRow]], None] | None = None,
    dry: bool = False,
) -> Flow[Import]:
    """As `Desk.import_statuses`: every row is the template for one customer and one target."""
    run = template.run or ""
    importing = _Importing(template, config, seal, now, lifecycle, dry)
    moved = replayed = unchanged = 0
    refused: list[ImportedRow] = []
    remaining = iter(rows)
    if most is not None:
        first = list(islice(remaining, most + 1))
        if len(first) > most:
            raise InvalidInputError("rows", f"at most {most}, as `most` says", "more; nothing was written")
        remaining = iter(first)
    while chunk := tuple(islice(remaining, CHUNK)):
        done = yield from importing.chunk(chunk)
        for row in done:
            if isinstance(row.outcome, Moved):
                replayed += row.outcome.replayed
                moved += not row.outcome.replayed
            elif isinstance(row.outcome, Plan):
                moved += 1
            else:
                standing = isinstance(row.outcome, Refusal) and row.outcome.code is RefusalCode.NO_CHANGE
                unchanged += standing
                refused.append(row)
        if told is not None:
            told(done)
    return Import(run, moved, replayed, unchanged, tuple(refused))


class _Importing:
    """One run of an import: what is known of its targets, and who was in it."""

    def __init__(
        self,
        template: Request,
        config: OrgConfig[Any],
        seal: Seal,
        now: datetime,
        lifecycle: Lifecycle[Any],
        dry: bool,
    ) -> None:
        self._template = template
        self._config = config
        self._seal = seal
        self._now = now
        self._dry = dry
        self._targets = dict(_names(config, lifecycle))
        self._digests: dict[str, bytes | None] = {}
        self._seen: dict[str, int] = {}

    def chunk(self, rows: Sequence[StatusRow | BadRow]) -> Flow[list[ImportedRow]]:
        """Some rows, and what became of each, in their order."""
        held = yield from self._held(rows)
        done: dict[int, ImportedRow] = {}
        sets: dict[Status | StatusLabel, list[tuple[int, Each]]] = {}
        for place, row in enumerate(rows):
            if isinstance(row, BadRow):
                done[place] = ImportedRow(row.line, None, row)
                continue
            customer, reasons = self._whom(row, held)
            target = self._targets.get(row.target) or self._targets.get(row.target.casefold())
            if target is None:
                message = "no status and no label of this organisation: use one that is configured"
                reasons.append(Reason(RefusalCode.UNKNOWN_LABEL, message))
            if reasons or customer is None or target is None:
                done[place] = ImportedRow(row.line, customer, Refusal(customer or "", tuple(reasons)))
                continue
            self._seen[customer] = row.line
            reason = None if row.reason is None or row.reason.isspace() else row.reason
            each = Each(customer, reason, self._digest(reason), row.shop)
            sets.setdefault(target, []).append((place, each))
        for target, placed in sets.items():
            request = evolve(self._template, targets=(target,))
            # A reason of each row's own is as good as one of all.
            for own in (False, True):
                some = [(place, each) for place, each in placed if (each.reason is not None) is own]
                if some:
                    asked = evolve(request, reason=some[0][1].reason) if own else request
                    outcomes = yield from make_set(
                        asked,
                        [each for _, each in some],
                        self._config,
                        self._now,
                        faults=self._unapproved(target),
                        dry=self._dry,
                    )
                    for (place, each), outcome in zip(some, outcomes, strict=True):
                        done[place] = ImportedRow(rows[place].line, each.customer, outcome)
        return [done[place] for place in range(len(rows))]

    def _held(self, rows: Sequence[StatusRow | BadRow]) -> Flow[dict[tuple[str, str], str]]:
        """Who holds which of the rows' identifiers."""
        org = self._config.org
        tokens = {
            named: self._seal.token(org, Identifier(*named)).token
            for row in rows
            if isinstance(row, StatusRow)
            for named in row.identifiers
        }
        if not tokens:
            return {}
        holders = yield Call.of("find_all", org, tuple(dict.fromkeys(tokens.values())))
        return {named: holders[token] for named, token in tokens.items() if token in holders}

    def _whom(self, row: StatusRow, held: dict[tuple[str, str], str]) -> tuple[str | None, list[Reason]]:
        """Whom a row means, or why that cannot be told."""
        named = {row.customer} if row.customer is not None else set()
        named |= {held[each] for each in row.identifiers if each in held}
        if not named:
            message = "no customer of this organisation holds the row's identifiers: register the customer first"
            return None, [Reason(RefusalCode.UNKNOWN_CUSTOMER, message)]
        if len(named) > 1:
            message = "the row's identifiers are of several customers: leave out those that are not his"
            return None, [Reason(RefusalCode.AMBIGUOUS, message)]
        (customer,) = named
        if customer in self._seen:
            message = f"the customer is in line {self._seen[customer]} already: leave one of them out"
            return customer, [Reason(RefusalCode.TWICE, message)]
        return customer, []

    def _digest(self, reason: str | None) -> bytes | None:
        if reason is None:
            return None
        if reason not in self._digests:
            if len(self._digests) > CHUNK:
                self._digests.clear()
            self._digests[reason] = self._seal.digest(reason)
        return self._digests[reason]

    def _unapproved(self, target: Status | StatusLabel) -> tuple[Reason, ...]:
        status = target.status if isinstance(target, StatusLabel) else target
        if self._template.approval is not None or status not in _APPROVED:
            return ()
        message = f"a bulk run into {status.name} names who approved it: give `approval`"
        return (Reason(RefusalCode.APPROVAL_NEEDED, message),)


def _names(config: OrgConfig[Any], lifecycle: Lifecycle[Any]) -> Iterator[tuple[str, Status | StatusLabel]]:
    """
    By which texts a table names the places of a lifecycle: labels by theirs, statuses by name and by value.

    Exactly, or with the case ignored where no two labels differ by it alone; a label comes before a status.
    """
    targets: list[tuple[str, Status | StatusLabel]] = []
    if lifecycle is CUSTOMER_STATUS:
        targets += [(label.text, label) for label in config.labels]
    for status in lifecycle.statuses:
        targets += [(status.name, status), (str(status.value), status)]
    folded: dict[str, Status | StatusLabel] = {}
    twice: set[str] = set()
    for text, target in targets:
        if folded.setdefault(text.casefold(), target) is not target and isinstance(target, StatusLabel):
            twice.add(text.casefold())
    yield from ((text, target) for text, target in folded.items() if text not in twice)
    yield from reversed(targets)
