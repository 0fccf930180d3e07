"""What a lesson can be set to: one specification for the browser's widgets, the URL and the links that set it."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

Value: TypeAlias = float | int | bool | str | tuple[float, ...]

LONGEST = 4096  # characters of one parameter of a URL


class UnusableError(ValueError):
    """A value that a control cannot take; the message says why."""


@dataclass(frozen=True, kw_only=True)
class _Common:
    symbol: str = ""  # x delta A B C h y: its colour in every picture
    hidden: bool = False  # no widget: set in a picture, or by a link
    more: bool = False  # under "More"


@dataclass(frozen=True)
class Number(_Common):
    """A slider; of whole numbers where step and default are.

    Args:
        name: in the URL, after the page's prefix.
        label: what people read.
        default: at first, and absent from the URL.
        low: smallest value.
        high: largest value.
        step: between two values; ignored by a logarithmic slider, which keeps three digits.
        log: logarithmic.
        unit: written after the value.
    """

    name: str
    label: str
    default: float
    low: float
    high: float
    step: float = 0.01
    log: bool = False
    unit: str = ""

    def accept(self, value: Any) -> float:
        """The nearest value that the slider can show.

        Raises:
            UnusableError: no number, or outside the limits.
        """
        _check(value, self.label, self.low, self.high)
        if self.log:
            return type(self.default)(float(f"{value:.3g}"))
        stepped = self.low + round((value - self.low) / self.step) * self.step
        return round(stepped) if self._whole else float(f"{stepped:.10g}")

    def parse(self, text: str) -> float:
        """From the URL.

        Raises:
            UnusableError: as `accept`.
        """
        return self.accept(_number(text, self.label))

    def write(self, value: Value) -> str:
        """For the URL."""
        return f"{value:.10g}"

    @property
    def _whole(self) -> bool:
        return isinstance(self.default, int) and float(self.step).is_integer()


@dataclass(frozen=True)
class Choice(_Common):
    """One of some words. `options` are (name in the URL, what people read)."""

    name: str
    label: str
    default: str
    options: tuple[tuple[str, str], ...]

    def accept(self, value: Any) -> str:
        """The value itself.

        Raises:
            UnusableError: not one of the options.
        """
        names = [name for name, _ in self.options]
        if value not in names:
            raise UnusableError(f"{self.label} must be one of {', '.join(names)}, got {_short(value)}")
        return str(value)

    parse = accept

    def write(self, value: Value) -> str:
        """For the URL."""
        return str(value)


@dataclass(frozen=True)
class Switch(_Common):
    """On or off; "1" or "0" in the URL."""

    name: str
    label: str
    default: bool

    def accept(self, value: Any) -> bool:
        """The value itself.

        Raises:
            UnusableError: neither true nor false.
        """
        if not isinstance(value, bool):
            raise UnusableError(f"{self.label} must be on or off, got {_short(value)}")
        return value

    def parse(self, text: str) -> bool:
        """From the URL.

        Raises:
            UnusableError: neither "1" nor "0".
        """
        if text not in ("0", "1"):
            raise UnusableError(f"{self.label} must be 0 or 1, got {_short(text)}")
        return text == "1"

    def write(self, value: Value) -> str:
        """For the URL."""
        return "1" if value else "0"


@dataclass(frozen=True)
class Numbers(_Common):
    """A row of numbers that is painted or dragged in a picture, "0.5~0~-1" in the URL.

    Args:
        name: in the URL.
        label: what people read.
        default: as many numbers as there are at first.
        low: smallest value.
        high: largest value.
        places: decimals kept.
        most: how many numbers there may be; 0: exactly as many as in the default.
    """

    name: str
    label: str
    default: tuple[float, ...]
    low: float
    high: float
    places: int = 3
    most: int = 0
    hidden: bool = field(default=True, kw_only=True)

    def accept(self, value: Any) -> tuple[float, ...]:
        """The numbers, rounded.

        Raises:
            UnusableError: no numbers, too many or few, or outside the limits.
        """
        if not isinstance(value, list | tuple):
            raise UnusableError(f"{self.label} must be numbers, got {_short(value)}")
        least, most = (1, self.most) if self.most else (len(self.default),) * 2
        if not least <= len(value) <= most:
            wanted = str(most) if least == most else f"{least} to {most}"
            raise UnusableError(f"{self.label} must be {wanted} numbers, got {len(value)}")
        for number in value:
            _check(number, f"each number of {self.label}", self.low, self.high)
        return tuple(round(float(number), self.places) + 0.0 for number in value)  # + 0.0: no minus zero

    def parse(self, text: str) -> tuple[float, ...]:
        """From the URL.

        Raises:
            UnusableError: as `accept`.
        """
        return self.accept([_number(part, self.label) for part in text.split("~")])

    def write(self, value: Value) -> str:
        """For the URL."""
        return "~".join(f"{number:.10g}" for number in cast(tuple[float, ...], value))


@dataclass(frozen=True)
class Text(_Common):
    """A short text of some characters that is edited in a picture, such as a row of tokens."""

    name: str
    label: str
    default: str
    alphabet: str
    most: int = 64
    hidden: bool = field(default=True, kw_only=True)

    def accept(self, value: Any) -> str:
        """The text itself.

        Raises:
            UnusableError: no text, too long, empty, or with other characters.
        """
        if not isinstance(value, str) or not 1 <= len(value) <= self.most:
            raise UnusableError(f"{self.label} must be 1 to {self.most} characters, got {_short(value)}")
        odd = sorted(set(value) - set(self.alphabet))
        if odd:
            raise UnusableError(f"{self.label} may hold {self.alphabet}, got {_short(odd[0])}")
        return value

    parse = accept

    def write(self, value: Value) -> str:
        """For the URL."""
        return str(value)


Control: TypeAlias = Number | Choice | Switch | Numbers | Text


def values(
    controls: Iterable[Control], query: Mapping[str, str], *, page: str
) -> tuple[dict[str, Value], tuple[str, ...]]:
    """What the parameters of a URL say, and a note for each that says nothing usable.

    Args:
        controls: of the page.
        query: parameters of the URL; those of other pages are ignored.
        page: prefix, "selection" for "selection_delta".
    """
    found: dict[str, Value] = {}
    notes = []
    known = {control.name: control for control in controls}
    for name, control in known.items():
        text = query.get(f"{page}_{name}")
        try:
            if text is not None and len(text) > LONGEST:
                raise UnusableError(f"{control.label} must be shorter than {LONGEST} characters, got {len(text)}")
            found[name] = control.default if text is None else control.parse(text)
        except UnusableError as why:
            found[name] = control.default
            notes.append(f"{why}; the page's own value is used")
    strange = [key for key in query if key.startswith(f"{page}_") and key.removeprefix(f"{page}_") not in known]
    notes += [f"{_short(key)} means nothing here and is ignored" for key in strange]
    return found, tuple(notes)


def query(controls: Iterable[Control], now: Mapping[str, Value], *, page: str) -> dict[str, str | None]:
    """Parameters of the URL that stand for `now`; None for those that must not appear."""
    return {
        f"{page}_{control.name}": None if now[control.name] == control.default else control.write(now[control.name])
        for control in controls
    }


def changed(controls: Iterable[Control], now: Mapping[str, Value], change: Mapping[str, Any]) -> dict[str, Value]:
    """`now` with some values changed.

    Raises:
        UnusableError: a name that no control has, or a value that it cannot take.
    """
    known = {control.name: control for control in controls}
    strange = sorted(set(change) - set(known))
    if strange:
        raise UnusableError(f"there is no control {_short(strange[0])}, only {', '.join(known)}")
    return dict(now) | {name: known[name].accept(value) for name, value in change.items()}


def specification(controls: Iterable[Control], *, locked: Collection[str] = (), hidden: Collection[str] = ()) -> str:
    """For the browser: JSON, a list of the controls with their kind; those named are locked, or hidden as well."""
    found = [{"kind": type(c).__name__.lower(), "locked": c.name in locked} | vars(c) for c in controls]
    return json.dumps([one | {"hidden": one["hidden"] or one["name"] in hidden} for one in found])


def _check(value: Any, label: str, low: float, high: float) -> None:
    """A number within the limits, or `UnusableError`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UnusableError(f"{label} must be a number, got {_short(value)}")
    if not low - 1e-9 <= value <= high + 1e-9:
        raise UnusableError(f"{label} must lie in {low:g} to {high:g}, got {value:g}")


def _number(text: str, label: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UnusableError(f"{label} must be a number, got {_short(text)}") from None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
