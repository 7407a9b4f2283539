"""Requesting, as flows: what one actor asks for on one channel, built from what a desk's verb is given, and made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import frozen

from custstatus import bounds, flows
from custstatus.bounds import check_id, check_text, check_told, kind_of
from custstatus.changes import Applied, Operation, Plan, Refusal, Request, Token
from custstatus.codec import utc_text
from custstatus.config import OrgConfig
from custstatus.errors import InvalidInputError, RefusedError
from custstatus.flows import Flow, Option
from custstatus.lifecycle import Lifecycle, Status
from custstatus.reading import lifecycle_on
from custstatus.records import Actor, AnyChannel, Identifier, StatusLabel, Wish
from custstatus.sealing import Seal
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.bulk.importing import Import
    from custstatus.bulk.reversing import Reversal
    from custstatus.bulk.shapes import BadRow, StatusRow
    from custstatus.upgrading.mending import Upgrade, UpgradeMap

__all__ = ["Requesting", "made"]

K = TypeVar("K")
L = TypeVar("L", bound=StatusLabel)


@frozen(eq=False, repr=False)
class Requesting(Value, Generic[K, L]):
    """Who makes changes and by which way, over a store of either kind; what each change carries is said of `desk.Desk`."""

    _store: K
    _config: OrgConfig[L]
    _clock: Callable[[], datetime]
    _seal: Seal
    actor: Actor
    channel: AnyChannel
    wish: Wish | None = None

    def _make(
        self,
        operation: Operation,
        customer: str,
        *targets: L | Status,
        adds: Iterable[Identifier] = (),
        drops: Iterable[Identifier] = (),
        **given: Any,
    ) -> Flow[Applied]:
        tokens = {"adds": self._tokens(adds), "drops": self._tokens(drops)}
        request = self._request(operation, customer, *targets, **tokens, **given)
        return made((yield from flows.make(request, self._config, self._clock())))

    def _change(
        self,
        customer: str,
        target: L | Status,
        reason: str | None,
        reason_code: str | None,
        at: datetime | None,
        key: str | None,
        expected: int | None,
    ) -> Flow[Applied | Refusal]:
        # By position, as it is what most programs ask for most.
        request = Request(
            Operation.CHANGE,
            customer,
            (target,),
            self.actor,
            self.channel,
            self.wish,
            reason,
            reason_code,
            self._digest(reason),
            at,
            key,
            expected,
        )
        return flows.make(request, self._config, self._clock())

    def _restore(self, customer: str, lifecycle: Lifecycle[Any], **given: Any) -> Flow[Applied]:
        request = self._request(Operation.RESTORE, customer, **given)
        there = lifecycle_on(lifecycle, self._config)
        return made((yield from flows.restore(request, there, self._config, self._clock())))

    def _preview(self, customer: str, target: L | Status, **given: Any) -> Flow[Plan | Applied | Refusal]:
        request = self._request(Operation.CHANGE, customer, target, **given)
        return flows.preview(request, self._config, self._clock())

    def _moves(self, customer: str, lifecycle: Lifecycle[Any], **given: Any) -> Flow[tuple[Option, ...]]:
        request = self._request(Operation.CHANGE, customer, **given)
        return flows.moves(request, lifecycle_on(lifecycle, self._config), self._config, self._clock())

    def _replace(self, customer: str, old: Identifier, new: Identifier, **given: Any) -> Flow[Applied]:
        if isinstance(old, Identifier) and isinstance(new, Identifier) and old.type != new.type:
            raise InvalidInputError("new", f"an identifier of type {old.type!r}, as the old one", repr(new.type))
        return self._make(Operation.REPLACE_IDENTIFIER, customer, adds=[new], drops=[old], **given)

    def _upgrade(
        self, old: OrgConfig[Any], mapping: UpgradeMap, *, run: str | None, dry: bool, **given: Any
    ) -> Flow[Upgrade]:
        from custstatus.upgrading.mending import mend  # needed once in a configuration's life

        now = self._clock()
        run = f"upgrade-{utc_text(now)}" if run is None else check_id("run", run)
        template = self._request(Operation.CHANGE, "", run=run, **given)
        return mend(template, old, self._config, mapping, now, dry=dry)

    def _import(
        self,
        rows: Iterable[StatusRow | BadRow],
        lifecycle: Lifecycle[Any],
        *,
        run: str | None,
        given: dict[str, Any],
        **how: Any,
    ) -> Flow[Import]:
        from custstatus.bulk.importing import import_statuses  # most programs never import

        if isinstance(rows, str) or not isinstance(rows, Iterable):
            raise InvalidInputError("rows", "the rows of a table", kind_of(rows))
        most = how["most"]
        if most is not None and (type(most) is not int or most < 0):
            raise InvalidInputError("most", "0 or more", kind_of(most))
        check_told(how["told"])
        now = self._clock()
        run = f"import-{utc_text(now)}" if run is None else check_id("run", run)
        template = self._request(Operation.CHANGE, "", run=run, **given)
        there = lifecycle_on(lifecycle, self._config)
        return import_statuses(rows, template, self._config, self._seal, now, lifecycle=there, **how)

    def _reverse(self, of: str, *, run: str | None, dry: bool, told: Any, **given: Any) -> Flow[Reversal]:
        from custstatus.bulk.reversing import reverse  # nor reverse

        check_id("run", of)
        check_told(told)
        run = check_id("reversal", _reversal_of(of) if run is None else run)
        template = self._request(Operation.CHANGE, "", run=run, **given)
        return reverse(of, template, self._config, self._clock(), told=told, dry=dry)

    def _request(self, operation: Operation, customer: str, *targets: L | Status, **given: Any) -> Request:
        digest = self._digest(given.get("reason"))
        return Request(operation, customer, targets, self.actor, self.channel, self.wish, reason_digest=digest, **given)

    def _digest(self, reason: str | None) -> bytes | None:
        if reason is None or self._seal.key is None:
            return None
        return self._seal.digest(check_text("reason", reason))

    def _tokens(self, identifiers: Iterable[Identifier]) -> tuple[Token, ...]:
        if isinstance(identifiers, (str, type)) or not isinstance(identifiers, Iterable):
            raise InvalidInputError("identifiers", "several Identifiers", kind_of(identifiers))
        tokens = []
        for identifier in identifiers:
            if not isinstance(identifier, Identifier):
                raise InvalidInputError("identifier", "an Identifier", kind_of(identifier))
            tokens.append(self._seal.token(self._config.org, identifier))
        return tuple(tokens)


def _reversal_of(run: str) -> str:
    """The id of a run's reversal: made of the run's own, or of its digest where that is too long."""
    named = f"reverse-{run}"
    return named if len(named) <= bounds.ID else f"reverse-{hashlib.sha256(run.encode()).hexdigest()}"


def made(outcome: Applied | Plan | Refusal) -> Applied:
    """What was applied; RefusedError where it was refused."""
    if isinstance(outcome, Refusal):
        raise RefusedError(outcome)
    if isinstance(outcome, Plan):  # only previews plan without applying
        raise TypeError("a plan is no change")
    return outcome
