"""Code, scripts and settings quote messages; a traceback, a command and a sentence stay."""

from __future__ import annotations

import pytest

from holter.texts.source_code import without_code

CODE = {
    "python": 'import torch\n\ndef check(loss):\n    """Stop if it hangs."""\n    if torch.isnan(loss):\n'
    '        raise RuntimeError("loss is nan, "\n                           "training crashed")\n    return loss\n',
    "test": "def test_oom():\n    with pytest.raises(RuntimeError, match='CUDA out of memory'):\n        train(10**6)\n"
    '    assert "Killed" not in capsys.readouterr().err\n',
    "c": 'if (code != 0) {\n  fprintf(stderr, "CUDA error: %d", code);\n  exit(1);\n}\n',
    "job script": "#!/bin/bash\n#SBATCH --mem=64G   # 32G was not enough, got killed\n#SBATCH --time=2-00:00:00\n"
    "module load cuda\nexport OMP_NUM_THREADS=1\nsrun nnUNetv2_train 4 3d_fullres 0\n",
    "settings": "trainer:\n  num_workers: 8   # more and the node swaps\n"
    "  timeout_s: 1800\n  lr: 0.01  # loss went to nan\n",
    "image": "FROM pytorch/pytorch:2.3.0\n# the workers die with a bus error otherwise\nRUN pip install nnunetv2\n"
    'ENTRYPOINT ["nnUNetv2_train"]\n',
}
KEPT = {
    "traceback": 'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    x = g()\n'
    '  File "a.py", line 9, in g\n'
    '    raise ValueError("no")\nValueError: no\n',
    "form": "GPU: RTX 3090\nProblem: training hangs in epoch 3\nWhat I tried: fewer workers\n",
    "few lines": "I run\nexport nnUNet_n_proc_DA=4\nnnUNetv2_train 4 3d_fullres 0\nand it hangs.\n",
    "log": "2025-01-01 10:00:00.1: train_loss -0.3\n2025-01-01 10:00:00.2: Epoch time: 30.1 s\nKilled\n",
}


@pytest.mark.parametrize("name", CODE)
def test_nothing_is_left_of_code(name: str) -> None:
    assert not any(map(str.isalpha, without_code(CODE[name])))


@pytest.mark.parametrize("name", KEPT)
def test_what_was_printed_or_written_is_unchanged(name: str) -> None:
    assert without_code(KEPT[name]) == KEPT[name]


@pytest.mark.parametrize("name", CODE)
def test_the_words_around_code_stay(name: str) -> None:
    sentence = "My training stops with this after the third epoch, why?"
    assert sentence in without_code(f"{sentence}\n\n{CODE[name]}")


TYPED = "export A=/x\nexport OMP_NUM_THREADS=1\ncd /data\nmodule load cuda\n"


@pytest.mark.parametrize(
    "line", ["\tRuntimeError: no worker is alive.", "my training hangs at epoch 12,", "and waits ("]
)
def test_commands_alone_make_no_file_of_code(line: str) -> None:
    assert line in without_code(f"{TYPED}{line}\n")


def test_commands_beside_code_and_comments_are_code() -> None:
    for beside in ("#!/bin/bash\n", "# threads\n", "import torch\n", "python train.py --fold 0\n"):
        assert not without_code(f"{TYPED}{beside}# some got killed\n").replace("python train.py --fold 0", "").strip()


def test_a_line_of_a_person_in_code_stays() -> None:
    code = 'x = 1\ny = "hangs"\nprint("hangs")\nfor z in x:\n    use(z)\n'
    written = "    mine hangs,\n# of a comment hangs\n* one hangs\nwith this it hangs:\n"
    kept = without_code(f"{code}{written}", keeps=lambda line: "hangs" in line)
    assert kept.splitlines() == ["    mine hangs,", "* one hangs", "with this it hangs:"]


def test_a_script_of_one_command_and_its_comments_is_code() -> None:
    script = "#!/bin/bash\n#SBATCH --mem=64G  # with 32G it got killed\nnnUNetv2_train 4 3d_fullres 0\n"
    assert without_code(script) == ""
    typed = "nnUNetv2_train 4 3d_fullres 0\nKilled\n"
    assert without_code(typed) == typed
