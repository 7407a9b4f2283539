"""
Importing statuses: each row of a table is matched with its customer and put through the gate, or refused with its cause.

Rows are taken in chunks; those of a chunk that go to one place are one set. What a run has done it does not do again, so that
a run that was cut short is begun again with the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve, frozen

from custstatus.adapters.queries import Log
from custstatus.bounds import LABEL, check_id, check_text, kind_of
from custstatus.errors import InvalidInputError
from custstatus.gate.loop import make_set
from custstatus.gate.outcome import Plan
from custstatus.gate.refusal import Reason, Refusal, RefusalCode
from custstatus.gate.sets import SetResult, SetRow
from custstatus.lifecycles.lifecycle import Lifecycle, Status
from custstatus.records import Identifier, StatusLabel
from custstatus.states import CUSTOMER_STATUS, CustomerStatus
from custstatus.tables.csv import Rows
from custstatus.tables.shapes import ActivityRow, BadRow, StatusRow
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.adapters._made.async_store import AsyncStore
    from custstatus.config.config import OrgConfig
    from custstatus.gate.request import Request
    from custstatus.sealing import Seal

__all__ = [
    "CHUNK",
    "Held",
    "Import",
    "ImportedRow",
    "check_identifiers",
    "holders",
    "import_statuses",
    "unapproved",
    "whom",
]

Held = Mapping[tuple[str, str], str]
"""The living account that holds an identifier, by its type and value."""

Target = Status | StatusLabel

CHUNK = 5_000
"""How many rows are read, and at most changed in one transaction."""

_APPROVED = frozenset({CustomerStatus.FRAUD_SUSPECTED, CustomerStatus.FRAUD_CONFIRMED, CustomerStatus.DELETED})
"""Where a bulk run leads only with an approval (D103)."""


class ImportedRow(NamedTuple):
    """What became of one row."""

    line: int
    customer: str | None
    """None where the row could not be matched with one customer."""
    outcome: SetResult | Plan | Refusal | BadRow
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
    """Rows whose customers were there already; they are among the refused."""
    refused: tuple[ImportedRow, ...]
    """Every row that was not done, with its cause (D66), in the order of the rows; `on_rows` had the accounts as well."""


async def import_statuses(
    store: AsyncStore,
    rows: Iterable[StatusRow | BadRow],
    template: Request,
    config: OrgConfig[Any],
    seal: Seal,
    now: datetime,
    *,
    lifecycle: Lifecycle[Any] = CUSTOMER_STATUS,
    most: int | None = None,
    on_rows: Callable[[Sequence[ImportedRow]], None] | None = None,
    preview: bool = False,
) -> Import:
    """As `Desk.import_statuses`: every row is the template for one customer and one target."""
    run = template.run or ""
    # Where every row has a reason of its own, nobody else would look at that of all.
    if template.reason is not None:
        check_text("reason", template.reason)
    if template.approval is not None:
        check_id("approval", template.approval)
    # A table's rows were checked as they were read.
    read = rows if isinstance(rows, Rows) else map(_checked, rows)
    importing = _Importing(store, template, config, seal, now, lifecycle, preview)
    moved = replayed = unchanged = 0
    refused: list[ImportedRow] = []
    remaining: Iterator[StatusRow | BadRow] = iter(read)
    if most is not None:
        first = list(islice(remaining, most + 1))
        if len(first) > most:
            raise InvalidInputError("rows", f"at most {most}, as `most` says", "more; nothing was written")
        remaining = iter(first)
    while chunk := tuple(islice(remaining, CHUNK)):
        done = await importing.chunk(chunk)
        for row in done:
            if isinstance(row.outcome, SetResult):
                replayed += row.outcome.replayed
                moved += not row.outcome.replayed
            elif isinstance(row.outcome, Plan):
                moved += 1
            else:
                if isinstance(row.outcome, Refusal):
                    unchanged += row.outcome.code is RefusalCode.NO_CHANGE
                    # A table may be refused as a whole, and accounts take far more room than causes.
                    row = row._replace(outcome=evolve(row.outcome, account=None))
                refused.append(row)
        if on_rows is not None:
            on_rows(done)
    return Import(run, moved, replayed, unchanged, tuple(refused))


class _Importing:
    """One run of an import: what is known of its targets, and who was in it."""

    def __init__(
        self,
        store: AsyncStore,
        template: Request,
        config: OrgConfig[Any],
        seal: Seal,
        now: datetime,
        lifecycle: Lifecycle[Any],
        preview: bool,
    ) -> None:
        self._store = store
        self._template = template
        self._config = config
        self._seal = seal
        self._now = now
        self._preview = preview
        self._closing = lifecycle.closing
        self._exact, self._folded = _names(config, lifecycle)
        self._digests: dict[str, bytes | None] = {}
        self._seen: dict[str, int] = {}
        self._gone: set[str] = set()
        self._begun: datetime | None = None
        self._asked = False

    async def chunk(self, rows: Sequence[StatusRow | BadRow]) -> list[ImportedRow]:
        """Some rows, and what became of each, in their order."""
        held = await holders(self._store, rows, self._config, self._seal)
        if self._gone:  # in a preview: by now they would hold nothing
            held = {named: customer for named, customer in held.items() if customer not in self._gone}
        done: dict[int, ImportedRow] = {}
        sets: dict[Target, list[tuple[int, SetRow]]] = {}
        for place, row in enumerate(rows):
            if isinstance(row, BadRow):
                done[place] = ImportedRow(row.line, None, row)
                continue
            customer, reasons = await self._whom(row, held)
            target = self._target(row)
            if target is None:
                message = "no status and no label of this organisation: use one that is configured"
                reasons.append(Reason(RefusalCode.UNKNOWN_LABEL, message))
            if reasons or customer is None or target is None:
                done[place] = ImportedRow(row.line, customer, Refusal(customer or "", tuple(reasons)))
                continue
            self._seen[customer] = row.line
            reason = None if row.reason is None or row.reason.isspace() else row.reason
            each = SetRow(customer, reason, self._digest(reason), row.shop)
            sets.setdefault(target, []).append((place, each))
        for target, placed in sets.items():
            request = evolve(self._template, targets=(target,))
            # A reason of each row's own is as good as one of all.
            for own in (False, True):
                some = [(place, each) for place, each in placed if (each.reason is not None) is own]
                if some:
                    asked = evolve(request, reason=some[0][1].reason) if own else request
                    outcomes = await make_set(
                        self._store,
                        asked,
                        [each for _, each in some],
                        self._config,
                        self._now,
                        reasons=unapproved(target, self._template.approval),
                        preview=self._preview,
                    )
                    for (place, each), outcome in zip(some, outcomes, strict=True):
                        done[place] = ImportedRow(rows[place].line, each.customer, outcome)
                        if isinstance(outcome, Plan) and outcome.accounts[0].closed_at is not None:
                            self._gone.add(each.customer)
        return [done[place] for place in range(len(rows))]

    def _target(self, row: StatusRow) -> Target | None:
        """Which label or status a row means."""
        return self._exact.get(row.target) or self._folded.get(row.target.casefold())

    async def _whom(self, row: StatusRow, held: Held) -> tuple[str | None, list[Reason]]:
        """The customer of a row, or why there is not exactly one, or why the row does not apply to them."""
        customer, reason = whom(row, held)
        if customer is None or reason is not None:
            return customer, [] if reason is None else [reason]
        if customer in self._seen:
            message = f"the customer is in line {self._seen[customer]} already: leave one of them out"
            return customer, [Reason(RefusalCode.TWICE, message)]
        target = self._target(row)
        status = target.status if isinstance(target, StatusLabel) else target
        if row.customer is None and status in self._closing and (await self._is_new(customer)):
            message = (
                "the account that holds the row's identifiers was opened after this run began: the one that held them "
                "may be closed; where this one is meant, give its customer id"
            )
            return customer, [Reason(RefusalCode.UNKNOWN_CUSTOMER, message)]
        return customer, []

    async def _is_new(self, customer: str) -> bool:
        """
        Whether an account was opened after the run began, when that was begun before.

        Closing an account releases its identifiers. A customer that has registered with them since is not the row's.
        """
        if not self._asked:
            self._asked = True
            self._begun = await self._began()
        if self._begun is None:
            return False
        page = await self._store.page(Log(org=self._config.org, customer=customer, limit=1))
        return any(entry.recorded_at >= self._begun for entry in page)

    async def _began(self) -> datetime | None:
        """When the run wrote its first entry; None where it has written none. Every attempt writes under one time."""
        log, began = Log(org=self._config.org, run=self._template.run, limit=1), None
        while True:
            page = await self._store.page(log)
            if not page.items:
                return began
            began = page.items[0].recorded_at
            log = evolve(log, until=began)

    def _digest(self, reason: str | None) -> bytes | None:
        if reason is None:
            return None
        if reason not in self._digests:
            if len(self._digests) > CHUNK:
                self._digests.clear()
            self._digests[reason] = self._seal.digest(reason)
        return self._digests[reason]


async def holders(
    store: AsyncStore, rows: Iterable[StatusRow | ActivityRow | BadRow], config: OrgConfig[Any], seal: Seal
) -> dict[tuple[str, str], str]:
    """Who holds which of the rows' identifiers."""
    tokens = {
        named: seal.token(config.org, Identifier(*named)).token
        for row in rows
        if not isinstance(row, BadRow)
        for named in row.identifiers
    }
    if not tokens:
        return {}
    found = await store.find_all(config.org, tuple(dict.fromkeys(tokens.values())))
    return {named: found[token] for named, token in tokens.items() if token in found}


