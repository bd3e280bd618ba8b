"""The walk from a pasted text to its printed answer: which rooms it enters, and how often it climbs.

The rooms are the folders of ``src/holter``, in the order of the contract in ``pyproject.toml``. A reader who follows
the calls goes down. A climb is a call into a room above the caller's, by a function that was handed down.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pytest

import holter
from holter import cli
from holter.reports.live import lines as live
from holter.texts.decode import lines_of_stream

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGE = Path(holter.__file__).parent
CONTRACTS = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]
LAYERS = next(contract["layers"] for contract in CONTRACTS if contract["id"] == "layers")
MOST_CLIMBS = 3
# What a person pastes is no run: nothing of these has a part in its answer.
NOT_ENTERED = {"supervisor", "trainer", "views", "doctor", "bench", "study", "demo", "hook", "loader", "transforms"}
PASTED = """\
Traceback (most recent call last):
  File "/opt/conda/bin/nnUNetv2_train", line 8, in <module>
    sys.exit(run_training_entry())
  File "/opt/conda/lib/python3.10/site-packages/nnunetv2/run/run_training.py", line 275, in run_training_entry
RuntimeError: One or more background workers are no longer alive. Exiting. Please check the print statements above for \
the actual error message
"""


class Call(NamedTuple):
    """A call from one room into another."""

    room: str
    function: str
    into: str
    called: str

    @property
    def is_climb(self) -> bool:
        return bool(LAYERS.index(self.into) < LAYERS.index(self.room))


def calls_between_rooms(run: Callable[[], Any]) -> set[Call]:
    """Run a function; return the calls between rooms that it makes, without those of imports."""
    found: set[Call] = set()
    rooms: dict[str, str | None] = {}

    def room_of(frame: FrameType) -> str | None:
        file = frame.f_code.co_filename
        if file not in rooms:
            path = Path(file)
            inside = path.is_relative_to(PACKAGE) and path != PACKAGE / "__init__.py"
            rooms[file] = path.relative_to(PACKAGE).parts[0].removesuffix(".py") if inside else None
        return rooms[file]

    def see(frame: FrameType, event: str, _: object) -> None:
        if event != "call" or (room := room_of(frame)) is None or frame.f_code.co_name == "<module>":
            return
        caller = frame.f_back
        while caller is not None and room_of(caller) is None:
            if "importlib" in caller.f_code.co_filename:
                return
            caller = caller.f_back
        if caller is not None and caller.f_code.co_name != "<module>" and (above := room_of(caller)) != room:
            found.add(Call(str(above), caller.f_code.co_name, room, frame.f_code.co_name))

    sys.setprofile(see)
    try:
        run()
    finally:
        sys.setprofile(None)
    return found


@pytest.mark.slow
def test_the_walk_from_a_pasted_text_to_its_answer_climbs_three_times_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pasted = tmp_path / "pasted.txt"
    pasted.write_text(PASTED)
    monkeypatch.setattr(sys, "argv", ["holter", "diagnose", str(pasted)])

    def run() -> None:
        with pytest.raises(SystemExit):
            cli.main()

    calls = calls_between_rooms(run)
    assert "secondary-worker-message" in capsys.readouterr().out
    entered = {call.into for call in calls}
    assert entered >= {"diagnosis", "texts", "evidence", "causes", "remedies", "reports"}
    assert entered & NOT_ENTERED == set()
    climbs = sorted(call for call in calls if call.is_climb)
    assert len(climbs) <= MOST_CLIMBS, climbs
    # One door: the command asks the diagnosis once, and prints the answer.
    assert {call.called for call in calls if (call.room, call.into) == ("cli", "diagnosis")} == {"diagnose_target"}


def test_a_function_that_is_handed_down_is_a_climb() -> None:
    def run() -> None:
        list(lines_of_stream(io.BytesIO(b"a line\n"), "name", progress=lambda _: print(live.marked("seen"))))

    assert any(call.is_climb and (call.room, call.into) == ("texts", "reports") for call in calls_between_rooms(run))
