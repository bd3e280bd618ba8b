"""Text of any keyboard, forum and terminal means the same."""

from __future__ import annotations

import pytest

from holter.texts.plain import joined, plain, prose


@pytest.mark.parametrize(
    ("posted", "expected"),
    [
        ("訓練時顯示卡記憶體不足，當機", "训练时显卡内存不足,死机"),
        ("ＣＰＵ　１００％：卡住", "CPU 100%:卡住"),
        ("can&#39;t start new thread &gt; 5", "can't start new thread > 5"),
        ("\x1b[31mKilled\x1b[0m", "Killed"),
        ("**Killed** <br/>by <b>signal</b>", "Killed  by  signal "),
        ("\u201cBus error\u201d", '"Bus error"'),
        ("list[0m], Tensor[2m", "list[0m], Tensor[2m"),
    ],
)
def test_one_alphabet_one_width_and_no_mark_up(posted: str, expected: str) -> None:
    assert plain(posted) == expected


def test_simplified_text_keeps_its_words() -> None:
    text = "资料夹里的程式已经跑完"
    assert plain(text) == text


def test_the_lines_of_a_quoted_mail_and_a_narrow_terminal_are_joined() -> None:
    assert joined("> DataLoader worker (pid 4161) is killed by\n> signal: Killed.") == (
        "DataLoader worker (pid 4161) is killed by signal: Killed."
    )
    long_line = "RuntimeError: DataLoader worker (pid 4161) is killed by signal: Bus"
    assert joined(f"{long_line}\nError. It is") == f"{long_line} Error. It is"
    assert joined("Epoch 1\nEpoch 2") == "Epoch 1\nEpoch 2"


def test_what_a_person_wrote_is_left_of_a_paste() -> None:
    pasted = "Why does it stop?\n2024-01-01 10:00:00: Epoch 3\n    x = y\nTraceback (most recent call last):\nThanks"
    assert prose(pasted) == "Why does it stop?\nThanks"


def test_sentences_that_are_indented_are_read_and_code_is_not() -> None:
    sentence = "    Nothing has happened for two hours now."
    code = ("    return self._call_impl(*args, **kwargs)", "    for batch in loader: pass", "    Mem:   65   1  19")
    assert prose("\n".join((sentence, "    训练卡住不动了", *code))) == f"{sentence}\n    训练卡住不动了"