def check_identifiers(named: object) -> None:
    """InvalidInputError unless these are identifiers as a row has them, within bounds."""
    if not isinstance(named, tuple) or not all(isinstance(each, tuple) and len(each) == 2 for each in named):
        raise InvalidInputError("identifiers", "a tuple of pairs, each a type and a value", kind_of(named))
    for type_, value in named:
        Identifier(type_, value)


def whom(row: StatusRow | ActivityRow, held: Held) -> tuple[str | None, Reason | None]:
    """The customer of a row, or why there is not exactly one."""
    named = {row.customer} if row.customer is not None else set()
    named |= {held[each] for each in row.identifiers if each in held}
    if not named:
        message = "no customer of this organisation has the row's identifiers: register the customer first"
        return None, Reason(RefusalCode.UNKNOWN_CUSTOMER, message)
    if len(named) > 1:
        message = "the row's identifiers belong to different customers: remove the wrong ones"
        return None, Reason(RefusalCode.AMBIGUOUS, message)
    (customer,) = named
    return customer, None


def unapproved(target: Target, approval: str | None) -> tuple[Reason, ...]:
    """The reason against a bulk run without approval into a status that requires one (D103)."""
    status = target.status if isinstance(target, StatusLabel) else target
    if approval is not None or status not in _APPROVED:
        return ()
    message = f"a bulk run into {status.name} requires an approval: pass approval= with who approved it"
    return (Reason(RefusalCode.APPROVAL_NEEDED, message),)


