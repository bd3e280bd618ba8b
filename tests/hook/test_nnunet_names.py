"""What Python sees of nnU-Net's own functions and classes under the hook is what it would see without."""

from __future__ import annotations

import json

import pytest

PROGRAM = """
import copy, importlib, inspect, json, pickle, re
from batchgenerators.dataloading import nondet_multi_threaded_augmenter as nondet
from nnunetv2.inference import export_prediction as export
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as module
from nnunetv2.training.dataloading import nnunet_dataset, utils
functions = [nondet.producer, export.export_prediction_from_logits, export.resample_and_save, utils.unpack_dataset,
             module.check_workers_alive_and_busy, nnunet_dataset.nnUNetDatasetBlosc2.load_case]
trainer = module.nnUNetTrainer
bare = object.__new__(trainer)
print(json.dumps({
    "by reference": [pickle.loads(pickle.dumps(one)) is one for one in functions],
    "pickled": [pickle.dumps(one).hex() for one in functions],
    "signatures": [re.sub("0x[0-9a-f]+", "", str(inspect.signature(one)))
                   for one in [*functions, trainer.__init__, bare.__init__]],
    "source": [len(inspect.getsource(one)) for one in [*functions, trainer, trainer.save_checkpoint, module]],
    "loader": [type(module.__spec__.loader).__name__, type(module.__loader__).__name__],
    "copied": type(copy.deepcopy(bare)) is trainer,
    "own": sorted(vars(bare)),
    "reloaded": importlib.reload(utils).unpack_dataset.__module__,
}))
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory, hooked_in):
    hooked = hooked_in(tmp_path_factory.mktemp("names"))
    done = [hooked.run("-c", PROGRAM, hook=hook) for hook in (True, False)]
    assert [run.returncode for run in done] == [0, 0], done[0].stderr
    return [json.loads(run.stdout.splitlines()[-1]) for run in done]


@pytest.mark.slow
@pytest.mark.parametrize(
    "what", ["by reference", "pickled", "signatures", "source", "loader", "copied", "own", "reloaded"]
)
def test_nothing_looks_different(both, what):
    with_hook, without = both
    assert with_hook[what] == without[what]


@pytest.mark.slow
@pytest.mark.long
def test_the_functions_are_indeed_wrapped(hooked):
    program = """
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer, check_workers_alive_and_busy
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2, nnUNetDatasetNumpy
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor, export_prediction_from_logits
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter as augmenter
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import producer
print(all(hasattr(one, "__wrapped__") for one in (
    nnUNetTrainer.__init__, check_workers_alive_and_busy, nnUNetDatasetBlosc2.load_case, nnUNetDatasetNumpy.load_case,
    nnUNetPredictor._internal_maybe_mirror_and_predict, export_prediction_from_logits, producer,
    augmenter.__next__, augmenter._start, augmenter._finish)))
"""
    assert hooked.run("-c", program).stdout.splitlines()[-1] == "True"
    assert hooked.lines("note") == []


def test_a_version_without_the_names_is_noted_and_works(hooked, tmp_path):
    package = tmp_path / "batchgenerators" / "dataloading"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package.parent / "__init__.py").touch()
    (package / "nondet_multi_threaded_augmenter.py").write_text("answer = 42\n")
    program = "from batchgenerators.dataloading.nondet_multi_threaded_augmenter import answer; print(answer)"
    done = hooked.run("-c", program, path=(tmp_path,))
    assert (done.stdout, done.stderr) == ("42\n", "")
    assert [line["what"] for line in hooked.lines("note")] == ["hook-failed"] * 2
