"""Instruments as the table declares them: recordings go nowhere until somebody measures."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from typing_extensions import override

from assistant.metrics.labels import Label

Reading = tuple[float, Mapping[str, str]]
Series = frozenset[tuple[str, str]]
"""Labels by their keys: each set of them is counted for itself."""
Source = Callable[[], Iterable[Reading]]

_MOST_ZEROS = 32


class Instrument:
    """One row of the table.

    Recordings give labels by their words, without those that do not apply.

    Attributes:
        name: dotted, without unit; Prometheus' name is made of both.
        unit: by UCUM, in which words in braces say what is counted.
    """

    def __init__(
        self,
        name: str,
        unit: str,
        description: str,
        labels: Sequence[Label] = (),
        *,
        buckets: Sequence[float] = (),
    ) -> None:
        self.name = name
        self.unit = unit
        self.description = description
        self.labels = tuple(labels)
        self.buckets = tuple(buckets)
        self._by_word = {label.word: label for label in labels}
        self._known: dict[tuple[tuple[str, str | None], ...], Series] = {}
        self._live: Any = None

    def begin(self, meter: Meter) -> None:
        """Record with a meter from now on."""
        raise NotImplementedError

    def end(self) -> None:
        """Record nothing any more."""
        self._live = None

    def series(self, given: Mapping[str, str | None]) -> Series:
        """Return labels as they are recorded: by their keys, with known values only.

        Raises:
            KeyError: when the table has no label by that word; a fault of ours.
        """
        made = self._known.get(asked := tuple(given.items()))
        if made is None:
            labels = {self._by_word[word]: value for word, value in asked if value is not None}
            bounded = {label.key: label.bounded(value) for label, value in labels.items()}
            made = frozenset(bounded.items())
            # What is not known now may be later; and those that are known are few.
            if [*bounded.values()] == [*labels.values()]:
                self._known[asked] = made
        return made


class _Count(Instrument):
    """Counts by itself, and is read when somebody asks: to tell each change costs more."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._counts: dict[Series, float] = {}

    @override
    def end(self) -> None:
        super().end()
        self._counts.clear()

    def _add(self, amount: float, labels: Mapping[str, str | None]) -> None:
        if self._live is not None:
            counted = self.series(labels)
            self._counts[counted] = self._counts.get(counted, 0) + amount

    def _observe(self, _options: CallbackOptions) -> Iterator[Observation]:
        for counted, amount in [*self._counts.items()]:
            yield Observation(amount, dict(counted))


class Counter(_Count):
    """Counts what happens; begins with 0 where all label values are known, so that one shows."""

    @override
    def begin(self, meter: Meter) -> None:
        self._counts = dict.fromkeys(self._zeros(), 0)
        self._live = meter.create_observable_counter(
            self.name, [self._observe], self.unit, self.description
        )

    def add(self, amount: float = 1, **labels: str | None) -> None:
        """Count some more; in the event loop's thread."""
        self._add(amount, labels)

    def _zeros(self) -> Iterator[Series]:
        sets = [[(label.key, value) for value in label.values] for label in self.labels]
        combinations = [frozenset(each) for each in itertools.product(*sets)]
        if all(label.is_closed for label in self.labels) and len(combinations) <= _MOST_ZEROS:
            yield from combinations


class Level(_Count):
    """Counts what is there now, up and down."""

    @override
    def begin(self, meter: Meter) -> None:
        self._counts = {
            frozenset({(label.key, value)}): 0
            for label in self.labels[:1]
            for value in label.values
        }
        self._live = meter.create_observable_up_down_counter(
            self.name, [self._observe], self.unit, self.description
        )

    def add(self, amount: float, **labels: str | None) -> None:
        """Count up, or down by a negative amount; in the event loop's thread."""
        self._add(amount, labels)


class Spread:
    """How many values fell into each bucket, the last one without bound, and their sum."""

    __slots__ = ("counts", "sum")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * buckets
        self.sum = 0.0


class Histogram(Instrument):
    """Says how values are spread over buckets; by itself, like what only counts."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._spreads: dict[Series, Spread] = {}

    @override
    def begin(self, meter: Meter) -> None:
        self._live = self

    @override
    def end(self) -> None:
        super().end()
        self._spreads.clear()

    def record(self, value: float, **labels: str | None) -> None:
        """Take one value; in the event loop's thread."""
        if self._live is None:
            return
        # Where it spans two machines, their clocks may disagree.
        value, series = max(value, 0), self.series(labels)
        spread = self._spreads.get(series)
        if spread is None:
            spread = self._spreads[series] = Spread(len(self.buckets) + 1)
        spread.counts[bisect_left(self.buckets, value)] += 1
        spread.sum += value

    def spreads(self) -> list[tuple[Series, Spread]]:
        """Return what was taken, for each set of labels; in any thread."""
        return [*self._spreads.items()]


class _Read(Instrument):
    """Is read when somebody asks, from whoever knows; absent where nobody does."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._sources: list[Source] = []

    @contextmanager
    def read_from(self, source: Source) -> Iterator[None]:
        """Have values read from a source within; it is quick, and may be asked in any thread."""
        self._sources.append(source)
        try:
            yield
        finally:
            self._sources.remove(source)

    def _observe(self, _options: CallbackOptions) -> Iterator[Observation]:
        for source in self._sources:
            for value, labels in source():
                yield Observation(value, dict(self.series(labels)))


class Gauge(_Read):
    """A value that goes up and down."""

    @override
    def begin(self, meter: Meter) -> None:
        self._live = meter.create_observable_gauge(
            self.name, [self._observe], self.unit, self.description
        )


class Total(_Read):
    """A count that somebody else keeps."""

    @override
    def begin(self, meter: Meter) -> None:
        self._live = meter.create_observable_counter(
            self.name, [self._observe], self.unit, self.description
        )