def _names(config: OrgConfig[Any], lifecycle: Lifecycle[Any]) -> tuple[dict[str, Target], dict[str, Target]]:
    """
    By which texts a table names the places of a lifecycle: labels by theirs, statuses by name and by value.

    Exactly, and with the case folded where no two labels, or no two statuses, differ by it alone; a label comes before a status.
    """
    exact: dict[str, Target] = {}
    folded: dict[str, Target] = {}
    labels = [(label.text, label) for label in config.labels] if lifecycle.name == CUSTOMER_STATUS.name else []
    statuses = [(text, status) for status in lifecycle.statuses for text in (status.name, str(status.value))]
    ranks: tuple[list[tuple[str, Target]], ...] = (labels, statuses)
    for rank in ranks:
        places: dict[str, set[Target]] = {}
        for text, target in rank:
            exact.setdefault(text, target)
            places.setdefault(text.casefold(), set()).add(target)
        for text, found in places.items():
            if text not in folded and len(found) == 1:
                folded[text] = next(iter(found))
    return exact, folded


def _checked(row: StatusRow | BadRow) -> StatusRow | BadRow:
    """A row within bounds, for a host may make rows by itself; a bad one where it is not."""
    if isinstance(row, BadRow):
        return row
    if not isinstance(row, StatusRow):
        raise InvalidInputError("rows", "the rows of a table", kind_of(row))
    try:
        check_id("target", row.target, LABEL)
        for name, value in (("customer", row.customer), ("shop", row.shop)):
            if value is not None:
                check_id(name, value)
        if row.reason is not None:
            check_text("reason", row.reason)
        check_identifiers(row.identifiers)
    except InvalidInputError as error:
        return BadRow(row.line, str(error))
    return row
