"""Two processes, as for two GPUs: one seed for both, and none waits for another that has met an error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.training

# A trainer with nothing but what get_dataloaders asks of it: nnU-Net's own wants a GPU for each rank.
RANK = """
import json, os, sys, types
from pathlib import Path
from torch import distributed
from holter.errors import UntestedVersion
from holter.trainer import loading

rank, knows, fails, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4])
distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)

class Base:
    is_ddp = True
    def print_to_log_file(self, *words): pass
    def get_dataloaders(self): return "stock"

Base.__module__ = loading.TRAINER_MODULE

class Trainer(loading.HolterLoading, Base):
    def _holter_facts(self, log, seed): return seed

def refuse():
    raise UntestedVersion("another nnunetv2 on this host")

loading.set_up = lambda get: None
loading.make_feeds = lambda stock, seed, settings: seed
if str(rank) in fails:
    loading.check_code = refuse
trainer = Trainer()
if str(rank) in knows:
    trainer._holter_entry = {"loaders": {"dataloader_train": {"state": {"seed": 70 + rank, "stream": 0, "step": 3}}}}
(folder / f"{rank}.json").write_text(json.dumps(trainer.get_dataloaders()))
os._exit(0)  # gloo's threads may abort a process that ends in order while the other one is gone already
"""


def both(folder: Path, knows: str = "", fails: str = "") -> list[Any]:
    """What each rank's ``get_dataloaders`` gave; ranks in ``knows`` have read a checkpoint, those in ``fails`` fail."""
    folder.mkdir()
    command = [sys.executable, "-c", RANK]
    ranks = [subprocess.Popen([*command, str(rank), knows or "-", fails or "-", str(folder)]) for rank in (0, 1)]
    try:
        assert [rank.wait(timeout=240) for rank in ranks] == [0, 0]
    finally:
        for rank in ranks:
            rank.kill()
            rank.wait()
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


def test_an_error_on_one_rank_leaves_no_other_waiting(tmp_path: Path) -> None:
    first, second = both(tmp_path / "later", fails="1")
    assert (isinstance(first, int), second) == (True, "stock")


@pytest.mark.long
@pytest.mark.sample
def test_all_ranks_have_the_first_ones_seed_whatever_each_has_read(tmp_path: Path) -> None:
    assert both(tmp_path / "all", knows="01") == [70, 70]
    assert both(tmp_path / "second", knows="0") == [70, 70]
    first, second = both(tmp_path / "none", knows="1")
    assert first == second != 71
