"""
The kit for those who write a store, or a service around one: the contract that a store must pass, laws to try on any, strategies
of what goes in, and a clock that moves by hand. Needs the extra `custstatus[testing]`; nothing in the library needs it.
"""

from custstatus.testing import laws, strategies
from custstatus.testing.awaited import Awaited, Blocking
from custstatus.testing.clock import MovableClock
from custstatus.testing.contract import StoreContract
from custstatus.testing.example import ExampleLabel, example
from custstatus.testing.laws import applies_as_planned, history_folds, same_behaviour
from custstatus.testing.relay import RelayStore

__all__ = [
    "Awaited",
    "Blocking",
    "ExampleLabel",
    "MovableClock",
    "RelayStore",
    "StoreContract",
    "applies_as_planned",
    "example",
    "history_folds",
    "laws",
    "same_behaviour",
    "strategies",
]
