"""``python -m holter.bench.child SCRATCH ORDER [tune]``: measure one training; events go to a file in SCRATCH."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from holter import __version__
from holter.bench.child.events import Events, shortened
from holter.bench.records import LeftOut, Order
from holter.bench.tuning.records import TuneOrder
from holter.probes.training.remarks import said_by

TUNE = "tune"


def main() -> int:
    """Measure; every failure is an event."""
    scratch = Path(sys.argv[1])
    events = Events(scratch)
    is_tuned = sys.argv[3:] == [TUNE]
    order = msgspec.convert(json.loads(sys.argv[2]), type=TuneOrder if is_tuned else Order)
    events.tell("version", __version__)
    for module in ("torch", "nnunetv2"):
        try:
            __import__(module)
        except Exception as error:  # noqa: BLE001 - whatever it raises, the training would meet it too
            return _fail(events, f"no-{module}", error)
    from holter.bench.child.measure import measure
    from holter.bench.child.opening import Trouble
    from holter.bench.child.tune import tune

    def stage(content: Any) -> None:
        events.tell("stage", content)

    try:
        if isinstance(order, TuneOrder):
            events.tell("measured", tune(order, scratch, stage))
        else:
            events.tell("measured", measure(order, scratch, stage))
    except Trouble as trouble:
        return _fail(events, trouble.code, trouble.__cause__ or trouble)
    except Exception as error:  # noqa: BLE001 - the parent names it
        import traceback

        traceback.print_exc()
        return _fail(events, "failed", error)
    return 0


def _fail(events: Events, code: str, error: BaseException) -> int:
    events.tell("failure", LeftOut(code=code, detail=shortened(said_by(error))))
    return 1


if __name__ == "__main__":
    sys.exit(main())
