"""Sealing: identifiers as tokens that nobody can confuse, and with a key that nobody can read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from organisation import ACME, Label, World, opened_store, some_examples

from custstatus import Identifier, InvalidInputError, MemoryStore
from custstatus.sealing import Seal

KEY = b"sixteen bytes...or more"
OTHER_KEY = b"another sixteen bytes"
NUMBER = "+447900000042"

# Letters that a joined text could be cut apart at.
tricky = st.text(st.sampled_from('a1:|,"[]\\/ \x1f'), max_size=4)
names = st.text(st.sampled_from('a1:|,"[]\\/ '), min_size=1, max_size=4)
identifiers = st.builds(Identifier, names, names, tricky, tricky)


class TestTokens:
    @pytest.mark.parametrize("key", [None, KEY], ids=["plain", "keyed"])
    def test_shifting_text_from_one_part_to_the_next_makes_another_token(self, key: bytes | None) -> None:
        # D108
        seal = Seal(key)
        several = [
            Identifier("a", "bc", "d", "e"),
            Identifier("ab", "c", "d", "e"),
            Identifier("a", "b", "cd", "e"),
            Identifier("a", "bcd", "", "e"),
            Identifier("a", "bc", "de", ""),
            Identifier("a", "bc", "", "de"),
            Identifier("a", 'bc","d', "", "e"),
            Identifier("a", "bc", 'd","e', ""),
            Identifier("a", '["bc"', "d]", "e"),
        ]
        assert len({seal.token("acme", identifier).token for identifier in several}) == len(several)

    @some_examples
    @given(identifiers, identifiers, st.sampled_from([None, KEY]))
    def test_two_identifiers_have_the_same_token_only_if_they_are_the_same(
        self, one: Identifier, other: Identifier, key: bytes | None
    ) -> None:
        # D108
        seal = Seal(key)
        assert (seal.token("acme", one) == seal.token("acme", other)) is (one == other)

    @some_examples
    @given(st.tuples(names, names), st.tuples(names, names))
    def test_with_a_key_the_organisation_is_part_of_it(self, one: tuple[str, str], other: tuple[str, str]) -> None:
        seal = Seal(KEY)
        tokens = {seal.token(org, Identifier(kind, "1")).token for org, kind in (one, other)}
        assert len(tokens) == len({one, other})

    def test_a_token_says_its_type(self) -> None:
        assert Seal(KEY).token("acme", Identifier("mobile", NUMBER)).type == "mobile"

    def test_with_a_key_it_holds_nothing_of_the_value_and_only_the_same_key_finds_it(self) -> None:
        identifier = Identifier("mobile", NUMBER, "web", "main")
        token = Seal(KEY).token("acme", identifier).token
        assert NUMBER not in token
        assert len(token) == 64
        assert token == Seal(KEY).token("acme", evolve(identifier)).token
        assert token != Seal(OTHER_KEY).token("acme", identifier).token

    def test_without_one_it_can_be_read_back(self) -> None:
        token = Seal().token("acme", Identifier("mobile", NUMBER, "web", "main")).token
        assert json.loads(token) == ["mobile", NUMBER, "web", "main"]

    def test_a_token_is_the_same_in_every_version(self) -> None:
        # Stored for good: with this key these parts give this token.
        token = Seal(b"0123456789abcdef").token("acme", Identifier("mobile", "1")).token
        assert token == "b3d11b8422182180df7fa3edf4c4c15d84761aa2193e788b89649d72f56beec8"


class TestDigests:
    def test_a_reason_has_a_digest_only_with_a_key(self) -> None:
        assert Seal().digest("lost phone") is None
        assert Seal(KEY).digest(None) is None
        digest = Seal(KEY).digest("lost phone")
        assert digest is not None
        assert len(digest) == 32
        assert digest != Seal(OTHER_KEY).digest("lost phone")
        assert digest != Seal(KEY).digest("lost phone ")


class TestKeys:
    @pytest.mark.parametrize("key", [b"", b"fifteen bytes..", "sixteen characters", 16, bytearray(16)])
    def test_a_key_is_at_least_16_bytes(self, key: Any) -> None:
        with pytest.raises(InvalidInputError, match="at least 16 bytes"):
            Seal(key)

    def test_it_is_in_no_repr(self) -> None:
        assert repr(KEY)[2:-1] not in repr(Seal(KEY))


class Watching(MemoryStore):
    """A store that keeps what it was given, as text."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or not callable(found):
            return found

        def watched(*arguments: Any) -> Any:
            self.given.append(bared(arguments))
            return found(*arguments)

        return watched


