"""
Batches: one action over a column of standings, at the speed of a table.

Where customers are is encoded once, as the number of the combination of places; what a policy says of an action is then
one byte a combination, and answering for all customers is one look-up of bytes a customer. numpy arrays and Arrow columns
are taken as they come, by their own methods: neither library is needed.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve, field, frozen

from custstatus.bounds import kind_of
from custstatus.errors import InvalidInputError, StoredValueError
from custstatus.lifecycles.lifecycle import Status
from custstatus.policies.verdicts import Verdict, strictest
from custstatus.records import Account, AnyAction, Effect, StatusLabel
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.policies.compiled import CompiledPolicy, Where
    from custstatus.policies.rules import Party

__all__ = [
    "UNKNOWN",
    "EncodedAccounts",
    "Places",
    "Undecided",
    "effects",
    "encode",
    "encode_columns",
    "encode_places",
    "undecided",
]

UNKNOWN = 3
"""The byte of a customer whose answer no table has: it is decided at run time."""

MOST = 65_536
"""How many combinations a column can have."""

Places = tuple[tuple[str, str | None, str | None], ...]
"""Where a customer is: lifecycle, status and label, as stored."""

_LOW, _HIGH = (0, 1) if array("H", [1]).tobytes()[0] else (1, 0)
_PAGE = 256
_FIELDS = 4
"""How many pages are looked up at once: an answer takes two of the eight bits of a byte."""
_UNPACKED = bytes(next((byte >> 2 * at & 3 for at in range(_FIELDS) if byte >> 2 * at & 3), 0) for byte in range(256))
"""The one answer that a byte of four holds."""


class Undecided(NamedTuple):
    """A combination of places whose answer is decided at run time."""

    places: Places
    least: Effect
    """The mildest that it can come to."""
    most: Effect
    """The strictest."""
    depends_on: tuple[str, ...]
    """The names of the conditions and of the host's own policies that decide."""
    customers: int
    """How many are there."""


