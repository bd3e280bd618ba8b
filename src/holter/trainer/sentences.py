"""Sentences about the data loader in the training's log."""

from __future__ import annotations

from holter.sentences import define_all

define_all(
    {
        "loader.stock": "holter: nnU-Net's own data loader is used: {reason}",
        "loader.own": "holter: the trainer's own get_dataloaders is used: {trainer} defines it",
        "loader.begins": (
            "holter: data loader without worker processes: {threads} reading threads, transforms on {where}, "
            "seed {seed}"
        ),
        "loader.continues": "holter: the data loader goes on with batch {step} of seed {seed}",
        "loader.chain": "holter: {purpose} transforms: {mapping}",
        "loader.fallback": "holter: no transform of Holter's for {names}: nnU-Net's own runs on the CPU for that step",
        "loader.reading": "holter: reading: {note}",
        "loader.gpu-short": "holter: transforms run on the CPU: {reason}",
        "loader.gpu-out-of-memory": (
            "holter: the GPU ran out of memory; from batch {step} on, transforms run on the CPU. No batch was lost"
        ),
        "loader.gpu-failed": "holter: transforms cannot run on this GPU and run on the CPU: {reason}",
        "loader.left-behind": "holter: threads that hang in a read were left behind: {names}",
        "loader.trouble.hung": "holter: case {case}: the read of {where} has not come back for {waited} s",
        "loader.trouble.unreadable": "holter: case {case}: {where} cannot be read ({detail}); it is tried again",
        "loader.trouble.quarantined": "holter: case {case} is left out from now on: {where}: {detail}",
        "loader.trouble.back": "holter: case {case} can be read again",
    }
)
