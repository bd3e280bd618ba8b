"""The shortened stock training with an augmentation that costs many times as much: CPUs cannot keep up."""

import sys

from holter.trainer import shortened

TIMES = 80


class Repeated:
    """The stock transforms, done again and again; the last result counts."""

    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, **sample):
        for _ in range(TIMES - 1):
            self.transforms(**{name: value.clone() for name, value in sample.items()})
        return self.transforms(**sample)


def main() -> None:
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    stock = nnUNetTrainer.get_training_transforms
    nnUNetTrainer.get_training_transforms = staticmethod(lambda *args, **more: Repeated(stock(*args, **more)))
    shortened.main(sys.argv[1:])


if __name__ == "__main__":
    main()