def bared(value: Any) -> str:
    """Everything in a value, whatever its repr keeps to itself."""
    if hasattr(value, "__attrs_attrs__"):
        return " ".join(bared(getattr(value, attribute.name)) for attribute in value.__attrs_attrs__)
    if isinstance(value, tuple | list | frozenset | set):
        return " ".join(map(bared, value))
    return repr(value)


def busy(world: World[Label]) -> None:
    """Every change and question in which an identifier has a part."""
    new = Identifier("mobile", NUMBER + "9", "web", NUMBER)
    world.desk.register("c", identifiers=[Identifier("mobile", NUMBER)], key="k")
    world.desk.add_identifier("c", Identifier("email", f"{NUMBER}@example.org"))
    world.desk.replace_identifier("c", Identifier("mobile", NUMBER), new)
    assert world.service.find(new) == "c"
    assert [held.type for held in world.service.identifiers("c")] == ["mobile", "email"]
    world.desk.remove_identifier("c", new)
    assert world.service.find(new) is None


class TestWithAKey:
    def test_the_store_never_sees_the_value(self) -> None:
        store = Watching()
        busy(World(ACME, store, KEY))
        assert store.given
        assert not [text for text in store.given if NUMBER in text]

    def test_without_one_it_does(self) -> None:
        # The control: the watching store would have seen it.
        store = Watching()
        busy(World(ACME, store))
        assert [text for text in store.given if NUMBER in text]

    @pytest.mark.parametrize(("key", "found"), [(KEY, False), (None, True)], ids=["keyed", "plain"])
    def test_nor_does_the_file(self, key: bytes | None, found: bool, tmp_path: Path) -> None:
        store = opened_store("sqlite", tmp_path)
        busy(World(ACME, store, key))
        store.close()
        held = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert (NUMBER.encode() in held) is found

    def test_another_key_finds_none_of_the_old_identifiers(self) -> None:
        store = MemoryStore()
        World(ACME, store, KEY).desk.register("c", identifiers=[Identifier("mobile", NUMBER)])
        assert World(ACME, store, OTHER_KEY).service.find(Identifier("mobile", NUMBER)) is None
        assert World(ACME, store, KEY).service.find(Identifier("mobile", NUMBER)) == "c"

    def test_the_reason_has_a_digest_that_outlives_it(self) -> None:
        world = World(ACME, MemoryStore(), KEY)
        (first, _) = world.desk.register("c", reason="walk-in").entries
        assert first.reason_digest == Seal(KEY).digest("walk-in")
        assert World(ACME, MemoryStore()).desk.register("c", reason="walk-in").entries[0].reason_digest is None


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "keyed"])
def test_a_reason_that_no_store_can_hold_is_invalid_with_a_key_as_without(key: bytes | None) -> None:
    world = World(ACME, MemoryStore(), key)
    with pytest.raises(InvalidInputError, match="reason: expected text without NUL or lone surrogates"):
        world.desk.register("c", reason="lost \ud800")


def test_what_an_entry_keeps_for_good_does_not_give_its_reason_away() -> None:
    # Whoever knows the rest of a request could try reasons on its digest after the text is erased, unless that is keyed too.
    kept, guessed = (
        World(ACME, MemoryStore(), key).desk.register("c", reason="pregnant", key="k").entries[0].digest
        for key in (KEY, OTHER_KEY)
    )
    assert kept != guessed
