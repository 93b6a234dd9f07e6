"""Things of another program that are replaced for a while, and come back in any order.

    first = install([Hook(conf, "L2listen", lambda before: ours)])
    second = install(...)          finds ours, and leaves it
    remove(first)                  ours stays: it is still asked for
    remove(second)                 what was there before the first

What somebody else puts there meanwhile is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any, NamedTuple

from bpfq.record import record


class Hook(NamedTuple):
    """An attribute, and what takes its place: made from what is there."""

    owner: Any
    name: str
    make: Callable[[Any], Any]


@record(frozen=False, eq=False)
class Layer:
    """One replacement of one attribute; ``before`` may be ours as well."""

    hook: Hook
    before: Any
    ours: Any


_LOCK = Lock()
_LAYERS: list[Layer] = []  # all that are in place; as global as what they replace


def install(hooks: Iterable[Hook]) -> tuple[Layer, ...]:
    """Replace all of them; what one call has installed is removed together."""
    made: list[Layer] = []
    with _LOCK:
        for hook in hooks:
            before = getattr(hook.owner, hook.name)
            same = next((each for each in _of(hook) if each.ours is before), None)
            ours = hook.make(before) if same is None else before
            layer = Layer(hook, before, ours)
            setattr(hook.owner, hook.name, ours)
            _LAYERS.append(layer)
            made.append(layer)
    return tuple(made)


def remove(layers: Iterable[Layer]) -> None:
    """Take back what one call has installed, where nobody has replaced it since."""
    with _LOCK:
        for layer in reversed(tuple(layers)):
            _remove(layer)


def is_installed(owner: object, name: str) -> bool:
    """Whether something of ours was put there and not removed."""
    return any(each.hook.owner is owner and each.hook.name == name for each in _LAYERS)


def _remove(layer: Layer) -> None:
    layers = _of(layer.hook)
    later = layers[layers.index(layer) + 1 :]
    _LAYERS.remove(layer)
    if not later:
        if getattr(layer.hook.owner, layer.hook.name) is layer.ours:
            setattr(layer.hook.owner, layer.hook.name, layer.before)
    elif later[0].before is layer.ours:
        later[0].before = layer.before


def _of(hook: Hook) -> list[Layer]:
    """Its layers, the earliest first."""
    return [e for e in _LAYERS if e.hook.owner is hook.owner and e.hook.name == hook.name]
