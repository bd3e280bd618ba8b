"""`--c` starts from scratch if there is no checkpoint, and gives up if the first one is torn.

For: nnunetv2 2.8.1, https://github.com/MIC-DKFZ/nnUNet

Without a checkpoint, "continue" prints one line, which scrolls away, and starts a new training: with a mistyped fold
or a wrong `nnUNet_results` the mistake shows hours later. If `checkpoint_latest.pth` is torn (a kill while it was
written), it is loaded and fails, although a good `checkpoint_best.pth` lies beside it.

Proposed change:
An error instead of the warning, with the folder that was searched, and `--c-or-new` (or the like) for scripts that
want today's behaviour. If a file cannot be read: say so, and take the next one.

Measured effect:
A real training with a torn newest checkpoint, killed and continued with `--c`: it ends. With the next good file it
goes on (Holter, benchmarks/RESULTS.md, "What a training survives").
"""

import tempfile
from pathlib import Path
from types import SimpleNamespace

import torch
from nnunetv2.run.run_training import maybe_load_checkpoint

if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp())
    # The two things that the function uses of a trainer; load_checkpoint begins with torch.load.
    trainer = SimpleNamespace(
        output_folder=str(folder), load_checkpoint=lambda file: torch.load(file, weights_only=False)
    )
    maybe_load_checkpoint(trainer, continue_training=True, validation_only=False)
    print("-> no checkpoint: no error, a new training starts")
    torch.save({"current_epoch": 400}, folder / "checkpoint_best.pth")
    whole = (folder / "checkpoint_best.pth").read_bytes()
    (folder / "checkpoint_latest.pth").write_bytes(whole[: len(whole) // 2])
    try:
        maybe_load_checkpoint(trainer, continue_training=True, validation_only=False)
        code = 1
    except (RuntimeError, EOFError, OSError) as error:
        print(f"-> torn checkpoint_latest.pth, good checkpoint_best.pth: {type(error).__name__}: {str(error)[:60]}")
        code = 0
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    raise SystemExit(code)  # 0: the fault is there
