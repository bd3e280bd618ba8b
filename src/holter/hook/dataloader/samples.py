"""Record which sample of a batch a process is loading, at a cost that does not slow down a fast data set.

A name costs about 2.5 µs. While the samples of a loader take ``SLOW_S`` or more, each one is recorded when it begins,
so that it is known if its process is killed. For faster ones only the batch is recorded; which sample it was is then
known only if it raises an exception.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from typing import Any

from ..runtime import RUNTIME, quietly

SLOW_S = 250e-6  # a name then costs 1 %
MOST_TEXT = 150  # the page keeps 182 bytes
SHOWN = 3  # indices of a batch; the text of all would cost more than many a batch
PLAIN = (int, str, float, bool)
PACE = "_holter_sample_s"  # on a fetcher: seconds of a sample in its last batch


class SampleIndices(list):  # type: ignore[type-arg]
    """The indices of one batch, which a fetcher takes out in a loop."""

    dataset = ""
    each = True  # whether every sample is named
    taken: Any = None

    def __iter__(self) -> Iterator[Any]:
        self.taken = None
        if self.each:
            return self._name_each()
        self.taken = list.__iter__(self)
        return self.taken  # type: ignore[no-any-return]

    def _name_each(self) -> Iterator[Any]:
        for position, index in enumerate(list.__iter__(self)):
            RUNTIME.take_case(text(self.dataset, index, position))
            yield index
        RUNTIME.take_case(text(self.dataset, list(list.__iter__(self))))  # the samples are put together

    def current(self) -> tuple[int, Any] | None:
        """Return the position in the batch and the index of the sample that is being loaded.

        None before the first sample, and if each sample is recorded when it begins, so that its name is known already.
        """
        state: tuple[Any, ...] = self.taken.__reduce__() if self.taken is not None else ()
        if len(state) < 3 or not 0 < state[2] <= len(self):  # before the first sample, or after the last one
            return None
        return state[2] - 1, self[state[2] - 1]


def in_hand(fetcher: Any, wanted: Any, dataset: str) -> Any:
    """Return the indices that PyTorch's fetcher must load, and record that this process now loads them.

    ``wanted``: one index, or a list of the batch's indices. A list from which the fetcher takes one index at a time is
    returned as a ``SampleIndices``: while samples are slow, it records each one when the fetcher takes it. Anything
    else is returned unchanged.
    """
    if not fetcher.auto_collation or type(wanted) is not list or getattr(fetcher.dataset, "__getitems__", None):
        RUNTIME.take_case(text(dataset, wanted))
        return wanted
    indices = SampleIndices(wanted)
    indices.dataset = dataset
    indices.each = fetcher.__dict__.get(PACE, math.inf) >= SLOW_S
    if not indices.each:
        RUNTIME.take_case(text(dataset, wanted))
    return indices


def learn_pace(fetcher: Any, wanted: Any, took_s: float) -> None:
    """Remember how long a sample of this batch took."""
    if type(wanted) is SampleIndices and wanted:
        fetcher.__dict__[PACE] = took_s / len(wanted)


def name_current(wanted: Any) -> None:
    """Name the sample that has just raised an exception."""
    with quietly("name-current"):
        current = wanted.current() if type(wanted) is SampleIndices else None
        if current is not None:
            RUNTIME.take_case(text(wanted.dataset, current[1], current[0]))


def text(dataset: str, wanted: Any, position: int | None = None) -> str:
    """Return the name of a sample, ``Slices[57]``; for a list of indices, the name with the first of them.

    An index that is no number is named by its position in the batch, ``Slices[#3]``; without a position, only the data
    set is named. No method of a user's own type is called for its text.
    """
    if type(wanted) in (list, tuple):
        shown = [_shown(index, place) or "" for place, index in enumerate(wanted[:SHOWN])]
        inner = ", ".join([*shown, *(["…"] if len(wanted) > SHOWN else [])])
        inner = f"({inner})" if type(wanted) is tuple else inner
    else:
        inner = _shown(wanted, position) or ""
    return (f"{dataset}[{inner}]" if inner else dataset)[:MOST_TEXT]


def _shown(index: Any, position: int | None) -> str | None:
    if type(index) in PLAIN:
        return repr(index[:MOST_TEXT] if type(index) is str else index)
    try:
        return str(operator.index(index))  # a tensor or a NumPy integer
    except Exception:
        return None if position is None else f"#{position}"
