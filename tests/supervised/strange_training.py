"""The shortened stock training with one healthy but strange moment: a busy pause, a slow checkpoint."""

import sys
import time

from holter.trainer import shortened

BUSY_S = 30.0  # as torch.compile keeps the main thread busy inside the first step
CHECKPOINT_S = 15.0


def main() -> None:
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    step, save = nnUNetTrainer.train_step, nnUNetTrainer.save_checkpoint
    steps = []

    def slow_first_step(self, batch):
        steps.append(1)
        if len(steps) == 15:
            until = time.monotonic() + BUSY_S
            while time.monotonic() < until:
                sum(range(10000))
        return step(self, batch)

    def slow_save(self, filename):
        time.sleep(CHECKPOINT_S)
        return save(self, filename)

    nnUNetTrainer.train_step = slow_first_step
    nnUNetTrainer.save_checkpoint = slow_save
    shortened.main(sys.argv[1:])


if __name__ == "__main__":
    main()
