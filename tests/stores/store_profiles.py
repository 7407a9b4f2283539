"""How many random examples, and which: the same ones each time in continuous integration, many in a soak."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

_CI = {"derandomize": True, "database": None} if os.environ.get("CI") else {}

settings.register_profile(
    "stores",
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    **_CI,
)
settings.register_profile("stores-soak", settings.get_profile("stores"), max_examples=3_000)
# A control stops at the first example that shows what it should: how small that could be is of no interest.
settings.register_profile(
    "stores-control",
    settings.get_profile("stores"),
    max_examples=400,
    phases=[Phase.generate],
    derandomize=True,
    database=None,
    report_multiple_bugs=False,
)

CONTROL = settings.get_profile("stores-control")
LENGTHS = ["stores", pytest.param("stores-soak", marks=pytest.mark.soak)]
"""Every run, and the soak."""
