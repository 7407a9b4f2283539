"""Batches: what a column answers is what each customer's decision says, however many combinations there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import chain, product
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from organisation import AGENT, START, Label, ShopAction, some_examples

from custstatus import (
    CLIENT_STATE,
    CUSTOMER_STATUS,
    LEGACY_FRAUD_STATUS,
    MEMBERSHIP,
    TRIAL_GROUP,
    Account,
    Action,
    ClientState,
    Condition,
    CustomerStatus,
    Effect,
    InvalidInputError,
    LegacyFraudStatus,
    Membership,
    OrgConfig,
    Party,
    RestrictionPolicy,
    Standing,
    StatusLabel,
    Verdict,
    Waiver,
    block,
    mark,
)
from custstatus.errors import StoredValueError, UnknownActionError
from custstatus.policies.batches import (
    UNKNOWN,
    EncodedAccounts,
    Undecided,
    effects,
    encode,
    encode_columns,
    encode_places,
    undecided,
)
from custstatus.policies.policy import Question

np: Any = import_module("numpy")
pa: Any = import_module("pyarrow")

TRANSACTION, LOGIN, TRANSFER, REDEMPTION = (
    Action.TRANSACTION,
    Action.LOGIN,
    Action.POINTS_TRANSFER,
    Action.POINTS_REDEMPTION,
)

MANY: Any = StatusLabel
Many: type[StatusLabel] = MANY(
    "Many",
    {
        f"L{number}": (f"label {number}", status)
        for number, status in enumerate(status for status in CustomerStatus for _ in range(20))
    },
)
"""The labels of an organisation that has many."""

LABELS: list[StatusLabel] = list(Many)

CONFIG: OrgConfig[Any] = OrgConfig(
    "many",
    Many,
    lifecycles=[CUSTOMER_STATUS, MEMBERSHIP, CLIENT_STATE],
    restrictions=RestrictionPolicy(
        mark(TRANSACTION, when=LABELS[::3]),
        block(TRANSACTION, when=LABELS[::7]),
        block(LOGIN, when=[CustomerStatus.DELETED, Membership.ON_HOLD]),
        mark(LOGIN, TRANSACTION, when=[Membership.UNENROLLED, *LABELS[5:40:11]]),
        block(TRANSFER, when=LABELS[::2], party=Party.SOURCE),
        mark(TRANSFER, when=LABELS[::5], party=Party.DESTINATION),
        block(REDEMPTION, when=[ClientState.EXCLUDED]),
    ),
    waives=list(Waiver),
)
POLICY = CONFIG.policy


def account(*rows: tuple[str, str | None, str | None], customer: str = "c") -> Account:
    """An account that stands at these (lifecycle, status, label)."""
    standings = (Standing(*row, START, START, AGENT, 1) for row in sorted(rows, key=lambda row: row[0]))
    return Account("many", customer, 1, START, None, tuple(standings))


def every_account() -> Sequence[Account]:
    """One account at each combination of places, the unset among them; some thousands."""
    customers = [(None, None), *((label.status.value, label.text) for label in LABELS), ("active", None)]
    members = [None, *(status.value for status in Membership)]
    clients = [None, *(status.value for status in ClientState)]
    return [
        account(("customer_status", *customer), ("membership", member, None), ("client_state", client, None))
        for customer, member, client in product(customers, members, clients)
    ]


EVERY = every_account()


def decided(accounts: Sequence[Account], action: Action, party: Party | None = None) -> list[int]:
    """The strictness that each account's own verdict has."""
    return [POLICY.verdict_of(each, action, party=party).effect.strictness for each in accounts]


