"""
Values to and from plain data: JSON for people and other programs, checked strictly on the way in.

The one home of cattrs. Whatever it raises on the way in becomes one InvalidInputError; nothing is coerced.
What a configuration looks like as a document is in `document`; how stores lay out their rows is theirs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar, get_args, get_origin

from attrs import fields, has, resolve_types
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn

from custstatus.errors import InvalidInputError
from custstatus.records import StatusLabel

__all__ = ["canonical_json", "from_json", "to_data", "utc_text"]

T = TypeVar("T")

_PLAIN = frozenset({str, int, bool, type(None)})
"""The classes whose values are plain data already."""


def utc_text(moment: datetime) -> str:
    """A UTC time as RFC 3339 text with microseconds where there are any, such as `2017-01-01T11:53:26Z`."""
    return moment.replace(tzinfo=None).isoformat() + "Z"


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True, detailed_validation=False)
    for plain in (str, int, bool):
        converter.register_structure_hook(plain, _strictly)
    converter.register_unstructure_hook_factory(has, _parts)
    converter.register_unstructure_hook(datetime, utc_text)
    converter.register_unstructure_hook(Decimal, str)
    converter.register_unstructure_hook(timedelta, lambda period: period // timedelta(microseconds=1))
    converter.register_unstructure_hook(bytes, lambda raw: raw.hex())
    converter.register_unstructure_hook(frozenset, lambda members: sorted(converter.unstructure(m) for m in members))
    converter.register_unstructure_hook_func(
        lambda kind: isinstance(kind, type) and issubclass(kind, Enum), lambda member: member._value_
    )
    converter.register_unstructure_hook_func(
        lambda kind: isinstance(kind, type) and issubclass(kind, StatusLabel), lambda label: label.text
    )
    converter.register_structure_hook_func(lambda kind: getattr(kind, "__origin__", None) is list, _list)
    return converter


def _parts(kind: type[Any]) -> Callable[[Any], dict[str, Any]]:
    """
    Each part of an attrs object by what it is declared as, which is faster.

    Where that is a name that is there for type checkers only, by what it is.
    """
    try:
        resolve_types(get_origin(kind) or kind)
    except NameError:
        return _each_as_it_is(kind)
    return make_dict_unstructure_fn(kind, _CONVERTER)


def _each_as_it_is(kind: type[Any]) -> Callable[[Any], dict[str, Any]]:
    names = [each.name for each in fields(kind) if each.init]
    as_it_is = _CONVERTER.unstructure

    def unstructured(value: Any) -> dict[str, Any]:
        parts = [(name, getattr(value, name)) for name in names]
        return {name: part if type(part) in _PLAIN else as_it_is(part) for name, part in parts}

    return unstructured


def _list(value: Any, kind: Any) -> list[Any]:
    if type(value) is not list:
        raise TypeError(f"expected a list, got {type(value).__name__}")
    (each,) = get_args(kind)
    return [_CONVERTER.structure(item, each) for item in value]


def _strictly(value: Any, kind: type[T]) -> T:
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")
    return value


_CONVERTER = _converter()


def to_data(value: object) -> Any:
    """A value of this library as plain JSON-able data: enums by value, times as RFC 3339 text, amounts as text."""
    return _CONVERTER.unstructure(value)


def canonical_json(value: object) -> str:
    """The one JSON text of a value: keys sorted, no spaces."""
    return json.dumps(to_data(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def from_json(kind: type[T], text: str, field: str) -> T:
    """
    A value of an attrs class from JSON text.

    Raises:
        InvalidInputError: The text is no JSON, or not of that form; the cause says where.
    """
    try:
        return _CONVERTER.structure(json.loads(text), kind)
    except Exception as error:  # cattrs and json raise a dozen kinds of error
        raise InvalidInputError(field, f"JSON of the form of {kind.__name__}", f"{type(error).__name__}") from error
