"""A property that is computed when it is first needed, and once."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801  used as a decorator
    """`functools.cached_property` without its lock, which in Python 3.11 a forked child may inherit held."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __get__(self, instance: object, owner: type) -> T:
        value = instance.__dict__[self._compute.__name__] = self._compute(instance)
        return value
