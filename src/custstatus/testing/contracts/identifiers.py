"""Identifiers: held by one living account of an organisation at a time, found by it, released with it."""

from __future__ import annotations

from datetime import timedelta

from custstatus import HeldIdentifier, Plan
from custstatus.adapters import Snapshot, Store, Token
from custstatus.testing.contracts.contract import Contract
from custstatus.testing.drafts import ORG, T0, holding, mobile, registration, together, transition
from custstatus.testing.snapshots import plain

__all__ = ["IdentifierContract"]

_DAY = timedelta(days=1)


class IdentifierContract(Contract):
    """The verbs `find_all` and `identifiers`, and what `commit` does to identifiers."""

    def taken(self, store: Store, plan: Plan) -> Snapshot:
        """Commit a plan that must not be written: someone else holds what it adds."""
        got = store.commit(plan)
        assert isinstance(got, Snapshot), f"written, though it is taken: {plan}"
        return got

    def test_nobody_holds_what_was_never_added(self) -> None:
        with self.opened() as store:
            self.registered(store, "c-1")
            assert store.find_all(ORG, ("1",)).get("1") is None
            assert store.identifiers(ORG, "c-1") == ()
            assert store.identifiers(ORG, "nobody") == ()

    def test_added_replaced_and_removed(self) -> None:  # D108
        with self.opened() as store:
            account = self.written(store, registration("c-1", adds=[mobile("1")]))
            assert store.identifiers(ORG, "c-1") == (HeldIdentifier("mobile", "1", T0),)
            account = self.written(store, holding(account, [mobile("2")], now=T0 + _DAY))
            assert (store.find_all(ORG, ("1",)).get("1"), store.find_all(ORG, ("2",)).get("2")) == ("c-1", "c-1")
            account = self.written(store, holding(account, [mobile("3")], [mobile("1")], now=T0 + 2 * _DAY))
            assert [store.find_all(ORG, (token,)).get(token) for token in "123"] == [None, "c-1", "c-1"]
            self.written(store, holding(account, drops=[mobile("2")]))
            assert store.identifiers(ORG, "c-1") == (HeldIdentifier("mobile", "3", T0 + 2 * _DAY),)

    def test_several_at_once_are_found_as_one_by_one(self) -> None:  # D108
        awkward = ("NULL", "{}", "a,b", '"', "\\", "'", "{1}", " ", "é", "😀", "1 ", "[]")
        with self.opened() as store:
            assert store.find_all(ORG, ("1",)) == {}
            self.written(store, registration("c-1", adds=[mobile("1"), Token("email", "2")]))
            self.written(store, registration("c-2", adds=[mobile(token) for token in awkward]))
            self.written(store, registration("c-1", org="zenith", adds=[mobile("1"), mobile("3")]))
            account = self.written(store, registration("c-3", adds=[mobile("gone"), mobile("stays")]))
            self.written(store, holding(account, drops=[mobile("gone")]))
            account = self.written(store, registration("c-4", adds=[mobile("closed")]))
            self.written(store, transition(account, "deleted", "Closed", closes=True))
            tokens = (*awkward, "1", "2", "3", "gone", "stays", "closed", "nobody's", "1", "NULL ")
            found = {token: store.find_all(ORG, (token,)).get(token) for token in tokens}
            expected = {token: customer for token, customer in found.items() if customer is not None}
            assert len(expected) == len(awkward) + 3
            assert dict(store.find_all(ORG, tokens)) == expected
            assert dict(store.find_all("zenith", tokens)) == {"1": "c-1", "3": "c-1"}
            assert dict(store.find_all(ORG, ())) == {}
            assert dict(store.find_all(ORG, tuple(f"{number}" for number in range(5_000)))) == {"1": "c-1", "2": "c-1"}

    def test_ordered_by_type_then_as_they_came(self) -> None:  # D108
        def token(kind: str, value: str) -> Token:
            return Token(kind, f"{kind} {value}")

        with self.opened() as store:
            account = self.written(store, registration("c-1", adds=[token("mobile", "b"), token("email", "z")]))
            for kind, value in (("email", "a"), ("mobile", "a"), ("email", "m")):
                account = self.written(store, holding(account, [token(kind, value)], now=T0 - _DAY))
            order = [held.token for held in store.identifiers(ORG, "c-1")]
            assert order == ["email z", "email a", "email m", "mobile b", "mobile a"]

    def test_in_order_even_if_they_came_together(self) -> None:  # D108
        with self.opened() as store:
            account = self.written(store, registration("c-1", adds=[mobile("b"), mobile("c"), mobile("a")]))
            self.written(store, holding(account, [mobile("2"), mobile("1")]))
            assert [held.token for held in store.identifiers(ORG, "c-1")] == ["b", "c", "a", "2", "1"]

    def test_what_one_holds_another_cannot_have(self) -> None:
        with self.opened() as store:
            self.written(store, registration("c-1", adds=[mobile("1")]))
            found = self.taken(store, registration("c-2", adds=[mobile("2"), mobile("1")]))
            assert dict(found.holders) == {"1": "c-1"}
            assert store.load(ORG, "c-2") is None
            assert store.find_all(ORG, ("2",)).get("2") is None
            other = self.registered(store, "c-2")
            self.taken(store, holding(other, [mobile("1")]))
            self.taken(store, holding(other, [mobile("2"), mobile("1")]))
            assert plain(store.load(ORG, "c-2")) == plain(other)
            assert store.identifiers(ORG, "c-2") == ()
            assert store.find_all(ORG, ("1",)).get("1") == "c-1"

    def test_two_accounts_of_one_plan_cannot_both_have_it(self) -> None:
        with self.opened() as store:
            self.taken(
                store, together(registration("c-1", adds=[mobile("1")]), registration("c-2", adds=[mobile("1")]))
            )
            assert (store.load(ORG, "c-1"), store.load(ORG, "c-2"), store.find_all(ORG, ("1",)).get("1")) == (
                None,
                None,
                None,
            )

    def test_what_is_given_up_is_free(self) -> None:
        with self.opened() as store:
            one = self.written(store, registration("c-1", adds=[mobile("1"), mobile("2")]))
            one = self.written(store, holding(one, drops=[mobile("1")]))
            other = self.written(store, registration("c-2", adds=[mobile("1")]))
            self.taken(store, holding(one, [mobile("1")]))
            self.written(store, holding(other, [mobile("3")], [mobile("1")]))
            self.written(store, holding(one, [mobile("1")], [mobile("2")]))
            assert [store.find_all(ORG, (token,)).get(token) for token in "123"] == ["c-1", None, "c-2"]

    def test_a_closed_account_releases_them_all(self) -> None:  # D6
        with self.opened() as store:
            account = self.written(store, registration("c-1", adds=[mobile("1"), Token("email", "a@b.c")]))
            account = self.written(store, holding(account, [mobile("2")]))
            kept = self.written(store, registration("c-2", adds=[mobile("3")]))
            self.written(store, transition(account, "deleted", "Closed", now=T0 + _DAY, closes=True))
            assert store.identifiers(ORG, "c-1") == ()
            assert [store.find_all(ORG, (token,)).get(token) for token in ("1", "2", "a@b.c", "3")] == [
                None,
                None,
                None,
                "c-2",
            ]
            anew = self.written(store, registration("c-3", adds=[mobile("1"), Token("email", "a@b.c")]))
            assert (store.find_all(ORG, ("1",)).get("1"), anew.version) == ("c-3", 4)
            assert plain(store.load(ORG, "c-2")) == plain(kept)

    def test_the_type_of_a_token_is_told_but_the_token_alone_is_unique(self) -> None:
        with self.opened() as store:
            self.written(store, registration("c-1", adds=[Token("mobile", "1")]))
            self.taken(store, registration("c-2", adds=[Token("email", "1")]))
