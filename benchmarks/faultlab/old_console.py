"""Console output of a run that died, including Holter's lines in it."""

OLD = """\
2026-01-01 08:00:00.000000: Epoch 0
2026-01-01 08:00:00.000000: Current learning rate: 0.01
2026-01-01 08:02:40.000000: train_loss -0.1234
2026-01-01 08:02:40.000000: Epoch time: 160.0 s
2026-01-01 08:02:41.000000: Epoch 1
Exception in background worker 1:
[Errno 28] No space left on device
Traceback (most recent call last):
  File "/opt/conda/bin/nnUNetv2_train", line 8, in <module>
    sys.exit(run_training_entry())
  File "/opt/conda/lib/python3.11/site-packages/nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py", line 1371, \
in run_training
    train_outputs.append(self.train_step(next(self.dataloader_train)))
RuntimeError: One or more background workers are no longer alive. Exiting. Please check the print statements above \
for the actual error message
holter: the disk is full: OSError: [Errno 28] No space left on device
"""
