"""Ends of commands as bash and zsh print them."""

from __future__ import annotations

import pytest

from holter.texts.runs.normalize import shell_ending

TRAIN = "nnUNetv2_train 4 3d_fullres 0"


@pytest.mark.parametrize(
    ("line", "english"),
    [
        (f"./train.sh: line 12: 12345 Killed                  {TRAIN}", f"Killed                  {TRAIN}"),
        (f"./train.sh: 行 12: 12345 已杀死                  {TRAIN}", f"Killed                  {TRAIN}"),
        (f"./train.sh: 第 12 行： 12345 已杀死               {TRAIN}", f"Killed               {TRAIN}"),
        (f"./train.sh: 第 12 行：12345 段错误 （核心已转储） {TRAIN}", f"Segmentation fault （核心已转储） {TRAIN}"),
        (f"train.sh : ligne 12 : 12345 Processus arrêté      {TRAIN}", f"Killed      {TRAIN}"),
        (f"./train.sh: Zeile 7:  4711 Getötet                {TRAIN}", f"Killed                {TRAIN}"),
        (f"./train.sh: línea 7: 4711 Terminado (killed)      {TRAIN}", f"Killed      {TRAIN}"),
        (f"./train.sh: línea 7: 4711 Terminado               {TRAIN}", f"Terminated               {TRAIN}"),
        (f"[1]    12345 killed     {TRAIN}", f"Killed     {TRAIN}"),
        (f"[1]  + 12345 segmentation fault (core dumped)  {TRAIN}", f"Segmentation fault (core dumped)  {TRAIN}"),
        (f"[1]  - 12345 bus error  {TRAIN}", f"Bus error  {TRAIN}"),
        (f"[1]+  已杀死               {TRAIN}", f"Killed               {TRAIN}"),
        (f"zsh: killed     {TRAIN}", f"Killed     {TRAIN}"),
        (f"zsh: hangup     {TRAIN}", f"Hangup     {TRAIN}"),
        ("已杀死", "Killed"),
        ("段错误（核心已转储）", "Segmentation fault"),
        ("挂断", "Hangup"),
    ],
)
def test_an_end_is_read_in_every_form_that_shells_give_it(line: str, english: str) -> None:
    assert shell_ending(line) == english


@pytest.mark.parametrize(
    "line",
    [
        "Beendet wird das Training nach 1000 Epochen",
        "killed 3 stale processes of an earlier run",
        "[1] 12345",
        "[rank1]: Killed time with a nap",
        "loader.py: line 12: 4 Killedworkers",
        "abort",
        "val_loss: step 12: 3 batches",
    ],
)
def test_a_sentence_with_such_a_word_is_no_end(line: str) -> None:
    assert shell_ending(line) is None
