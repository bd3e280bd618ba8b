"""A torch whose worker loop has other arguments is watched like any other; nothing is replaced, and the reason told."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.training  # of a toy
# It imports the installed torch with a changed line; a copy would be hundreds of megabytes.
PROGRAM = """
import importlib.machinery, inspect, json, os, re, signal, sys, time

class Changed(importlib.machinery.SourceFileLoader):
    def get_code(self, name):
        source, count = re.subn(*CHANGE, self.get_source(name))
        assert count
        return compile(source, self.path, "exec")

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name != "torch.utils.data._utils.worker":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        spec.loader = Changed(name, spec.origin)
        return spec

CHANGE = json.loads(sys.argv[1])
sys.meta_path.insert(1 if "_holter_hook" in sys.modules else 0, Finder())
from torch.utils.data import DataLoader
from torch.utils.data._utils.worker import _worker_loop

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

print(json.dumps([list(inspect.signature(_worker_loop).parameters), epoch(False), epoch(True)]))
"""
ADDED = (r"\n    shared_seed,?\n\)", "\n    shared_seed, priority=0\n)")
RENAMED = (r"\bworker_id\b", "worker_number")


@pytest.mark.parametrize(
    ("change", "differs"), [(ADDED, "priority"), (RENAMED, "worker_id, worker_number")], ids=["added", "renamed"]
)
def test_a_torch_with_another_worker_loop_is_watched_and_not_healed(hooked, change, differs):
    done = hooked.run("-c", PROGRAM, json.dumps(change), HOLTER_HEAL="workers")
    assert done.returncode == 0, done.stderr
    arguments, healthy, killed = json.loads(done.stdout)
    assert set(differs.split(", ")) & set(arguments)
    assert healthy == list(range(80))
    assert killed in ("RuntimeError", "ConnectionResetError", "EOFError")  # PyTorch's own
    (note,) = [line["text"] for line in hooked.lines("note") if line["what"] != "dataloader-training"]
    assert note.startswith("workers of the DataLoader of Numbers are not replaced: Holter does not know the DataLoader")
    assert note.endswith(f"(different: {differs}); it is only watched")
    said = [line["say"] for line in hooked.lines("ability") if line["name"] == "replace-workers"]
    assert [remark["code"] for remark in said] == ["loader-torch"]
    assert hooked.lines("action") == []
    phases = [(line["phase"], line["epoch"]) for line in hooked.lines("phase")]
    assert phases[:3] == [("train", 0), ("epoch-end", 0), ("train", 1)]
    ended = [line for line in hooked.lines("worker-ended") if line["exit_code"] == -9]
    assert len(ended) == 1
