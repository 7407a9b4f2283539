"""Organisations: each has its own rows and sees no others; each configuration is kept under its hash."""

from __future__ import annotations

from custstatus.adapters import Accounts, Activities, ActivityBatch, Customers, Log, Store, StoredActivity
from custstatus.testing.contracts.contract import Contract
from custstatus.testing.drafts import T0, bought, holding, mobile, prepared, registration, step, transition
from custstatus.testing.snapshots import plain, snapshot

__all__ = ["OrganisationContract"]

_LIFECYCLES = ("customer_status", "membership")
# Pairs of an organisation and a customer that are one text once they are joined, by whatever a store may join them with.
_JOINED = tuple(
    pair
    for number, joiner in enumerate((":", "|", "/", ",", "-", ".", " ", "\\", "'", '"', "\u00a0", "\ufeff", ""))
    for pair in ((f"a{number}", f"b{joiner}c"), (f"a{number}{joiner}b", "c"))
)
_ALIKE = (
    "acme",
    "Acme",
    "ACME",
    "acme ",
    " acme",
    "acm",
    "acme%",
    "acm_",
    "ａcme",
    "acmé",
    "acme\u0301",
    "acmé".upper(),
)


class OrganisationContract(Contract):
    """The boundary between organisations, and the verbs `keep_config`, `config` and `organisations`."""

    def tenant(self, store: Store, org: str, customer: str, mark: str) -> dict[str, object]:
        """Everything that an organisation can have, told from that of another one by a mark; as a snapshot."""
        account = self.written(
            store,
            registration(customer, label=mark, org=org, adds=[mobile("1"), mobile(customer)], key="k-1", reason=mark),
        )
        account = self.written(store, transition(account, "active", f"{mark}!", key="k-2", reason=mark))
        self.written(store, holding(account, drops=[mobile("1")], key=customer))
        store.record(ActivityBatch(org, (bought(customer, "r-1"), bought(customer, f"{mark}-2"))))
        store.keep_config(org, "hash", mark)
        return self.snapshot(store, org)

    def snapshot(self, store: Store, org: str) -> dict[str, object]:
        """All that a store holds of an organisation."""
        return {
            **snapshot(store, org, _LIFECYCLES),
            "config": store.config(org, "hash"),
            "mobiles": [store.find_all(org, (token,)).get(token) for token in ("1", "c", "c-1", "c-2")],
            "receipts": plain(store.page(Activities(org=org, reference="r-1")).items),
        }

    def test_the_same_customers_keys_and_identifiers_in_two_organisations(self) -> None:
        with self.opened() as store:
            one = self.tenant(store, "acme", "c-1", "one")
            other = self.tenant(store, "zenith", "c-1", "two")
            assert self.snapshot(store, "acme") == one, "what another organisation did shows here"
            assert self.snapshot(store, "zenith") == other
            account = store.load("acme", "c-1")
            assert account is not None
            self.written(store, transition(account, "deleted", "Closed", closes=True, key="k-3"))
            assert self.snapshot(store, "zenith") == other, "closing an account reached into another organisation"
            assert store.find_all("acme", ("c-1",)).get("c-1") is None
            assert store.find_all("zenith", ("c-1",)).get("c-1") == "c-1"

    def test_who_is_known_elsewhere_is_unknown_here(self) -> None:
        with self.opened() as store:
            self.tenant(store, "acme", "c-1", "one")
            self.tenant(store, "zenith", "c-2", "two")
            assert store.load("zenith", "c-1") is None
            assert store.find_all("zenith", ("c-1",)).get("c-1") is None
            found = store.read(
                prepared("c-1", step("active"), org="zenith", key="k-9", adds=(mobile("c-1"),), quiet_since=T0)
            )
            assert (found.account, found.prior, dict(found.holders), found.last_activity_at) == (None, (), {}, None)
            assert store.identifiers("zenith", "c-1") == ()
            assert list(store.page(Log(org="zenith", customer="c-1"))) == []
            assert list(store.page(Activities(org="zenith", customer="c-1"))) == []
            recorded = store.record(ActivityBatch("zenith", (bought("c-1", "r-9"),)))
            assert (recorded.new, recorded.unknown) == (0, ("c-1",))
            assert len(store.page(Activities(org="acme", customer="c-1"))) == 2

    def test_names_that_are_one_when_joined(self) -> None:
        with self.opened() as store:
            held = [self.tenant(store, org, customer, f"{number}") for number, (org, customer) in enumerate(_JOINED)]
            for (org, customer), expected in zip(_JOINED, held, strict=True):
                assert self.snapshot(store, org) == expected, f"{org!r} and {customer!r} have mixed with another pair"
                assert [each.customer for each in store.page(Accounts(org=org))] == [customer]

    def test_names_that_look_alike(self) -> None:
        names = list(dict.fromkeys(_ALIKE))
        with self.opened() as store:
            held = [self.tenant(store, org, "c-1", org) for org in names]
            for org, expected in zip(names, held, strict=True):
                assert self.snapshot(store, org) == expected, f"{org!r} has mixed with one that looks alike"
            assert store.organisations() == tuple(sorted(names))

    def test_one_organisation_s_pages_hold_none_of_another_s(self) -> None:
        with self.opened() as store:
            for number in range(4):
                for org in ("a", "b"):
                    self.written(store, registration(f"c-{number}", label=org, org=org))
                    row = StoredActivity(f"c-{number}", org, "r-1", T0, None, bought("", "").effect, True)
                    store.record(ActivityBatch(org, (row,)))
            for org in ("a", "b"):
                assert {entry.org for entry in self.paged(store.page, Log(org=org))} == {org}
                assert {account.org for account in self.paged(store.page, Accounts(org=org))} == {org}
                rows = self.paged(store.page, Customers(org=org, lifecycle="customer_status"))
                assert {row.standing.label for row in rows} == {org}
                assert len(rows) == 4
                kinds = {row.kind for row in self.paged(store.page, Activities(org=org, reference="r-1"))}
                assert kinds == {org}

    def test_a_configuration_is_kept_as_it_is(self) -> None:
        texts = {"h-1": "{}", "h-2": '{"naïve": "😀\\n\'"}', "h-3": "x" * 1_000_000, "h-4": "\n", "H-1": "other"}
        with self.opened() as store:
            for config_hash, text in texts.items():
                store.keep_config("acme", config_hash, text)
            for config_hash, text in texts.items():
                assert store.config("acme", config_hash) == text
                store.keep_config("acme", config_hash, text)
                assert store.config("acme", config_hash) == text

    def test_a_configuration_that_was_never_kept(self) -> None:
        with self.opened() as store:
            assert store.config("acme", "h-1") is None
            store.keep_config("acme", "h-1", "{}")
            assert store.config("acme", "h-2") is None
            assert store.config("zenith", "h-1") is None
            store.keep_config("zenith", "h-1", "theirs")
            assert (store.config("acme", "h-1"), store.config("zenith", "h-1")) == ("{}", "theirs")

    def test_organisations_are_those_that_kept_a_configuration_in_order(self) -> None:
        with self.opened() as store:
            assert store.organisations() == ()
            self.registered(store, "c-1", org="without")
            store.load("asked", "c-1")
            for org in ("b", "a", "😀", "B", "b"):
                store.keep_config(org, "h-1", "{}")
            store.keep_config("b", "h-2", "{}")
            assert store.organisations() == ("B", "a", "b", "😀")
