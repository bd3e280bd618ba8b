"""Who has a trouble now may thank, show commands or code, indent a message, wrap lines or name what was settled."""

from __future__ import annotations

import io

import pytest

from holter.diagnosis.logs import read_pasted
from holter.errors import HolterError
from holter.evidence.text_facts import facts_of
from holter.evidence.text_facts.genre.events import tells_event

COMMANDS = "export nnUNet_raw=/data/raw\nexport OMP_NUM_THREADS=1\ncd /data/project\nmodule load cuda/12.1\n"
CODE = (
    "import torch\nfrom torch.utils.data import DataLoader\n"
    "loader = DataLoader(data, num_workers=8)\nfor batch in loader:\n"
)
WORKERS = "RuntimeError: One or more background workers are no longer alive. Exiting."
STALLS = {
    "fixed seed": "My training hangs at epoch 12 with a fixed seed, GPU at 0 %. Thanks!",
    "seed is fixed": "The seed is fixed and the training of nnU-Net hangs at epoch 12, GPU at 0 %. Thanks!",
    "resolved before": "The out of memory issue is resolved. Now the training hangs at epoch 12, GPU at 0 %. Thanks!",
    "fixed before": "I fixed the folder names. The training is stuck at epoch 12, GPU at 0 %. Thank you!",
    "went from": "GPU utilisation went from 95 % to 0 % and the training hangs at epoch 12. Thanks!",
    "improved": "We improved the augmentation. Since then the training hangs at epoch 12, GPU at 0 %. Thanks!",
    "no further error": "nnU-Net training hangs at epoch 12, GPU at 0 %, with no further error. Thank you.",
    "runs fine": "The validation ran fine since the update. My training hangs at epoch 12 with GPU at 0 %. Thanks.",
    "commands above": f"{COMMANDS}my training of nnU-Net hangs at epoch 12,\nGPU utilisation stays at 0 %,\nhelp\n",
    "wrapped at commas": f"{COMMANDS}my training of nnU-Net hangs at epoch 12, GPU utilisation stays at 0 %,\n",
    "command and words": f"{COMMANDS}nnUNetv2_train 4 3d_fullres 0\nmy training hangs at epoch 12, GPU at 0 %,\n",
    "words below code": f"{CODE}    step(batch)\nmy training hangs at epoch 12, GPU at 0 %,\n",
    "bullet below code": f"{CODE}    step(batch)\n* My training hangs at epoch 12, GPU at 0 %\n",
    "conditional above a list": f"{CODE}    step(batch)\nwith nnU-Net my training hangs at epoch 12:\n",
    "title with stop": "Windows: stop after unpacking dataset",
    "title with wait": "Wait for workers never returns, training hangs",
    "title with test": "Test set prediction hangs at case 12",
    "title with a prefix": "nnU-Net: stop at epoch 12 without a message",
    "solved before, in Chinese": "之前的环境问题已解决，现在训练到第 12 个 epoch 卡住不动，GPU 利用率 0%，谢谢！",
    "all else runs, in Chinese": "其他任务都正常了，我的训练在第 12 轮卡死，GPU 利用率 0%，谢谢。",
    "commands, in Chinese": f"{COMMANDS}我的训练在第 12 个 epoch 卡住不动,\n    GPU 利用率一直是 0%,\n",
    "code, in Chinese": f"{CODE}    step(batch)\n我的训练在第 12 个 epoch 卡住不动,\n",
}
DEATHS = {
    "faster loader": "My training got killed at epoch 12 although I disabled the faster loader. It needs 60 GB. Thanks",
    "faster disk": "My training crashed at epoch 12 after the data moved to a faster disk. Thanks.",
    "fixed version": "My training crashes at epoch 12 with the fixed version of the plans file. Thank you!",
    "improved speed": "The new loader improved the speed, and my training was killed at epoch 12. Thanks!",
    "solved before, in Chinese": "上一个问题已解决，训练到第 12 个 epoch 程序崩溃了，谢谢！",
}
PRINTED = {
    "commands, tab": f"{COMMANDS}\t{WORKERS}\n",
    "commands, blanks": f"{COMMANDS}    {WORKERS}\n",
    "commands, a run": f"{COMMANDS}nnUNetv2_train 4 3d_fullres 0\n    {WORKERS}\n",
    "commands, words": f"{COMMANDS}I get\n\t{WORKERS}\n",
    "commands, words in Chinese": f"{COMMANDS}我运行后报错\n\t{WORKERS}\n",
}


@pytest.mark.parametrize("name", STALLS)
def test_a_training_that_stands_is_heard(name: str) -> None:
    assert tells_event(STALLS[name])
    assert facts_of(STALLS[name])["episode.kind"].value == "stall"


@pytest.mark.parametrize("name", DEATHS)
def test_a_training_that_ended_is_heard(name: str) -> None:
    assert tells_event(DEATHS[name])
    assert facts_of(DEATHS[name])["episode.kind"].value == "death"


@pytest.mark.parametrize("name", PRINTED)
def test_an_indented_message_below_commands_is_read(name: str) -> None:
    alone, below = facts_of(WORKERS), facts_of(PRINTED[name])
    assert alone
    assert {fact: hit.value for fact, hit in alone.items() if fact != "resembles"}.items() <= {
        fact: hit.value for fact, hit in below.items()
    }.items()


QUIET = {
    "solved": "My training hangs at epoch 12 with 8 workers. I solved it by raising the shared memory. Thanks!",
    "marked": "[SOLVED] Training hangs at epoch 12\nShared memory was too small. Thanks!",
    "solved by": "Just want to share: the training hung with 8 workers; solved by a larger /dev/shm.",
    "problem fixed": "The problem has been fixed with the update, my training no longer hangs. Thank you!",
    "now faster": "The training is now much faster, thank you! My epochs were slow before the update.",
    "times": "My training went from 190 s to 74 s per epoch on the same slow machine. Thank you!",
    "no more": "Since the update I see no more crashes of my training. Great work, thanks!",
    "solved, in Chinese": "训练卡在第 12 轮的问题已解决，把共享内存调大即可，谢谢！",
    "change that tests": "Test that a worker which hangs is killed",
    "change that stops": "Stop after the first failure",
    "change that waits": "Wait for the workers so that training never hangs",
    "change that sets": "Set a timeout for hangs in the loader",
    "script": f"#!/bin/bash\n{COMMANDS}# my training was killed with 32 GB, so:\nsrun nnUNetv2_train 4 3d_fullres 0\n",
    "script without its first line": f"{COMMANDS}# the workers got killed with 32 GB\nsrun python train.py --fold 0\n",
    "documented": f"{CODE}    step(batch)\n        RuntimeError: If the background workers are no longer alive.\n",
    "quoted": f"{CODE}    print('I saw that my training hangs at epoch 12')\n    x = 1  # my training hangs with 2\n",
    "expected": f"{CODE}    step(batch)\n    assert RuntimeError(\n        'my training crashed at epoch 12',\n    )\n",
}


@pytest.mark.parametrize("name", QUIET)
def test_a_trouble_that_is_over_or_of_code_accuses_nobody(name: str) -> None:
    try:
        diagnoses = read_pasted(io.BytesIO(QUIET[name].encode()), "x.txt").diagnoses
    except HolterError:
        return
    assert [verdict.cause for each in diagnoses for verdict in each.verdicts] == []
