"""The final validation of a shortened training, alone: ``python validate_only.py DATASET CONFIGURATION FOLD``.

Without mirroring, which would only make each prediction eight.
"""

from __future__ import annotations


def main() -> None:
    from nnunetv2.run.run_training import maybe_load_checkpoint

    from holter.trainer import shortened

    options = shortened.parse(None)
    shortened.set_threads(options.device)
    trainer = shortened.build(options)
    maybe_load_checkpoint(trainer, False, True, None)
    trainer.inference_allowed_mirroring_axes = None
    trainer.perform_actual_validation()


if __name__ == "__main__":
    main()
