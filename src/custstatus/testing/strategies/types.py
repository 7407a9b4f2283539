"""
The strategies by which Hypothesis makes the library's types: `st.from_type(Actor)`, `@given(actor=infer)`.

`register` is the target of the package's entry point in the group `hypothesis`; by hand it may be called at any time.
"""

from __future__ import annotations

from hypothesis import strategies as st

from custstatus import Action, Activity, Actor, AnyAction, AnyChannel, Identifier, OrgConfig
from custstatus.adapters import StoredActivity, Token
from custstatus.testing.strategies.configs import configs
from custstatus.testing.strategies.values import activities, actors, channels, identifiers, stored_activities, tokens

__all__ = ["register"]


def register() -> None:
    """Tell Hypothesis how to make each of these types."""
    st.register_type_strategy(Actor, actors())
    st.register_type_strategy(Identifier, identifiers())
    st.register_type_strategy(Activity, activities())
    st.register_type_strategy(StoredActivity, stored_activities())
    st.register_type_strategy(Token, tokens())
    st.register_type_strategy(AnyAction, st.sampled_from(Action))
    st.register_type_strategy(AnyChannel, channels())
    st.register_type_strategy(OrgConfig, configs())
