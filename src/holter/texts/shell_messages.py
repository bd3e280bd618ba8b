"""Messages of shells about a command that was ended by a signal, in the languages of users' reports."""

from __future__ import annotations

import re

from holter.patterns import later

_ENGLISH = ("Killed", "Terminated", "Segmentation fault", "Bus error", "Aborted", "Hangup")
_TRANSLATED = {
    "已杀死": "Killed", "已终止": "Terminated", "段错误": "Segmentation fault", "总线错误": "Bus error",
    "已放弃": "Aborted", "挂断": "Hangup", "强制终止": "Killed", "強制終了": "Killed",
    "Getötet": "Killed", "Beendet": "Terminated", "Abgebrochen": "Aborted",
    "Speicherzugriffsfehler": "Segmentation fault", "Processus arrêté": "Killed", "Tué": "Killed",
    "Erreur de segmentation": "Segmentation fault", "Terminado": "Terminated", "Matado": "Killed",
    "Terminado (killed)": "Killed",  # in glibc's Spanish only the bracket differs
    "죽었음": "Killed", "Убито": "Killed", "Ucciso": "Killed",
}  # fmt: skip
_OF_ZSH = {
    "killed": "Killed", "terminated": "Terminated", "segmentation fault": "Segmentation fault",
    "bus error": "Bus error", "abort": "Aborted", "hangup": "Hangup",
}  # fmt: skip
_WORDS = {**{word: word for word in _ENGLISH}, **_TRANSLATED, **_OF_ZSH}
# A message alone on its line is shorter than this, with everything behind it.
_ALONE_CHARS = 60
_ANY_WORD = "|".join(re.escape(word) for word in sorted(_WORDS, key=len, reverse=True))
# In a script bash names file, line and PID ("行 12", "第 12 行", "ligne 12"); bash and zsh number their jobs.
_NAMED = later(
    r"(?:\S{1,150}? ?[:：] *(?:第 *\d+ *行|[^\s:：\d]+ *\d+) ?[:：] *\d+ +|\[\d+\] *(?:[+-] +)?(?:\d+ +)?|zsh: )"
    rf"(?P<word>{_ANY_WORD})(?P<rest>$|[\s(（].*)"
)


def shell_ending(line: str) -> str | None:
    """Return the message as bash prints it in English, without script and PID; None for any other line."""
    if len(line) < _ALONE_CHARS and (word := _alone(line.strip())) is not None:
        return word
    match = _NAMED.match(line)
    return None if match is None else _WORDS[match["word"]] + match["rest"].rstrip()


def _alone(line: str) -> str | None:
    # The English message; other text in the bracket ("core dumped") and behind it adds nothing.
    word, _, rest = line.replace("（", " (").partition(" (")
    return (_TRANSLATED.get(f"{word} (killed)") if rest.startswith("killed)") else None) or _TRANSLATED.get(word)
