"""Who owns the code of a frame: the user, nnU-Net, PyTorch, Python or another library."""

from __future__ import annotations

from holter.patterns import later
from holter.records import Frame
from holter.sentences import define

OWNERS = {
    "user": define("standing.user", "code of your own"),
    "nnunet": define("standing.nnunet", "nnU-Net"),
    "torch": define("standing.torch", "PyTorch"),
    "python": define("standing.python", "Python's standard library"),
    "library": define("standing.library", "a library"),
}
HOOK = later(r"/holter/(?:hook|trainer)/|_holter_hook")
_STDLIB = later(r"/lib(?:64)?/python3(?:\.\d+)?/(?!(?:site|dist)-packages/)|^<frozen ")
_PACKAGES = later(r"/(?:site|dist)-packages/|/lib/python3/")
_NNUNET = later(r"/(?:nnunetv2|batchgenerators|batchgeneratorsv2|dynamic_network_architectures)/")
_TORCH = later(r"/(?:site|dist)-packages/torch/")
# nnU-Net finds trainers only below this folder, so users put their own files there.
_TRAINERS = later(r"/nnunetv2/training/nnUNetTrainer/(?:.*/)?([^/]+)$")
# From nnunetv2 2.5 to 2.8.
_STOCK_TRAINERS = frozenset({
    "__init__.py", "aortaseg24.py", "nnUNetTrainer.py", "nnUNetTrainerAdam.py", "nnUNetTrainerAdan.py",
    "nnUNetTrainerBN.py", "nnUNetTrainerBenchmark_5epochs.py", "nnUNetTrainerBenchmark_5epochs_noDataLoading.py",
    "nnUNetTrainerCELoss.py", "nnUNetTrainerCosAnneal.py", "nnUNetTrainerDA5.py", "nnUNetTrainerDAOrd0.py",
    "nnUNetTrainerDiceLoss.py", "nnUNetTrainerNoDA.py", "nnUNetTrainerNoDeepSupervision.py",
    "nnUNetTrainerNoMirroring.py", "nnUNetTrainerTopkLoss.py", "nnUNetTrainer_Xepochs.py",
    "nnUNetTrainer_Xepochs_NoMirroring.py", "nnUNetTrainer_noDummy2DDA.py",
    "nnUNetTrainer_probabilisticOversampling.py", "nnUNetTrainer_warmup.py", "primus_trainers.py",
})  # fmt: skip


def owner_of(frame: Frame) -> str:
    """Return the owner of the frame's code: a key of ``OWNERS``."""
    file = frame.file.replace("\\", "/")
    trainer = _TRAINERS.search(file)
    if trainer is not None:
        return "nnunet" if trainer[1] in _STOCK_TRAINERS else "user"
    if _NNUNET.search(file):
        return "nnunet"
    if _TORCH.search(file):
        return "torch"
    if _STDLIB.search(file):
        return "python"
    return "library" if _PACKAGES.search(file) else "user"
