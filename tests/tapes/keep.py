"""Keep recorded tapes for the tests.

``python tests/tapes/keep.py SOURCE cause/fault.holter [UNTIL_S]``: with UNTIL_S what follows is cut off, as if the
recorder had been killed then. ``python tests/tapes/keep.py --lab FOLDER [NAMES]``: of the tapes that
``python -m benchmarks.faultlab --keep FOLDER`` has left those whose cause came first, while no other was confirmed,
each as ``cause/name.holter`` (``cause/name_likely.holter`` where it is no more than likely), and the silent ones as
``quiet/name.holter``; from half a minute before the fault on, where that is enough for the same answer.

Paths and names of the machine it was recorded on are replaced, and it is written anew with today's writer.
"""

from __future__ import annotations

import datetime
import getpass
import re
import socket
import sys
from pathlib import Path

import msgspec

from holter.causes import diagnose_all
from holter.detectors import detect
from holter.records import Environment, Episode, Event, Noted, StackDump
from holter.tape import TapeWriter, coding, read
from holter.tape.compaction import RawWindow

FOLDER = Path(__file__).parent
CHECKOUT = FOLDER.parents[1]
BEFORE_S, AFTER_S = 30.0, 12.0  # of a tape of the lab: before its fault, and after its alarm
SAME_ALARM_S = 1.8  # a tape is told again within two seconds; this leaves some


def neutral(text: str) -> str:
    """Without this machine's folders, host and user."""
    for pattern, replacement in (
        (re.escape(str(CHECKOUT)), "/src"),
        (re.escape(sys.prefix), "/venv"),
        (re.escape(sys.base_prefix), "/python"),
        (re.escape(str(CHECKOUT.parent)) + r"(?:/[^\s\",:]+)*?/(?=nnUNet_)", "/data/"),
        (re.escape(str(CHECKOUT.parent)), "/data"),
        (r"/tmp/[^\s\",:]*?(?=/nnUNet_|/results|/run\.|/slow-disk)", "/tmp/run"),
        (r"/tmp/holter-[a-z0-9_-]+", "/tmp/holter-run"),
        (r"/tmp/pytest-of-[^\s\",:]*", "/tmp/run"),
        (rf"\b{re.escape(socket.gethostname())}\b", "host"),
        (rf"/home/{re.escape(getpass.getuser())}\b|/root\b", "/home/user"),
        (r"/process_api/[0-9a-f]+", "/group"),
    ):
        text = re.sub(pattern, replacement, text)
    return text


def keep(
    source: Path,
    target: Path,
    until_s: float = float("inf"),
    from_s: float | None = None,
    note: Noted | None = None,
) -> None:
    """Write ``source`` anew at ``target``, which is replaced; with ``note``, if one is given."""
    recording = read(source)

    def again(record, kind):
        return msgspec.json.decode(neutral(msgspec.json.encode(record).decode()).encode(), type=kind)

    target.parent.mkdir(parents=True, exist_ok=True)
    writer = TapeWriter(target, force=True, window=RawWindow(keep_s=1e9))
    writer.write_environment(again(recording.environment, Environment))
    for tick in recording.ticks(from_s, until_s):
        if note is not None and tick.t_s >= note.t_s:
            writer.write_events([note])
            note = None
        parts = (tick.host, tick.cgroup, *tick.processes, *tick.gpus, *tick.storage, *tick.beats)
        samples = [again(part, coding.TYPE_OF_KIND[coding.KIND_OF_TYPE[type(part)]]) for part in parts if part]
        writer.write_samples(tick.t_s, samples)
        writer.write_events([again(event, Event) for event in tick.events])
    writer.write_stacks([again(dump, StackDump) for dump in recording.stacks() if dump.t_s <= until_s])
    for number, episode in enumerate(episode for episode in recording.episodes() if episode.alarm_s <= until_s):
        over = episode.end_s is not None and episode.end_s <= until_s
        told = episode if over else msgspec.structs.replace(episode, end_s=None)
        writer.write_episode(number, again(told, Episode))
    writer.close(min(recording.duration_s, until_s))


def keep_lab(folder: Path, names: list[str]) -> None:
    """Keep what the lab has left in ``folder``, of those names or all."""
    for file in sorted(folder.glob("*.json")):
        if not names or file.stem in names:
            print(f"{file.stem}: {keep_one(file, msgspec.json.decode(file.read_bytes()))}")


def keep_one(file: Path, kept: dict) -> str:
    """Keep the tape beside ``file``; what was done, in words."""
    outcome, source = kept["outcome"], file.with_suffix(".holter")
    recording = read(source)
    began = datetime.datetime.fromisoformat(recording.environment.wall_start).timestamp()
    if outcome["problem"] or outcome["early"]:
        return "left out: not a clean run"
    if outcome["cause"] is None:
        keep(source, FOLDER / "quiet" / f"{file.stem.replace('-', '_')}.holter", kept["over"] - began)
        return "kept as a quiet one"
    fault_s = kept["struck"] - began
    alarms = [episode.alarm_s for episode in recording.episodes() if episode.alarm_s >= fault_s]
    until_s = min(kept["over"] - began, min(alarms, default=float("inf")) + AFTER_S)
    verdict = outcome["named"][0][1] if outcome["named"] else "nothing"
    name = file.stem.replace("-", "_") + ("" if verdict == "confirmed" else f"_{verdict}")
    target = FOLDER / outcome["cause"].replace("-", "_") / f"{name}.holter"
    note = Noted(t_s=round(fault_s, 3), what="fault", text=file.stem)
    for from_s in (fault_s - BEFORE_S, None):
        keep(source, target, until_s, from_s, note)
        if tells(target, outcome["cause"]) == verdict and verdict in ("confirmed", "likely"):
            return f"kept, {verdict}, {target.stat().st_size} bytes"
    target.unlink()
    if not any(target.parent.iterdir()):
        target.parent.rmdir()
    return "left out: its cause does not come first, or another one is confirmed, or its ticks tell another story"


def tells(tape: Path, cause: str) -> str | None:
    """Its verdict on this cause, if that comes first and alone, and its ticks tell of the same alarms."""
    recording = read(tape)
    found, again = diagnose_all(recording), detect(recording.ticks())
    if not found or len(again) != len(recording.episodes()):
        return None
    for kept, other in zip(recording.episodes(), again, strict=True):
        if (kept.kind, kept.detector) != (other.kind, other.detector) or abs(
            kept.alarm_s - other.alarm_s
        ) > SAME_ALARM_S:
            return None
    confirmed = {verdict.cause for verdict in found[0].verdicts if verdict.verdict == "confirmed"}
    first = found[0].verdicts[0]
    return first.verdict if first.cause == cause and confirmed <= {cause} else None


if __name__ == "__main__":
    if sys.argv[1] == "--lab":
        keep_lab(Path(sys.argv[2]), sys.argv[3:])
    else:
        keep(Path(sys.argv[1]), FOLDER / sys.argv[2], *map(float, sys.argv[3:]))
