"""Texts that tell of no training and no trouble: nothing is recognised in them, and three ways on are named."""

from __future__ import annotations

import io

import pytest

from holter.diagnosis.logs import read_pasted
from holter.errors import NotALog

QUIET = {
    "cat": ("asdfjklö jkl;;; kkkkkkk wwwwww ,,,, 88888 fghfgh\njjjjjjjjjjjjjjjjjj ööööö\n"),
    "cat2": ("qwertzuiop dfg dfg dfg 0000000 ///// nnnnnnnn wa wa wa oom om"),
    "meeting": (
        "Meeting notes, 12 March\n"
        "Present: Anna, Ben, Chen.\n"
        "- budget for the second quarter was approved\n"
        "- Ben will stop the old server next week; nobody needs it any more\n"
        "- the contract with the cleaning company ends in June\n"
        "- next meeting: 26 March, room 3\n"
    ),
    "meeting-it": (
        "Meeting notes\n"
        "- new GPU server arrives in May, two A100, 80 GB each\n"
        "- Anna asks whether docker should be allowed; we decide next time\n"
        "- the NFS migration is done, no complaints so far\n"
        "- training course for new students: 3 days, slow start planned\n"
    ),
    "pip": (
        "Collecting torch\n"
        "  Downloading torch-2.3.0-cp311-cp311-manylinux1_x86_64.whl (779.1 MB)\n"
        "Collecting numpy\n"
        "  Using cached numpy-1.26.4-cp311.whl (18.3 MB)\n"
        "Installing collected packages: numpy, torch\n"
        "Successfully installed numpy-1.26.4 torch-2.3.0\n"
    ),
    "pip-warn": (
        "Requirement already satisfied: nnunetv2 in /usr/lib/python3 (2.5.1)\n"
        "WARNING: Running pip as the root user can result in broken permissions and conflicting behavio"
        "ur with the system package manager.\n"
    ),
    "conda": (
        "Collecting package metadata (current_repodata.json): done\n"
        "Solving environment: done\n"
        "\n"
        "## Package Plan ##\n"
        "  added / updated specs:\n"
        "    - pytorch\n"
        "Proceed ([y]/n)? y\n"
        "Preparing transaction: done\n"
        "Verifying transaction: done\n"
        "Executing transaction: done\n"
    ),
    "advert": (
        "Sale! The new RTX 5090 graphics card, 32 GB, now 20 % cheaper. Order today and it is with you "
        "in two days. No more waiting for renders!\n"
    ),
    "advert2": (
        "Tired of slow training? Rent our H100 cloud GPUs from 1.99 per hour. No queue, no contract, ca"
        "ncel at any time. Start in 60 seconds.\n"
    ),
    "advert-zh": (
        "618大促！RTX 4090显卡服务器租赁，低至每小时1.5元，不限速、不排队，告别训练慢、显存不足的烦恼，点击立即体验。\n"
    ),
    "recipe": (
        "Put the onions into the pan and let them fry for 20 minutes until they are soft. Do not let th"
        "em burn. Then add the rice and stop stirring.\n"
    ),
    "recipe-zh": ("先把洋葱切碎，放入锅中小火炒20分钟，不要炒焦。然后加入米饭，关火，盖上盖子等10分钟。\n"),
    "mail": (
        "Dear all, the building will be closed from Friday evening until Monday because the power is sw"
        "itched off. Please shut down your computers. Kind regards, the caretaker\n"
    ),
    "poem": (
        "The night hangs over the frozen lake,\n"
        "the old boat stuck in ice and snow,\n"
        "and nothing moves, for winter's sake,\n"
        "until the winds of April blow.\n"
    ),
    "news": (
        "The central bank raised interest rates again. Shares of chip makers fell after weak results; a"
        "nalysts expect slower growth in the second half of the year.\n"
    ),
    "news-zh": ("央行再次加息，芯片股普遍下跌，分析师预计下半年增长放缓，部分公司可能被迫停产。\n"),
    "git": (
        "commit 3f2a1b\n"
        "Author: A <a@b.c>\n"
        "Date: Mon Mar 2 10:00:00 2026\n"
        "\n"
        "    fix typo in README\n"
        "\n"
        " README.md | 2 +-\n"
        " 1 file changed, 1 insertion(+), 1 deletion(-)\n"
    ),
    "abstract": (
        "We present a deep learning method for the segmentation of liver tumours in CT. The network was"
        " trained for 1000 epochs on four GPUs. The mean Dice score was 0.87, compared to 0.84 for the "
        "baseline.\n"
    ),
    "todo": ("- buy milk\n- call the dentist\n- finish the report\n- water the plants\n"),
    "csv": ("case,dice,hd95\ncase_001,0.91,3.2\ncase_002,0.88,4.1\ncase_003,nan,nan\n"),
    "code": ('def add(a, b):\n    """Return the sum."""\n    return a + b\n\nprint(add(1, 2))\n'),
    "json-like": ("name: test\nversion: 1\nsteps:\n  - run: make\n  - run: make test\n"),
    "licence": (
        "Permission is hereby granted, free of charge, to any person obtaining a copy of this software,"
        ' to deal in the Software without restriction. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRAN'
        "TY OF ANY KIND.\n"
    ),
    "chat-zh": ("周五下午三点开会，讨论新学期课程安排，请大家准时参加，有事提前请假。\n"),
    "apt": (
        "Reading package lists... Done\n"
        "Building dependency tree... Done\n"
        "0 upgraded, 0 newly installed, 0 to remove and 12 not upgraded.\n"
    ),
}


@pytest.mark.parametrize("text", QUIET.values(), ids=QUIET)
def test_nothing_is_recognised(text: str) -> None:
    with pytest.raises(NotALog) as caught:
        read_pasted(io.BytesIO(text.encode()), "text.txt")
    assert caught.value.next_step is not None


@pytest.mark.parametrize(
    "text",
    [
        "Training hangs",
        "It hangs after some epochs and nothing moves any more, what could I do?",
        "My program has been stuck since last night, nothing happens, GPU utilization is 0 %.",
        "训练卡住了，显卡利用率一直是0，怎么办？",
        "Rented a cloud server for 1.99 per hour; my training is stuck on it, CUDA out of memory.",
    ],
)
def test_a_complaint_is_still_heard(text: str) -> None:
    assert read_pasted(io.BytesIO(text.encode()), "text.txt").diagnoses
