"""Keep a recorded tape for the tests: ``python tests/tapes/keep.py SOURCE cause/fault.holter [UNTIL_S]``.

With UNTIL_S what follows is cut off, as if the recorder had been killed then. Paths and names of the machine it was
recorded on are replaced, and it is written anew with today's writer.
"""

from __future__ import annotations

import getpass
import re
import socket
import sys
from pathlib import Path

import msgspec

from holter.records import Environment, Episode, Event, StackDump
from holter.tape import TapeWriter, coding, read
from holter.tape.compaction import RawWindow

FOLDER = Path(__file__).parent
CHECKOUT = FOLDER.parents[1]


def neutral(text: str) -> str:
    """Without this machine's folders, host and user."""
    for pattern, replacement in (
        (re.escape(str(CHECKOUT)), "/src"),
        (re.escape(sys.prefix), "/venv"),
        (re.escape(sys.base_prefix), "/python"),
        (re.escape(str(CHECKOUT.parent)) + r"(?:/[^\s\",:]+)*?/(?=nnUNet_)", "/data/"),
        (re.escape(str(CHECKOUT.parent)), "/data"),
        (r"/tmp/[^\s\",:]*?(?=/nnUNet_|/results|/run\.|/slow-disk)", "/tmp/run"),
        (r"/tmp/holter-[a-z0-9_]+", "/tmp/holter-run"),
        (r"/tmp/pytest-of-[^\s\",:]*", "/tmp/run"),
        (rf"\b{re.escape(socket.gethostname())}\b", "host"),
        (rf"/home/{re.escape(getpass.getuser())}\b|/root\b", "/home/user"),
        (r"/process_api/[0-9a-f]+", "/group"),
    ):
        text = re.sub(pattern, replacement, text)
    return text


def keep(source: Path, target: Path, until_s: float = float("inf")) -> None:
    """Write ``source`` anew at ``target``, which is replaced."""
    recording = read(source)

    def again(record, kind):
        return msgspec.json.decode(neutral(msgspec.json.encode(record).decode()).encode(), type=kind)

    target.parent.mkdir(parents=True, exist_ok=True)
    writer = TapeWriter(target, force=True, window=RawWindow(keep_s=1e9))
    writer.write_environment(again(recording.environment, Environment))
    for tick in recording.ticks(None, until_s):
        parts = (tick.host, tick.cgroup, *tick.processes, *tick.gpus, *tick.storage, *tick.beats)
        samples = [again(part, coding.TYPE_OF_KIND[coding.KIND_OF_TYPE[type(part)]]) for part in parts if part]
        writer.write_samples(tick.t_s, samples)
        writer.write_events([again(event, Event) for event in tick.events])
    writer.write_stacks([again(dump, StackDump) for dump in recording.stacks() if dump.t_s <= until_s])
    for number, episode in enumerate(one for one in recording.episodes() if one.alarm_s <= until_s):
        over = episode.end_s is not None and episode.end_s <= until_s
        told = episode if over else msgspec.structs.replace(episode, end_s=None)
        writer.write_episode(number, again(told, Episode))
    writer.close(min(recording.duration_s, until_s))


if __name__ == "__main__":
    keep(Path(sys.argv[1]), FOLDER / sys.argv[2], *map(float, sys.argv[3:]))
