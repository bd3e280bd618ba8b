"""`load_checkpoint` fails for the dictionary that its annotation allows, and for a `Path`.

For: nnunetv2 2.8.1, https://github.com/MIC-DKFZ/nnUNet

`filename_or_checkpoint: Union[dict, str]`, but `checkpoint` is assigned for a `str` only.

Proposed change:
`else: checkpoint = filename_or_checkpoint`, and `isinstance(filename_or_checkpoint, (str, os.PathLike))`.

Measured effect:
None; an `UnboundLocalError`.
"""

from pathlib import Path
from types import SimpleNamespace

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

if __name__ == "__main__":
    trainer = SimpleNamespace(was_initialized=True, device="cpu")
    failed = 0
    for given in ({"network_weights": {}}, Path("checkpoint_final.pth")):
        try:
            nnUNetTrainer.load_checkpoint(trainer, given)
        except UnboundLocalError as error:
            print(f"{type(given).__name__}: UnboundLocalError: {error}")
            failed += 1
    raise SystemExit(0 if failed == 2 else 1)  # 0: the fault is there
