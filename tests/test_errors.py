"""Errors: one tree, each with what a caller needs to go on, and nothing personal in any of them."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from organisation import (
    ACME,
    IDLE_AFTER,
    MACHINE,
    START,
    STORES,
    Label,
    World,
    in_memory,
    opened,
)

import custstatus
from custstatus import (
    CLIENT_STATE,
    CUSTOMER_STATUS,
    MEMBERSHIP,
    Action,
    Activity,
    Actor,
    Channel,
    ChartError,
    ClientState,
    ConfigurationError,
    ConflictError,
    CustomerStatus,
    CuststatusError,
    DeniedError,
    Identifier,
    InvalidInputError,
    Membership,
    RefusedError,
    StoreBusyError,
    StoreError,
    SweepStoppedError,
    UnknownCustomerError,
    errors,
)
from custstatus.errors import (
    PositionLostError,
    SchemaError,
    StoreClosedError,
    StoredValueError,
    UnknownActionError,
    UnknownError,
    UnknownLabelError,
    UnknownLifecycleError,
)

TREE: dict[type[Exception], tuple[type[Exception], ...]] = {
    CuststatusError: (Exception,),
    InvalidInputError: (CuststatusError, ValueError),
    ConfigurationError: (CuststatusError, ValueError),
    ChartError: (CuststatusError, ValueError),
    UnknownError: (CuststatusError, LookupError),
    UnknownCustomerError: (UnknownError,),
    UnknownActionError: (UnknownError,),
    UnknownLabelError: (UnknownError,),
    UnknownLifecycleError: (UnknownError,),
    RefusedError: (CuststatusError,),
    DeniedError: (CuststatusError,),
    SweepStoppedError: (CuststatusError,),
    ConflictError: (CuststatusError,),
    StoreError: (CuststatusError,),
    StoreBusyError: (StoreError,),
    StoreClosedError: (StoreError,),
    SchemaError: (StoreError,),
    PositionLostError: (StoreError,),
    StoredValueError: (StoreError,),
}


def _denied() -> DeniedError:
    world = in_memory(ACME)
    world.desk.register("c")
    world.desk.change("c", Label.LOST_PHONE, reason="lost")
    with pytest.raises(DeniedError) as denied:
        world.service.check("c", Action.POINTS_REDEMPTION)
    return denied.value


def _refused() -> RefusedError:
    world = in_memory(ACME)
    world.desk.register("c")
    with pytest.raises(RefusedError) as refused:
        world.desk.change("c", Label.PROVEN, reason="r")
    return refused.value


EXAMPLES: list[CuststatusError] = [
    CuststatusError("anything"),
    InvalidInputError("customer", "text of 1 to 128 characters", "text of 0 characters"),
    ConfigurationError("organisation 'acme'", ["labels: one", "idle: two"]),
    ChartError("chart Light", iter(["one"])),
    UnknownError("anything"),
    UnknownCustomerError("acme", "c"),
    UnknownActionError("acme", "FLY", ["LOGIN", "OFFERS"]),
    UnknownLabelError("acme", "Platinum", []),
    UnknownLifecycleError("acme", "membership", ["customer_status"]),
    _refused(),
    _denied(),
    SweepStoppedError("acme", 12, 5, 90),
    ConflictError("acme", "c", 8),
    StoreError("no disk"),
    StoreBusyError("locked"),
    StoreClosedError("closed"),
    SchemaError("too new"),
    PositionLostError("restored"),
    StoredValueError("customer_status", "label", "Platinum"),
]


class TestTree:
    def test_every_public_error_has_its_place_in_the_tree(self) -> None:
        public = {getattr(errors, name) for name in errors.__all__}
        at_the_top = {
            each
            for name in custstatus.__all__
            if isinstance(each := getattr(custstatus, name), type) and issubclass(each, Exception)
        }
        assert public == set(TREE)
        assert at_the_top < public
        assert {type(example) for example in EXAMPLES} == public

    @pytest.mark.parametrize("error", list(TREE), ids=lambda error: error.__name__)
    def test_each_is_what_its_parents_are(self, error: type[Exception]) -> None:
        assert all(issubclass(error, parent) for parent in TREE[error])
        assert issubclass(error, CuststatusError)


class TestMessages:
    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (
                InvalidInputError("customer", "text", "int"),
                ["customer", "expected text", "got int"],
            ),
            (ConfigurationError("organisation 'acme'", ["one", "two"]), ["organisation 'acme'", "2", "one", "two"]),
            (ChartError("chart Light", ["one"]), ["chart Light", "one"]),
            (UnknownCustomerError("acme", "c"), ["'c'", "'acme'", "register them first"]),
            (UnknownActionError("acme", "FLY", ["OFFERS", "LOGIN"]), ["'FLY'", "configure it", "LOGIN, OFFERS"]),
            (UnknownLabelError("acme", "Platinum", []), ["label 'Platinum'", "none"]),
            (UnknownLifecycleError("acme", "membership", ["a"]), ["lifecycle 'membership'", "use one of: a"]),
            (_refused(), ["'c'", "no_transition", "go through another status"]),
            (_denied(), ["POINTS_REDEMPTION is denied", "block.points_redemption"]),
            (
                SweepStoppedError("acme", 12, 5, 90),
                ["'acme'", "would move 12 of 90 customers", "the limit is 5", "preview it without limits"],
            ),
            (ConflictError("acme", "c", 8), ["'c'", "8 attempts", "retry"]),
            (
                StoredValueError("customer_status", "label", "Platinum"),
                ["'Platinum'", "'customer_status'", "restore it in the configuration"],
            ),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
    )
    def test_a_message_says_what_was_expected_what_came_and_the_next_step(
        self, error: CuststatusError, said: list[str]
    ) -> None:
        assert all(part in str(error) for part in said)

    def test_what_a_program_needs_is_an_attribute(self) -> None:
        assert _refused().refusal.customer == "c"
        assert _denied().decision.action is Action.POINTS_REDEMPTION
        assert ConflictError("acme", "c", 8).attempts == 8
        stopped = SweepStoppedError("acme", 12, 5, 90)
        assert (stopped.org, stopped.concerned, stopped.allowed, stopped.customers) == ("acme", 12, 5, 90)
        assert InvalidInputError("a", "b", "c").field == "a"
        assert UnknownActionError("acme", "FLY", iter(["b", "a"])).known == ("a", "b")
        assert ConfigurationError("x", iter(["b", "a"])).faults == ("b", "a")
        assert (StoredValueError("l", "k", "v").lifecycle, StoredValueError("l", "k", "v").value) == ("l", "v")


class TestCopies:
    @pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
    @pytest.mark.parametrize("copied", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
    def test_an_error_survives_being_sent_to_another_process(
        self, error: CuststatusError, copied: Callable[[CuststatusError], CuststatusError]
    ) -> None:
        again = copied(error)
        assert type(again) is type(error)
        assert str(again) == str(error)
        # A step of a plan is compared by identity; whatever else an error holds is the same.
        assert set(vars(again)) == set(vars(error))
        for name, value in vars(error).items():
            assert str(getattr(again, name)) == str(value)


SECRETS = ("XsecretreasonX", "XsecretvalueX", "XsecretaccountX", "XsecretnameX", "XsecretkeyX")
REASON, VALUE, ACCOUNT, NAME, KEY = SECRETS


@pytest.fixture(params=STORES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World[Label]]:
    """The example organisation over each kind of store, with a key of secret bytes."""
    with opened(request.param, tmp_path, ACME, key=KEY.encode() * 2) as opened_world:
        yield opened_world


def heard(verb: Callable[[], Any]) -> Any:
    """What a verb answers or raises."""
    try:
        return verb()
    except CuststatusError as error:
        return error


def verbs(world: World[Label]) -> list[Callable[[], Any]]:
    """Everything the library can be asked to do, with secrets in every field that may hold any, rightly and wrongly."""
    desk = world.service.acting(Actor("agent-7", name=NAME), Channel.MEMBER_CARE)
    machine = world.service.acting(evolve(MACHINE, name=NAME))
    mobile = Identifier("mobile", VALUE, "web", ACCOUNT)
    email, fax = Identifier("email", VALUE, "", ACCOUNT), Identifier("fax", VALUE, "", ACCOUNT)
    look = world.service
    long = REASON * 200
    wrong: Any = VALUE
    return [
        lambda: desk.register("c", Membership.ENROLLED, identifiers=[mobile], reason=REASON, key="k"),
        lambda: desk.register("c", Membership.ENROLLED, identifiers=[mobile], reason=REASON, key="k"),
        lambda: desk.register("c", identifiers=[mobile], reason=REASON, key="k"),
        lambda: desk.register("d", identifiers=[mobile], reason=REASON),
        lambda: desk.register("d", identifiers=[mobile, mobile], reason=REASON),
        lambda: desk.register("d", identifiers=[fax], reason=REASON),
        lambda: desk.register("d", identifiers=[wrong], reason=REASON),
        lambda: desk.register("d", identifiers=[email]),
        lambda: desk.preview("c", Label.ABROAD, reason=REASON),
        lambda: desk.preview("c", Label.PROVEN, reason=REASON),
        lambda: desk.options("c", reason=REASON),
        lambda: desk.options("c", MEMBERSHIP, reason=REASON),
        lambda: desk.change("c", Label.TRENDING, reason=REASON),
        lambda: desk.change("c", Label.TRENDING, reason=REASON, expected=1, at=START),
        lambda: desk.change("c", Label.ABROAD, reason=long),
        lambda: desk.change("c", Label.ABROAD, reason=REASON + "\x00"),
        lambda: desk.change("c", wrong, reason=REASON),
        lambda: desk.change("nobody", Label.ABROAD, reason=REASON),
        lambda: desk.change("c", Label.UNUSUAL, reason=REASON),
        lambda: machine.change("c", Label.PROVEN, reason=REASON),
        lambda: desk.restore("c", reason=REASON),
        lambda: desk.restore("c", reason=REASON),
        lambda: desk.add_identifier("c", email, reason=REASON),
        lambda: desk.add_identifier("c", mobile, reason=REASON),
        lambda: desk.add_identifier("c", fax, reason=REASON),
        lambda: desk.add_identifier("c", wrong, reason=REASON),
        lambda: desk.replace_identifier("c", mobile, evolve(mobile, source="app"), reason=REASON),
        lambda: desk.replace_identifier("c", mobile, mobile, reason=REASON),
        lambda: desk.replace_identifier("c", mobile, email, reason=REASON),
        lambda: desk.remove_identifier("c", mobile, reason=REASON),
        lambda: desk.remove_identifier("c", evolve(mobile, source="app"), reason=REASON),
        lambda: Identifier("mobile", VALUE * 30),
        lambda: Identifier("mobile", VALUE + "\x00", account=ACCOUNT),
        lambda: Identifier("mobile", VALUE, account=ACCOUNT * 30),
        lambda: Actor("agent-7", name=NAME * 30),
        lambda: mobile,
        lambda: desk,
        lambda: look.find(mobile),
        lambda: look.identifiers("c"),
        lambda: look.account("c"),
        lambda: look.standing("c", CUSTOMER_STATUS),
        lambda: look.standings("c", at=START),
        lambda: look.history("c"),
        lambda: look.history("c", actor=NAME),
        lambda: look.timeline("c"),
        lambda: look.customers(CUSTOMER_STATUS),
        lambda: look.counts(CUSTOMER_STATUS),
        lambda: look.reportable(),
        lambda: look.decide("c", Action.TRANSACTION),
        lambda: look.decide_all("c", Action),
        lambda: look.record(Activity("c", Action.TRANSACTION, "r", START)),
        lambda: look.activities("c"),
        lambda: look.sweep(preview=True),
        lambda: world.clock.forward(IDLE_AFTER * 1.5),
        lambda: look.sweep(preview=True),
        lambda: look.sweep(),
        lambda: look.record(Activity("c", Action.TRANSACTION, "r-2", world.clock())),
        lambda: look.inactive(IDLE_AFTER),
        lambda: look.verify(),
        lambda: world.restore("c", reason=REASON),
        lambda: world.make(world.request("c", CustomerStatus.PENDING_DELETION, reason=REASON)),
        lambda: world.restore("c", reason=REASON, preview=True),
        lambda: desk.change("d", ClientState.REGISTERED, reason=REASON),
        lambda: desk.restore("d", CLIENT_STATE, reason=REASON),
        lambda: desk.change("d", Label.CLOSED, reason=REASON),
        lambda: desk.change("d", Label.REGULAR, reason=REASON),
        lambda: look.customers(CUSTOMER_STATUS, CustomerStatus.DELETED),
        lambda: world.store.close(),
        lambda: desk.change("c", Label.REGULAR, reason=REASON),
        lambda: look.find(mobile),
    ]


class TestNothingPersonal:
    def test_no_repr_text_traceback_or_log_holds_a_secret(
        self, world: World[Label], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        for number, verb in enumerate(verbs(world)):
            came = heard(verb)
            said = [repr(came), str(came), f"{came}"]
            if isinstance(came, tuple | list):
                said += [repr(each) + str(each) for each in came]
            if isinstance(came, BaseException):
                said.append(repr(came.args))
                # The lines of source in a traceback name fields, not what they hold.
                said.append("".join(traceback.format_exception_only(came)))
                if came.__cause__ is not None:
                    said += [repr(came.__cause__), str(came.__cause__)]
            for secret in SECRETS:
                assert not [text for text in said if secret in text], f"verb {number} tells {secret}"
        assert not [record for record in caplog.records if any(secret in record.getMessage() for secret in SECRETS)]

    def test_the_secrets_were_there_to_be_told(self, world: World[Label]) -> None:
        # The control: without it the test above could pass by doing nothing.
        for verb in verbs(world)[:23]:
            heard(verb)
        entries = list(world.service.history("c"))
        assert {entry.reason for entry in entries} == {REASON}
        assert {entry.actor.name for entry in entries} == {NAME}
        assert world.service.find(Identifier("mobile", VALUE, "web", ACCOUNT)) == "c"

    def test_the_customer_is_named_by_his_id_alone(self) -> None:
        assert str(UnknownCustomerError("acme", "c-42")).count("c-42") == 1