def spread(count: int, combinations: int) -> list[Account]:
    """So many accounts at so many combinations, in no order."""
    few = EVERY[:: len(EVERY) // combinations][:combinations]
    return [few[number * 7919 % len(few)] for number in range(count)]


# -- the law -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("combinations", [1, 2, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025, 2049, len(EVERY)])
@pytest.mark.parametrize("action", [TRANSACTION, LOGIN, TRANSFER, REDEMPTION])
def test_a_column_answers_as_each_customer_does(combinations: int, action: Action) -> None:
    assert len(EVERY) > 2049
    accounts = spread(3 * len(EVERY), combinations)
    column = encode(POLICY, accounts)
    assert len(column.places) == combinations
    assert (column.high == b"") is (combinations <= 256)
    assert list(effects(POLICY, column, action)) == decided(accounts, action)


@pytest.mark.parametrize("party", Party)
@pytest.mark.parametrize("combinations", [256, 2049])
def test_either_side_of_an_action_is_asked(party: Party, combinations: int) -> None:  # D39
    accounts = spread(5_000, combinations)
    column = encode(POLICY, accounts)
    assert list(effects(POLICY, column, TRANSFER, party)) == decided(accounts, TRANSFER, party)
    assert list(effects(POLICY, column, LOGIN, party)) == decided(accounts, LOGIN)


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("combinations", [1, 256, 257, 3000])
def test_few_customers_of_many_combinations(count: int, combinations: int) -> None:
    column = encode(POLICY, EVERY[:combinations]).at(range(combinations - count, combinations))
    assert len(column) == count
    last = EVERY[combinations - count : combinations]
    assert list(effects(POLICY, column, TRANSACTION)) == decided(last, TRANSACTION)


def test_nobody() -> None:
    column = encode(POLICY, [])
    assert (len(column), effects(POLICY, column, LOGIN), undecided(POLICY, column, LOGIN)) == (0, b"", ())
    assert list(effects(POLICY, encode(POLICY, [account()]), LOGIN)) == [0]


@some_examples
@given(table=st.binary(min_size=257, max_size=5000), seed=st.randoms(use_true_random=False))
def test_looking_up_pages_is_indexing(table: bytes, seed: Any) -> None:
    table = bytes(byte & 3 for byte in table)
    codes = [seed.randrange(len(table)) for _ in range(300)]
    blank = EncodedAccounts(tuple(((str(each), None, None),) for each in range(len(table))), b"", b"")
    expected = bytes(table[code] for code in codes)
    assert blank.at(codes).look_up(table) == expected
    assert blank.at(np.array(codes)).look_up(table) == expected
    assert list(blank.at(codes).codes) == codes


def test_the_most_combinations_there_can_be() -> None:
    table = bytes(number * number % 251 & 3 for number in range(65_536))
    column = EncodedAccounts(tuple(((str(each), None, None),) for each in range(65_536)), b"", b"").at(range(65_536))
    assert column.look_up(table) == table


def test_more_combinations_than_that_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custstatus.policies.batches.MOST", 300)
    assert len(encode(POLICY, EVERY[:300]).places) == 300
    with pytest.raises(InvalidInputError, match="at most 300 different combinations"):
        encode(POLICY, EVERY[:301])


def test_another_policy_answers_from_the_same_column() -> None:
    column = encode(POLICY, EVERY)
    other = POLICY.with_rules(RestrictionPolicy(block(LOGIN, when=list(CustomerStatus))))
    assert list(effects(other, column, LOGIN)) == [other.verdict_of(each, LOGIN).effect.strictness for each in EVERY]


# -- encoding ------------------------------------------------------------------------------------------------------

PLACES: list[tuple[CustomerStatus | None, StatusLabel | None]] = [(label.status, label) for label in LABELS] + [
    (None, None),
    (CustomerStatus.ACTIVE, None),
]
TEXTS = [(status and status.value, label and label.text) for status, label in PLACES]


def test_places_as_members_and_as_they_are_stored() -> None:
    members, texts = (encode_places(POLICY, "customer_status", places) for places in (PLACES, TEXTS))
    assert members.places == texts.places
    assert members.low == texts.low
    both = encode_places(POLICY, "customer_status", chain(PLACES, TEXTS))
    assert both.places == members.places
    expected = [POLICY.verdict(status, label, TRANSACTION).effect.strictness for status, label in PLACES]
    assert list(effects(POLICY, members, TRANSACTION)) == expected


AS_COLUMN: list[Callable[[list[str | None]], Any]] = [
    list,
    iter,
    np.array,
    pa.array,
    lambda texts: pa.chunked_array(
        [pa.array(texts[:5], pa.string()), pa.array([], pa.string()), pa.array(texts[5:], pa.string())]
    ),
    lambda texts: pa.array([*texts, None]).dictionary_encode().slice(0, len(texts)),
    lambda texts: pa.array([None, "Ω", *texts], pa.large_string()).slice(2),
    lambda texts: pa.DictionaryArray.from_arrays(pa.array(range(len(texts)), pa.uint8()), pa.array(texts)),
    lambda texts: (
        pa.DictionaryArray.from_arrays(pa.array([None, *range(127)], pa.int8()), texts[:127]).slice(1)
        if len(texts) == 127
        else pa.array(texts)
    ),
]


@pytest.mark.parametrize("make", AS_COLUMN)
@pytest.mark.parametrize("rows", [0, 1, 6, 127, len(TEXTS)])
def test_columns_of_every_kind_are_read_alike(make: Callable[[list[str | None]], Any], rows: int) -> None:
    expected = encode_places(POLICY, "customer_status", TEXTS[-rows:] if rows else [])
    statuses = [status for status, _ in TEXTS[-rows:]] if rows else []
    labels = [label for _, label in TEXTS[-rows:]] if rows else []
    column = encode_columns(POLICY, {"customer_status": (make(statuses), make(labels))})
    assert (column.places, column.low) == (expected.places, expected.low)


def test_nulls_only() -> None:
    column = encode_columns(POLICY, {"customer_status": (pa.array(["active"] * 3), pa.nulls(3))})
    assert column.places == ((("customer_status", "active", None),),)
    column = encode_columns(POLICY, {"customer_status": (pa.nulls(2, pa.string()), None)})
    assert column.places == ((("customer_status", None, None),),)


def test_a_slice_of_an_encoded_column() -> None:
    statuses = pa.array(["asleep", "active", "deleted"]).dictionary_encode().slice(1)
    column = encode_columns(POLICY, {"customer_status": (statuses, None)})
    assert list(effects(POLICY, column, LOGIN)) == [0, 2]


def test_an_array_of_fixed_width_text() -> None:
    statuses = np.array(["active", "deleted", "active"])
    column = encode_columns(POLICY, {"customer_status": (statuses, None)})
    assert [type(text) for place in column.places for text in place[0]] == [str, str, type(None)] * 2
    assert list(effects(POLICY, column, LOGIN)) == [0, 2, 0]


def test_several_lifecycles_as_columns() -> None:
    rows = [{row.lifecycle: (row.status, row.label) for row in each.standings} for each in EVERY]
    columns: Any = {
        "customer_status": tuple(pa.array([row["customer_status"][at] for row in rows]) for at in (0, 1)),
        "membership": ([row["membership"][0] for row in rows], None),
        "client_state": (np.array([row["client_state"][0] for row in rows]), None),
    }
    column = encode_columns(POLICY, columns)
    assert list(effects(POLICY, column, TRANSACTION)) == decided(EVERY, TRANSACTION)


@pytest.mark.parametrize("combinations", [200, 3000])
@pytest.mark.parametrize("kind", ["u1", "i2", ">u2", "i4", "u8", "list", "arrow", "bytes"])
def test_codes_that_the_host_has_kept(combinations: int, kind: str) -> None:
    some = encode(POLICY, EVERY[:combinations])
    numbers = [number * 31 % min(combinations, 256) for number in range(1000)]
    made: Any = {"list": list, "bytes": bytes, "arrow": lambda codes: pa.array(codes, pa.int32())}
    column = some.at(made[kind](numbers) if kind in made else np.array(numbers, kind))
    expected = decided([EVERY[number] for number in numbers], TRANSACTION)
    assert list(effects(POLICY, column, TRANSACTION)) == expected
    assert list(effects(POLICY, some.at(column.codes), TRANSACTION)) == expected


def test_the_hosts_array_may_change_afterwards() -> None:
    codes = np.arange(3000)
    column = encode(POLICY, EVERY[:3000]).at(codes)
    before = effects(POLICY, column, TRANSACTION)
    codes[:] = 0
    assert effects(POLICY, column, TRANSACTION) == before


def test_the_answer_is_read_without_a_copy() -> None:
    answer = effects(POLICY, encode(POLICY, EVERY), TRANSACTION)
    array = np.frombuffer(answer, "u1")
    assert array.base is answer
    assert array.tolist() == list(answer)


BAD_CODES = [[-1], [3], [65_536], [1.0], "ab", 1, np.array([3]), np.array([-1]), np.array([0.0]), np.array([[0]])]


@pytest.mark.parametrize("codes", BAD_CODES, ids=repr)
def test_codes_that_are_none(codes: Any) -> None:
    with pytest.raises(InvalidInputError, match="whole numbers"):
        encode(POLICY, EVERY[:3]).at(codes)


# -- what the configuration lacks ----------------------------------------------------------------------------------

WRONG: list[tuple[str, str | None, str | None]] = [
    ("customer_status", "asleep", None),
    ("customer_status", "active", "no such label"),
    ("customer_status", "active", LABELS[-1].text),
    ("membership", "enrolled", "label 1"),
]


@pytest.mark.parametrize("place", WRONG)
def test_what_is_unknown_is_told_as_a_verdict_does(place: tuple[str, str | None, str | None]) -> None:
    with pytest.raises(StoredValueError) as told:
        POLICY.verdict_of(account(place), LOGIN)
    attempts: list[Callable[[], EncodedAccounts]] = [
        lambda: encode(POLICY, [EVERY[0], account(place)]),
        lambda: encode_places(POLICY, place[0], [place[1:]]),
        lambda: encode_columns(POLICY, {place[0]: ([place[1]], pa.array([place[2]]))}),
    ]
    for attempt in attempts:
        with pytest.raises(StoredValueError) as error:
            attempt()
        assert error.value.args == told.value.args


def test_a_lifecycle_that_is_off() -> None:
    """It is passed over where an account has it, and no column can be of it."""
    off = account(("trial_group", "a", None), ("customer_status", "deleted", None))
    assert TRIAL_GROUP not in POLICY.lifecycles
    assert list(effects(POLICY, encode(POLICY, [off]), LOGIN)) == [2] == decided([off], LOGIN)
    with pytest.raises(StoredValueError, match="lifecycle"):
        encode_places(POLICY, "trial_group", [("a", None)])


def test_legacy_fraud_gives_way() -> None:  # D45
    config = OrgConfig(
        "both",
        Label,
        lifecycles=[CUSTOMER_STATUS, LEGACY_FRAUD_STATUS],
        restrictions=RestrictionPolicy(block(LOGIN, when=list(LegacyFraudStatus))),
        waives=list(Waiver),
    )
    legacy = account(("fraud_status", next(iter(LegacyFraudStatus)).value, None))
    legacy = evolve(
        legacy, standings=tuple(evolve(row, lifecycle=LEGACY_FRAUD_STATUS.name) for row in legacy.standings)
    )
    assert config.policy.verdict_of(legacy, LOGIN).effect is Effect.ALLOW
    assert list(effects(config.policy, encode(config.policy, [legacy]), LOGIN)) == [0]


@pytest.mark.parametrize(
    "place",
    [
        (ClientState, None),
        (ClientState.EXCLUDED, None),
        (CustomerStatus.ACTIVE, Label.REGULAR),
        (1, None),
        ("active",),
        5,
    ],
    ids=repr,
)
def test_what_is_no_place(place: Any) -> None:
    with pytest.raises((InvalidInputError, StoredValueError)):
        encode_places(POLICY, "customer_status", [place])


def test_columns_of_different_lengths() -> None:
    with pytest.raises(InvalidInputError, match="one length"):
        encode_columns(POLICY, {"customer_status": (["active"] * 2, [None])})


def test_an_action_that_is_not_configured() -> None:
    policy = OrgConfig("few", Label).policy
    asks: list[Any] = [effects, undecided]
    for ask in asks:
        with pytest.raises(UnknownActionError):
            ask(policy, encode(policy, []), ShopAction.GIFT_WRAP)


# -- what is decided at run time -----------------------------------------------------------------------------------

LARGE = Condition("large", tuple, lambda context: True)
NIGHT = Condition("night", tuple, lambda context: True)

TESTED = RestrictionPolicy(
    block(TRANSACTION, when=Label.TRENDING, condition=LARGE),
    mark(TRANSACTION, when=Label.DORMANT, condition=LARGE),
    mark(TRANSACTION, when=Label.ABROAD),
    block(TRANSACTION, when=Label.PROVEN),
    block(TRANSACTION, when=Label.PROVEN, condition=LARGE),
    mark(TRANSACTION, when=Membership.ON_HOLD),
    block(TRANSACTION, when=Membership.UNENROLLED, condition=NIGHT),
)


def never(question: Question) -> Verdict:
    """A policy of the host's own that must not be asked for a whole column."""
    raise AssertionError


def organisation(*, own: bool = False) -> OrgConfig[Label]:
    """An organisation with conditions, perhaps with a policy of its own."""
    return OrgConfig(
        "acme",
        Label,
        lifecycles=[CUSTOMER_STATUS, MEMBERSHIP],
        restrictions=TESTED,
        policies={"own": never} if own else {},
        waives=list(Waiver),
    )


def standing(label: Label, member: Membership | None = None) -> Account:
    """An account under a label, and somewhere in the membership."""
    rows: Any = [("customer_status", label.status.value, label.text), ("membership", member and member.value, None)]
    return account(*rows)


HOLD, LEFT = Membership.ON_HOLD, Membership.UNENROLLED


@pytest.mark.parametrize(
    ("at", "byte", "with_own"),
    [
        (standing(Label.REGULAR), 0, 3),
        (standing(Label.TRENDING), 3, 3),
        (standing(Label.DORMANT), 3, 3),
        (standing(Label.ABROAD), 1, 3),
        (standing(Label.PROVEN), 2, 2),  # whatever the condition says
        (standing(Label.DORMANT, HOLD), 1, 3),  # marked by the one or the other
        (standing(Label.TRENDING, HOLD), 3, 3),
        (standing(Label.PROVEN, LEFT), 2, 2),
        (standing(Label.DORMANT, LEFT), 3, 3),
    ],
)
def test_what_depends_is_unknown_unless_it_comes_to_the_same(at: Account, byte: int, with_own: int) -> None:
    policy, own = organisation().policy, organisation(own=True).policy
    assert list(effects(policy, encode(policy, [at]), TRANSACTION)) == [byte]
    assert list(effects(own, encode(own, [at]), TRANSACTION)) == [with_own]
    assert bool(undecided(policy, encode(policy, [at]), TRANSACTION)) is (byte == UNKNOWN)
    assert bool(undecided(own, encode(own, [at]), TRANSACTION)) is (with_own == UNKNOWN)


def test_who_is_undecided_and_why() -> None:
    policy = organisation().policy
    crowd = [standing(Label.REGULAR), *[standing(Label.TRENDING, HOLD)] * 3, standing(Label.DORMANT, LEFT)]
    column = encode(policy, crowd)
    trending, dormant = column.places[1:]
    assert undecided(policy, column, TRANSACTION) == (
        Undecided(trending, Effect.MARK, Effect.BLOCK, ("large",), 3),
        Undecided(dormant, Effect.ALLOW, Effect.BLOCK, ("large", "night"), 1),
    )
    own = organisation(own=True).policy
    found = undecided(own, encode(own, crowd[:2]), TRANSACTION)
    assert [(each.most, each.depends_on) for each in found] == [
        (Effect.BLOCK, ("own",)),
        (Effect.BLOCK, ("large", "own")),
    ]


# -- the policy as rows --------------------------------------------------------------------------------------------


def test_every_cell_is_a_row_and_every_unset_standing() -> None:
    rows = {row[:5]: row for row in POLICY.as_table()}
    cells = list(POLICY.every_cell())
    asked = len(POLICY.actions) + 2 * len(POLICY.two_party)
    assert len(rows) == len(POLICY.as_table()) == len(cells) + len(POLICY.lifecycles) * asked
    for cell, verdict in cells:
        label, party = cell.label and cell.label.text, cell.party and cell.party.value
        row = rows.pop((cell.lifecycle, cell.status.value, label, cell.action.value, party))
        assert (row.effect, row.code) == (verdict.effect.value, verdict.code)
        assert row.strictness == row.least == row.most == verdict.effect.strictness
        assert row.depends_on == ""
    assert {row.status for row in rows.values()} == {row.label for row in rows.values()} == {None}
    assert {(row.least, row.most, row.code) for row in rows.values()} == {(0, 0, "allow")}


def test_rows_are_plain() -> None:
    for row in POLICY.as_table():
        assert {type(value) for value in row} <= {str, int, type(None)}


def test_rows_that_depend_say_on_what() -> None:
    def told(config: OrgConfig[Label], label: Label) -> list[tuple[str, int, int, str]]:
        return [
            (row.effect, row.least, row.most, row.depends_on)
            for row in config.policy.as_table()
            if (row.label, row.action) == (label.text, "transaction")
        ]

    assert told(organisation(), Label.TRENDING) == [("block", 0, 2, "large")]
    assert told(organisation(), Label.DORMANT) == [("mark", 0, 1, "large")]
    assert told(organisation(), Label.PROVEN) == [("block", 2, 2, "")]
    assert told(organisation(own=True), Label.TRENDING) == [("block", 0, 2, "large,own")]
    assert told(organisation(own=True), Label.REGULAR) == [("allow", 0, 2, "own")]
    assert told(organisation(own=True), Label.PROVEN) == [("block", 2, 2, "")]


def test_the_rows_of_an_accounts_places_say_what_its_byte_says() -> None:
    for own in (False, True):
        policy = organisation(own=own).policy
        rows = {(row.lifecycle, row.status, row.label, row.action, row.party): row for row in policy.as_table()}
        crowd = [standing(label, member) for label in Label for member in (None, *Membership)]
        answers = effects(policy, encode(policy, crowd), TRANSACTION)
        for each, byte in zip(crowd, answers, strict=True):
            found = [rows[row.lifecycle, row.status, row.label, "transaction", None] for row in each.standings]
            least, most = max(row.least for row in found), max(row.most for row in found)
            assert byte == (least if least == most else UNKNOWN)
