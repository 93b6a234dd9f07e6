"""Frozen slotted classes that are quick to define.

``@record`` declares what ``@dataclass(frozen=True, slots=True)`` declares, and type checkers treat
it the same.  bpfq defines some hundred small types, and a program that is run once a keystroke
pays for each at start-up: the standard decorator takes 0.3 to 0.4 ms a class, most of it for
methods that a run never calls; this one makes ``__init__`` when the class is first instantiated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

_T = TypeVar("_T")
_MISSING: Any = object()


class Field:
    """What ``field()`` says about one field."""

    __slots__ = ("compare", "default", "default_factory", "kw_only", "name", "repr")

    def __init__(
        self, default: Any, default_factory: Any, compare: bool, kw_only: bool, repr: bool
    ) -> None:
        self.name = ""
        self.repr = repr
        self.default = default
        self.default_factory = default_factory
        self.compare = compare
        self.kw_only = kw_only


def field(
    *,
    default: Any = _MISSING,
    default_factory: Any = _MISSING,
    compare: bool = True,
    kw_only: bool = False,
    repr: bool = True,
) -> Any:
    """A field with a default made anew, or left out of comparison or display, or keyword-only."""
    return Field(default, default_factory, compare, kw_only, repr)


def fields(record_type: Any) -> tuple[Field, ...]:
    """The fields of a record class, or of a plain class derived from one, in order."""
    found: tuple[Field, ...] = record_type.__record_fields__
    return found


def replace(instance: _T, **changes: Any) -> _T:
    """A copy with some fields changed; raises TypeError for a field that is not there."""
    for each in fields(type(instance)):
        changes.setdefault(each.name, getattr(instance, each.name))
    return type(instance)(**changes)


@dataclass_transform(frozen_default=True, field_specifiers=(field, Field))
def record(
    cls: type[_T] | None = None, *, frozen: bool = True, eq: bool = True, repr: bool = True
) -> Any:
    """Make a class a record of its annotated fields.

    frozen: fields cannot be assigned.  eq: instances compare and hash by value, else by identity.
    repr: show the fields.  Base classes that are records contribute their fields first.
    """

    def decorate(plain: type[_T]) -> type[_T]:
        return _make(plain, frozen, eq, repr)

    return decorate if cls is None else decorate(cls)


def _make(plain: type[_T], frozen: bool, eq: bool, repr: bool) -> type[_T]:
    own = _own_fields(plain)
    inherited = {each.name: each for base in plain.__mro__[1:] for each in _fields_of(base)}
    every = (*(f for n, f in inherited.items() if n not in own), *own.values())
    namespace = {
        name: value
        for name, value in plain.__dict__.items()
        if name not in own and name not in ("__dict__", "__weakref__")
    }
    namespace["__slots__"] = tuple(name for name in own if name not in inherited)
    namespace["__record_fields__"] = every
    namespace["__match_args__"] = tuple(f.name for f in every if not f.kw_only)
    namespace["__init__"] = _first_init
    if frozen:
        namespace["__setattr__"] = namespace["__delattr__"] = _refuse
    if eq and "__eq__" not in namespace:
        namespace["__eq__"], namespace["__hash__"] = _equal, (_hash if frozen else None)
    namespace.setdefault("__reduce__", _reduce)
    if repr and "__repr__" not in namespace:
        namespace["__repr__"] = _show
    remade: Any = type(plain)  # its metaclass, called as for a new class with the namespace
    made: type[_T] = remade(plain.__name__, plain.__bases__, namespace)
    return made


def _fields_of(base: type) -> tuple[Field, ...]:
    found: tuple[Field, ...] = base.__dict__.get("__record_fields__", ())
    return found


def _own_fields(plain: type) -> dict[str, Field]:
    own: dict[str, Field] = {}
    for name, annotation in plain.__dict__.get("__annotations__", {}).items():
        if str(annotation).startswith("ClassVar"):
            continue
        value = plain.__dict__.get(name, _MISSING)
        each = value if isinstance(value, Field) else Field(value, _MISSING, True, False, True)
        each.name = name
        own[name] = each
    return own


def _first_init(self: Any, *args: Any, **kwargs: Any) -> None:
    """Stands in until the class is first instantiated, then makes the real one."""
    cls = type(self)
    cls.__init__ = _init_of(cls)
    cls.__init__(self, *args, **kwargs)


def _init_of(cls: type) -> Callable[..., None]:
    """``__init__`` with the fields as parameters, as text, like the standard library's."""
    positional = [f for f in fields(cls) if not f.kw_only]
    keyword = [f for f in fields(cls) if f.kw_only]
    names: dict[str, Any] = {"_MISSING": _MISSING}
    parameters = [_parameter(f, names) for f in positional]
    if keyword:
        parameters += ["*", *(_parameter(f, names) for f in keyword)]
    lines = [
        f"def __init__(self, {', '.join(parameters)}):" if parameters else "def __init__(self):"
    ]
    for each in fields(cls):
        names[f"_set_{each.name}"] = getattr(cls, each.name).__set__
        if each.default_factory is not _MISSING:
            names[f"_make_{each.name}"] = each.default_factory
            lines.append(f" if {each.name} is _MISSING: {each.name} = _make_{each.name}()")
        lines.append(f" _set_{each.name}(self, {each.name})")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    exec("\n".join([*lines, " return"]), names)  # noqa: S102  # text made from field names only
    made: Callable[..., None] = names["__init__"]
    return made


def _parameter(each: Field, names: dict[str, Any]) -> str:
    if each.default_factory is not _MISSING:
        return f"{each.name}=_MISSING"
    if each.default is _MISSING:
        return each.name
    names[f"_default_{each.name}"] = each.default
    return f"{each.name}=_default_{each.name}"


def _refuse(self: object, name: str, value: object = None) -> None:
    raise AttributeError(f"{type(self).__name__} is frozen; cannot assign to {name!r}")


def _values(self: object) -> tuple[object, ...]:
    return tuple(getattr(self, f.name) for f in fields(type(self)) if f.compare)


def _equal(self: object, other: object) -> Any:
    if type(self) is not type(other):
        return NotImplemented
    return _values(self) == _values(other)


def _hash(self: object) -> int:
    return hash((type(self), _values(self)))


def _reduce(self: object) -> tuple[object, ...]:
    """Copied and pickled as what it was made from."""
    values = {f.name: getattr(self, f.name) for f in fields(type(self))}
    return _remake, (type(self), values)


def _remake(cls: type[_T], values: dict[str, Any]) -> _T:
    return cls(**values)


def _show(self: object) -> str:
    shown = (f"{f.name}={getattr(self, f.name)!r}" for f in fields(type(self)) if f.repr)
    return f"{type(self).__name__}({', '.join(shown)})"
