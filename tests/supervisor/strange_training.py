"""The shortened stock training with two healthy but strange moments: a slow checkpoint, then a busy pause.

In this order: a step of many seconds would excuse everything that comes after it.
"""

import sys
import time

from holter.trainer import shortened

# Both are longer than a training may stand still (10 s).
CHECKPOINT_S = 13.0
BUSY_S = 16.0  # as torch.compile keeps the main thread busy inside the first step
BUSY_STEP = 58  # in the second epoch of 30 steps, after the test has stopped and continued everything


def main() -> None:
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    step, save = nnUNetTrainer.train_step, nnUNetTrainer.save_checkpoint
    steps, saves = [], []

    def one_slow_step(self, batch):
        steps.append(1)
        if len(steps) == BUSY_STEP:
            until = time.monotonic() + BUSY_S
            while time.monotonic() < until:
                sum(range(10000))
        return step(self, batch)

    def first_one_slow(self, filename):
        saves.append(1)
        if len(saves) == 1:
            time.sleep(CHECKPOINT_S)
        return save(self, filename)

    nnUNetTrainer.train_step = one_slow_step
    nnUNetTrainer.save_checkpoint = first_one_slow
    shortened.main(sys.argv[1:])


if __name__ == "__main__":
    main()
