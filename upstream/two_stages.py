"""The loss of a network with two stages is NaN from the first step.

For: nnunetv2 2.8.1, https://github.com/MIC-DKFZ/nnUNet

With two stages deep supervision has one resolution. `_build_loss` sets the weight of the last resolution to 0 and
then divides by the sum: 0 / 0. (With DDP and without `torch.compile` the weight is 1e-6, and it works.)

Proposed change:
Set the last weight to 0 only if there are several: `if len(weights) > 1: weights[-1] = 0`.

Measured effect:
Every loss is NaN; such a network learns nothing.
"""

from types import SimpleNamespace

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

if __name__ == "__main__":
    # What _build_loss reads of a trainer, for two stages.
    trainer = SimpleNamespace(
        label_manager=SimpleNamespace(has_regions=False, ignore_label=None),
        configuration_manager=SimpleNamespace(batch_dice=True),
        is_ddp=False,
        enable_deep_supervision=True,
        _do_i_compile=lambda: False,
        _get_deep_supervision_scales=lambda: [[1.0, 1.0, 1.0]],
    )
    weights = list(nnUNetTrainer._build_loss(trainer).weight_factors)
    print("weights of the resolutions:", weights)
    raise SystemExit(0 if weights[0] != weights[0] else 1)  # 0: the fault is there
