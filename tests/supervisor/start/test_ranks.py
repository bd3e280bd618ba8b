"""``holter train -num_gpus 2`` as far as it can be told without GPUs: what is started in each of its processes."""

from __future__ import annotations

import pickle
import sys

import pytest

from holter.trainer.entry import find, main, run_rank
from needs import imported


@pytest.fixture
def run_training(monkeypatch):
    module = imported("nnunetv2.run.run_training")
    for name in ("run_ddp", "recursive_find_trainer_class_by_name"):
        monkeypatch.setattr(module, name, getattr(module, name))
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "0")
    return module


@pytest.mark.slow
def test_every_rank_is_started_through_us_with_nnunets_arguments(run_training, monkeypatch):
    stock = run_training.run_ddp
    spawned = []
    monkeypatch.setattr(run_training.mp, "spawn", lambda function, **how: spawned.append((function, how)))
    monkeypatch.setattr(run_training.torch, "set_num_threads", lambda _: None)
    monkeypatch.setattr(run_training.torch, "set_num_interop_threads", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["train", "801", "3d_fullres", "0", "-num_gpus", "2", "--c"])
    main()
    ((function, how),) = spawned
    assert how["nprocs"] == 2
    sent = pickle.loads(pickle.dumps(function))  # how it gets there
    assert (sent.func, sent.args) == (run_rank, ("stock",))
    assert len(how["args"]) == stock.__code__.co_argcount - 1  # the rank itself comes first


def test_a_rank_finds_trainers_as_the_first_process_does(run_training, monkeypatch):
    seen = []

    def run_ddp(*arguments):
        seen.append((arguments, run_training.recursive_find_trainer_class_by_name))

    monkeypatch.setattr(run_training, "run_ddp", run_ddp)
    run_rank("stock", 1, "801", "3d_fullres")
    ((arguments, search),) = seen
    assert arguments == (1, "801", "3d_fullres")
    assert (search.func, search.keywords) == (find, {"loader": "stock"})
