"""Databases that are lent to one test after the other are as new each time."""

from __future__ import annotations

import psycopg
import pytest
from emptied import emptying
from organisation import AGENT, Label
from psycopg.errors import AdminShutdown
from servers import Server
from wholeness import everything, opened, rows

from custstatus import Action, Activity, Identifier
from custstatus.service.service import utc_now


def test_what_is_lent_again_is_empty_and_nobody_is_left_in_it(server: Server) -> None:
    with emptying(server) as databases:
        with databases.lent() as address:
            new = everything(address)
            with opened(address) as service:
                desk = service.acting(AGENT)
                desk.register("c", identifiers=[Identifier("email", "c@example.org")], key="k")
                desk.change("c", Label.LOST_PHONE, reason="lost")
                service.record(Activity("c", Action.TRANSACTION, "r", utc_now()))
                service.keep_position("crm", service.feed().position)
            other = psycopg.connect(address)
            other.execute("INSERT INTO custstatus_config VALUES ('acme', 'not committed', '')")
            written = everything(address)
        untouched = {"custstatus_schema", "custstatus_feed"}
        assert {name for name, held in written.items() if held == new[name]} == untouched
        with databases.lent() as again:
            assert again == address
            assert everything(again) == new
            with pytest.raises(AdminShutdown):
                other.commit()
            assert everything(again) == new
        other.close()


def test_one_that_has_become_another_is_not_lent_again(server: Server) -> None:
    with emptying(server) as databases:
        with pytest.raises(AssertionError, match="another database"), databases.lent() as address:
            rows(address, "UPDATE custstatus_feed SET epoch = epoch + 1")
        with databases.lent() as other:
            assert other != address
