"""English sentences of remedies: ``remedy.<id>``. The exact command stands beside the sentence, not in it."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # Going on
    "remedy.continue-process": "Let the stopped process run on: the training resumes by itself within seconds.",
    "remedy.end-and-continue": "End the training and continue from its last checkpoint.",
    "remedy.continue-by-hand": "Continue from the last checkpoint by hand: no command is known that does it here.",
    "remedy.end-and-continue-by-hand": "End the training and continue by hand: no command is known that does it here.",
    "remedy.continue-from-checkpoint": "Continue from the last checkpoint; without one, nnU-Net begins again.",
    "remedy.validate-again": "End the run and repeat only the validation.",
    "remedy.fewer-exporters": "Use fewer export processes (nnUNet_def_n_proc): less memory at a time.",
    "remedy.keep-session": "Run under tmux, nohup or systemd-run, so that a closed terminal does not end it.",
    "remedy.longer-job": "Ask for a longer job (sbatch --time=...); the next goes on with --c where this one ended.",
    "remedy.more-time": "Ask the scheduler for more time or memory.",
    # Workers and memory
    "remedy.file-system-sharing": "Hand tensors over through files: one frozen worker then no longer stops the others.",
    "remedy.fewer-workers": "Use fewer data workers: less memory, slower preparation.",
    "remedy.more-memory": "Give the job more memory.",
    "remedy.bigger-shm": "Enlarge /dev/shm (Docker: --shm-size).",
    "remedy.upgrade-native-libraries": "Upgrade the libraries that crash in worker processes.",
    "remedy.workers-not-forked": "Start data workers afresh, not by fork: they inherit no lock and no thread.",
    # Errors and files
    "remedy.read-first-traceback": "Read the first traceback, not the last: the message about workers is an echo.",
    "remedy.read-traceback": "Read the traceback: its last line says what failed, the frames above it where.",
    "remedy.set-checkpoint-aside": (
        "Set the checkpoint that could not be read aside. With --c nnU-Net takes checkpoint_final.pth, else "
        "checkpoint_latest.pth, else checkpoint_best.pth; under Holter there is checkpoint_latest.previous.pth too."
    ),
    "remedy.checkpoint-versions": "Use a newer nnunetv2, or PyTorch before 2.6; the checkpoint itself may be whole.",
    "remedy.look-at-both-memories": "See which is full: main memory, its limit for locked pages, or the GPU's memory.",
    "remedy.see-gpus": "Compare CUDA_VISIBLE_DEVICES and -num_gpus with the GPUs that there are.",
    "remedy.set-paths": "Set nnUNet_raw, nnUNet_preprocessed and nnUNet_results where the training is started.",
    "remedy.preprocess-case-again": "Preprocess this case again.",
    "remedy.verify-dataset": "Check the data set's integrity.",
    "remedy.find-torn-json": "Find the JSON file that cannot be read.",
    "remedy.make-json-again": "Take that file from a copy, or plan the experiment again.",
    "remedy.look-at-file": "Look at the file: its size, and when it was written.",
    "remedy.check-disk-and-quota": "Check free space and quota: torn files usually come from a full disk.",
    # CPU
    "remedy.workers-as-cores": "Use as many data workers as there are usable CPUs.",
    "remedy.gpu-augmentation": "Move the augmentation to the GPU (other random numbers, same distribution).",
    "remedy.more-cores": "Give the training more CPU cores: 2 to 3 for each input channel are a good start.",
    "remedy.ask-for-cores": "Ask the scheduler for more CPU cores (--cpus-per-task).",
    "remedy.raise-quota": "Raise the CPU quota, or give the container whole cores instead.",
    # Storage
    "remedy.measure-storage": "See where the data lies and how full it is.",
    "remedy.copy-to-local-disk": "Copy the preprocessed data to a local SSD and point nnUNet_preprocessed there.",
    # Writing and shared memory
    "remedy.measure-room": "See how much space and how many inodes are left.",
    "remedy.make-room": "Make room on that disk, or mount it for writing again; the older checkpoints are still there.",
    "remedy.measure-shm": "See how large and how full shared memory is.",
    "remedy.ask-administrator": "Ask the administrator, word for word:",
    # GPU
    "remedy.look-at-gpu": "Look at clock, power and errors of the GPU.",
    "remedy.look-at-kernel-log": "Look for GPU errors (Xid) in the kernel log.",
    "remedy.look-at-clocks": "Look at the clock, its limits, temperature and power.",
    "remedy.who-is-on-gpu": "See who is on the GPU.",
    "remedy.end-leftovers": "End leftovers of your own earlier runs on this GPU.",
    "remedy.show-licence": "Read the licence state yourself.",
    "remedy.license-vgpu": "Have the virtual machine licensed: token in place, nvidia-gridd running, clock right.",
    "remedy.physical-gpu": "Ask for GPU pass-through, or use a physical machine.",
    # Not stuck
    "remedy.look-at-training-log": "Look at the log in the results folder rather than at the terminal.",
    "remedy.unbuffered-output": "Let Python print without buffering: PYTHONUNBUFFERED=1.",
}