@frozen(eq=False, repr=False)
class EncodedAccounts(Value):
    """
    Where many customers are, encoded: for each the number of a combination of places.

    It holds nothing of a policy: another one answers from the same column.
    """

    places: tuple[Places, ...]
    """The combinations; a customer's code is a place in this tuple."""
    low: bytes = field(repr=False)
    """The low byte of each code."""
    high: bytes = field(repr=False)
    """The high byte of each code; empty where no combination needs one."""
    _codes: Any = field(default=None, repr=False)
    """The codes as the host's own kind of array, if it gave one."""

    def __len__(self) -> int:
        return len(self.low)

    @property
    def codes(self) -> array[int]:
        """The codes, to be kept by the host: unsigned, of two bytes."""
        both = bytearray(2 * len(self))
        both[_LOW::2] = self.low
        if self.high:
            both[_HIGH::2] = self.high
        return array("H", bytes(both))

    def at(self, codes: Any) -> EncodedAccounts:
        """
        The same combinations for other customers: an array of whole numbers (numpy's, say), or several numbers.

        Raises:
            InvalidInputError: Not whole numbers, or one that is no combination's.
        """
        codes = codes.to_numpy() if hasattr(codes, "to_numpy") else codes
        kind = getattr(getattr(codes, "dtype", None), "kind", None)
        if kind is None:
            try:
                numbers = array("H", iter(codes))
            except (TypeError, OverflowError):
                raise InvalidInputError("codes", f"whole numbers under {len(self.places)}", kind_of(codes)) from None
            if len(numbers) and max(numbers) >= len(self.places):
                raise InvalidInputError("codes", f"whole numbers under {len(self.places)}", "a greater one")
            return _column(self.places, numbers)
        if kind not in ("i", "u") or codes.ndim != 1:
            raise InvalidInputError("codes", "one row of whole numbers", f"an array of {codes.dtype}")
        if len(codes) and not (codes.min() >= 0 and codes.max() < len(self.places)):
            raise InvalidInputError("codes", f"whole numbers under {len(self.places)}", "others")
        column = _column(self.places, array("H", codes.astype("=u2").tobytes()))
        # Within one byte translating is the faster; and an array that cannot say whose it is goes the plain way.
        taken = len(self.places) > _PAGE and hasattr(codes, "__array_namespace__")
        return evolve(column, codes=codes.astype("=i8")) if taken else column

    def look_up(self, table: bytes) -> bytes:
        """For each customer the byte, 0 to 3, that a table has for the combination."""
        if len(self.places) <= _PAGE:
            return self.low.translate(table.ljust(_PAGE, b"\0"))
        if self._codes is not None:
            library = self._codes.__array_namespace__()
            answers: bytes = library.take(library.asarray(list(table), dtype=library.uint8), self._codes).tobytes()
            return answers
        return self._paged(table)

    def _paged(self, table: bytes) -> bytes:
        """
        Four pages of 256 combinations at once, each in two bits of its own.

        What a low byte means on each of the pages is one byte; the high byte says which two bits of it count. Columns of bytes
        are joined as the digits of one great number, which takes no loop of ours.
        """
        found = 0
        for first in range(0, len(table), _FIELDS * _PAGE):
            pages = [table[start : start + _PAGE].ljust(_PAGE, b"\0") for start in range(first, first + 1024, _PAGE)]
            packed = bytes(a | b << 2 | c << 4 | d << 6 for a, b, c, d in zip(*pages, strict=True))
            counting = bytearray(_PAGE)
            for place in range(_FIELDS):
                counting[first // _PAGE + place] = 3 << 2 * place
            found |= _number(self.low.translate(packed)) & _number(self.high.translate(counting))
        return found.to_bytes(len(self), "little").translate(_UNPACKED)


def _number(column: bytes) -> int:
    return int.from_bytes(column, "little")


def _column(places: Iterable[Places], codes: array[int]) -> EncodedAccounts:
    places, both = tuple(places), codes.tobytes()
    return EncodedAccounts(places, both[_LOW::2], both[_HIGH::2] if len(places) > _PAGE else b"")


def encode(policy: CompiledPolicy, accounts: Iterable[Account]) -> EncodedAccounts:
    """
    Encode accounts by where they are on all their lifecycles; those that are off are passed over.

    >>> from custstatus import Action, CustomerStatus, NoLabels, OrgConfig
    >>> policy = OrgConfig("acme", NoLabels).policy
    >>> column = encode_places(policy, "customer_status", [("active", None), (CustomerStatus.DELETED, None)])
    >>> list(effects(policy, column, Action.LOGIN))
    [0, 2]

    Raises:
        StoredValueError: The configuration lacks a status or a label.
        InvalidInputError: There are more than 65,536 different combinations.
    """
    combinations = _Combinations(lambda key: _standing_at(policy, key))
    return combinations.encoded(map(attrgetter("places"), accounts))


def encode_places(
    policy: CompiledPolicy,
    lifecycle: str,
    places: Iterable[tuple[Status | str | None, StatusLabel | str | None]],
) -> EncodedAccounts:
    """
    Encode places of one lifecycle: (status, label), as members or as they are stored; None where there is none.

    Raises:
        StoredValueError: The configuration lacks the lifecycle, a status or a label.
        InvalidInputError: Neither a status or label nor its text.
    """

    def stored(place: Any) -> Places:
        if not isinstance(place, tuple) or len(place) != 2:
            raise InvalidInputError("places", "pairs of status and label", kind_of(place))
        return (_stored(policy, lifecycle, *place),)

    return _Combinations(stored).encoded(places)


def encode_columns(
    policy: CompiledPolicy, columns: Mapping[str, tuple[Iterable[Any], Iterable[Any] | None]]
) -> EncodedAccounts:
    """
    Encode columns of statuses and labels, those of one or of several lifecycles; raises as `encode_places` does.

    Args:
        policy: What says which statuses and labels there are.
        columns: By the lifecycle's name the statuses, and the labels where there are any: lists, numpy arrays or Arrow columns
            of text, all as long as each other.
    """
    texts: list[Iterable[Any]] = []
    layout: list[tuple[str, int, int | None]] = []
    for lifecycle, (statuses, labels) in columns.items():
        layout.append((lifecycle, len(texts), None if labels is None else len(texts) + 1))
        texts += [_texts(each) for each in (statuses, labels) if each is not None]

    def stored(row: tuple[Any, ...]) -> Places:
        return tuple(
            _stored(policy, lifecycle, row[status], None if label is None else row[label])
            for lifecycle, status, label in layout
        )

    return _Combinations(stored).encoded(_rows(texts))


def effects(policy: CompiledPolicy, column: EncodedAccounts, action: AnyAction, party: Party | None = None) -> bytes:
    """
    What the policy says of one action for each customer: a byte each, the strictness (0 allow, 1 mark, 2 block), or UNKNOWN.

    UNKNOWN is what depends on a condition or on a policy of the host's own, and does not come to the same whatever those say:
    ask `decide` about these customers. `numpy.frombuffer(answer, "u1")` reads it without a copy.

    Raises:
        UnknownActionError: The configuration does not have the action.
        StoredValueError: The configuration lacks a status or a label of the column.
    """
    spans = _Spans(policy, action, party)
    table = bytes(least if least == most else UNKNOWN for least, most in map(spans.over, column.places))
    return column.look_up(table)


def undecided(
    policy: CompiledPolicy, column: EncodedAccounts, action: AnyAction, party: Party | None = None
) -> tuple[Undecided, ...]:
    """Where the customers are whose byte is UNKNOWN, what decides there, and how many they are; raises as `effects` does."""
    spans = _Spans(policy, action, party)
    by_strictness = list(Effect)
    found = []
    for code, customers in sorted(Counter(column.codes).items()):
        places = column.places[code]
        least, most = spans.over(places)
        if least != most:
            names = spans.names(places, least)
            found.append(Undecided(places, by_strictness[least], by_strictness[most], names, customers))
    return tuple(found)


class _Combinations(dict[Any, int]):
    """The code of each combination by whatever it is known by; one that is new is checked, and gets the next code."""

    def __init__(self, places_of: Callable[[Any], Places]) -> None:
        super().__init__()
        self._places_of = places_of
        self._codes: dict[Places, int] = {}

    def __missing__(self, key: Any) -> int:
        code = self._codes.setdefault(self._places_of(key), len(self._codes))
        if code >= MOST:
            raise InvalidInputError("standings", f"at most {MOST:,} different combinations of places", "more")
        self[key] = code
        return code

    def encoded(self, keys: Iterable[Any]) -> EncodedAccounts:
        """The column of them all."""
        codes = array("H", map(self.__getitem__, keys))
        return _column(self._codes, codes)


class _Spans:
    """Between what an action's strictness lies at each place: looked up once a place, however many combinations have it."""

    def __init__(self, policy: CompiledPolicy, action: AnyAction, party: Party | None) -> None:
        self._ask = policy, action, party
        self._unset = policy.verdict(None, None, action, party)
        self._verdicts: dict[tuple[str, str | None, str | None], Verdict] = {}

    def _verdict(self, place: tuple[str, str | None, str | None]) -> Verdict:
        found = self._verdicts.get(place)
        if found is None:
            policy, action, party = self._ask
            where = _lifted(policy, *place)
            found = self._verdicts[place] = self._unset if where is None else policy.verdict(*where, action, party)
        return found

    def over(self, places: Places) -> tuple[int, int]:
        """The mildest and the strictest that it can come to: each the strictest over the lifecycles."""
        verdicts = [self._verdict(place) for place in places]
        least = strictest(verdict.floor for verdict in verdicts).strictness
        if self._ask[0].own:
            return least, Effect.BLOCK.strictness
        return least, strictest(verdict.effect for verdict in verdicts).strictness

    def names(self, places: Places, least: int) -> tuple[str, ...]:
        """What decides whether it comes to more than the least."""
        rules = (each.rule for place in places for each in self._verdict(place).contributions)
        conditions = (rule.condition for rule in rules if rule.effect.strictness > least)
        named = [condition.name for condition in conditions if condition is not None]
        return tuple(dict.fromkeys([*named, *self._ask[0].own]))


def _lifted(policy: CompiledPolicy, lifecycle: str, status: str | None, label: str | None) -> Where | None:
    """The members for a stored place; None on a lifecycle that is off."""
    try:
        return policy.resolve(lifecycle, status, label)
    except StoredValueError as error:
        if error.kind == "lifecycle":
            return None
        raise


def _standing_at(policy: CompiledPolicy, text: str) -> Places:
    """The places that `Account.places` tells, once they have been checked."""
    parts = text.split("\x1f") if text else []
    places = tuple(
        (lifecycle, status or None, label or None)
        for lifecycle, status, label in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    )
    for place in places:
        _lifted(policy, *place)
    return places


def _stored(policy: CompiledPolicy, lifecycle: str, status: Any, label: Any) -> tuple[str, str | None, str | None]:
    """A place as it is stored, once it has been checked."""
    texts = _text(status), _text(label)
    if texts[0] is None:
        return lifecycle, None, None
    for given, resolved in zip((status, label), policy.resolve(lifecycle, *texts), strict=True):
        if isinstance(given, Status | StatusLabel) and given is not resolved:
            raise InvalidInputError("standings", f"places of {lifecycle} in this configuration", type(given).__name__)
    return lifecycle, *texts


def _text(given: Any) -> str | None:
    """What a status or a label is stored as; of another library's kind of text, the text."""
    text = given.text if isinstance(given, StatusLabel) else given.value if isinstance(given, Status) else given
    if text is not None and not isinstance(text, str):
        raise InvalidInputError("standings", "statuses and labels, or their texts", kind_of(given))
    return None if text is None else str(text)


def _rows(columns: list[Iterable[Any]]) -> Iterator[tuple[Any, ...]]:
    """The columns side by side."""
    try:
        yield from zip(*columns, strict=True)
    except ValueError:
        raise InvalidInputError("columns", "columns of one length", "several lengths") from None


def _texts(column: Iterable[Any]) -> Iterable[Any]:
    """The values of a column: of an Arrow column by its dictionary, of an array as a list."""
    if hasattr(column, "dictionary_encode"):
        return chain.from_iterable(map(_words, _chunks(column.dictionary_encode())))
    return column.tolist() if hasattr(column, "tolist") else column


def _chunks(column: Any) -> Iterable[Any]:
    return column.chunks if hasattr(column, "chunks") else (column,)


def _words(chunk: Any) -> Iterable[Any]:
    """The texts of a piece of an Arrow column that is encoded as numbers of a dictionary, without making them anew."""
    if not len(chunk):
        return ()
    words = [*chunk.dictionary.to_pylist(), None]
    numbers = chunk.indices.cast("int32").fill_null(len(words) - 1)
    start, end = 4 * numbers.offset, 4 * (numbers.offset + len(numbers))
    return map(words.__getitem__, memoryview(numbers.buffers()[1])[start:end].cast("i"))
