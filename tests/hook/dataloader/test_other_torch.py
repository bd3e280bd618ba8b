"""The DataLoader of another torch: healed if it is known, as that of 2.14; else only watched, and the reason told."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.training  # of a toy
# It imports the installed torch with changed lines; a copy would be hundreds of megabytes.
PROGRAM = """
import importlib.machinery, json, os, re, signal, sys, time

class Changed(importlib.machinery.SourceFileLoader):
    def get_code(self, name):
        source = self.get_source(name)
        for change in CHANGES[name.rpartition(".")[2]]:
            source, count = re.subn(*change, source)
            assert count, change
        return compile(source, self.path, "exec")

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.rpartition(".")[2] not in CHANGES or not name.startswith("torch.utils.data"):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        spec.loader = Changed(name, spec.origin)
        return spec

CHANGES = json.loads(sys.argv[1])
sys.meta_path.insert(1 if "_holter_hook" in sys.modules else 0, Finder())
from torch.utils.data import DataLoader

class Numbers:
    def __len__(self):
        return 80
    def __getitem__(self, index):
        time.sleep(0.001)
        return index

def epoch(kills):
    iterator, order = iter(DataLoader(Numbers(), batch_size=4, num_workers=2)), []
    try:
        for batch in iterator:
            order += batch.tolist()
            if kills and len(order) == 20:
                os.kill(iterator._workers[0].pid, signal.SIGKILL)
    except Exception as error:
        return type(error).__name__
    return order

print(json.dumps([epoch(False), epoch(True)]))
"""
ADDED = {"worker": [(r"\n    shared_seed,?\n\)", "\n    shared_seed, priority=0\n)")]}
RENAMED = {"worker": [(r"\bworker_id\b", "worker_number")]}
# One that is only an attribute of the iterator: as nothing else differs, it was taken for a known torch.
OTHER_ATTRIBUTE = {"dataloader": [(r"\b_task_info\b", "_tasks")]}
OTHER_LOOP = {
    "worker": [(r"\bdef _worker_loop\b", "def _process_loop")],
    "dataloader": [(r"\bworker\._worker_loop\b", "worker._process_loop")],
}
# As torch 2.14 does it.
HOLDER = {
    "worker": [(r"\n    dataset,\n(    index_queue,)", r"\n    dataset_holder,\n\1"),
               (r"(\n    try:\n[^\n]*Initialize C side)", r"\n    dataset = dataset_holder.pop()\n\1")],
    "dataloader": [(r"self\._dataset,(\n *index_queue,)", r"[self._dataset],\1")],
}  # fmt: skip


def played(hooked, changes):
    done = hooked.run("-c", PROGRAM, json.dumps(changes), HOLTER_HEAL="workers")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        (ADDED, "priority"),
        (RENAMED, "worker_id, worker_number"),
        (OTHER_ATTRIBUTE, "_task_info"),
        (OTHER_LOOP, "_worker_loop"),
    ],
    ids=["argument-added", "argument-renamed", "attribute-renamed", "loop-renamed"],
)
def test_an_unknown_torch_is_watched_and_not_healed(hooked, changes, differs):
    healthy, killed = played(hooked, changes)
    assert healthy == list(range(80))
    assert killed in ("RuntimeError", "ConnectionResetError", "EOFError")  # PyTorch's own
    (note,) = [line["text"] for line in hooked.lines("note") if line["what"] == "loader-refused"]
    assert note.startswith("workers of the DataLoader of Numbers are not replaced: Holter does not know the DataLoader")
    assert note.endswith(f"(different: {differs}); it is only watched")
    said = [line["say"] for line in hooked.lines("ability") if line["name"] == "replace-workers"]
    assert [remark["code"] for remark in said] == ["loader-torch"]
    assert hooked.lines("action") == []
    phases = [(line["phase"], line["epoch"]) for line in hooked.lines("phase")]
    assert phases[:3] == [("train", 0), ("epoch-end", 0), ("train", 1)]
    ended = [line for line in hooked.lines("worker-ended") if line["exit_code"] == -9]
    assert len(ended) == 1


def test_workers_that_take_their_data_set_out_of_a_list_are_replaced(hooked):
    healthy, killed = played(hooked, HOLDER)
    assert healthy == killed == list(range(80))
    assert [line["state"] for line in hooked.lines("action")] == ["begun", "done"]
    assert [line for line in hooked.lines("note") if line["what"] in ("loader-refused", "hook-failed")] == []
