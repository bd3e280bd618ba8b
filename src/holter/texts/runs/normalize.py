"""Convert one line of any nnU-Net's log or console to the form in which nnU-Net v2 writes it into its log.

nnU-Net v1 has other sentences (``epoch:  7``, ``This epoch took 12.3 s``); consoles of Slurm, MPI, Docker, journald
and e-mails have a prefix; spreadsheets and other locales write commas where nnU-Net writes points. All this is removed
here, so that only one format has to be parsed.
"""

from __future__ import annotations

import re

from holter.patterns import later

_STAMP = later(r"(\d{4})[-/.](\d\d)[-/.](\d\d)[ T](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(?:Z|[+-]\d\d:?\d\d)?(: ?|$)")
_PLAIN = later(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?:")
# In front of a line: srun -l, mpirun, torchrun, docker compose, kubectl --prefix, a quoted mail, journald in any
# language.
_PREFIX = later(
    r"^(?:(?:>+|\^C|\d{1,4}:|\[\d+,\d+\]<std(?:out|err)>:?|\[(?:rank|default)\d+\]:?|\[pod/[^\]]+\]|[\w.-]+-\d+ +\||"
    r"[^\s:]{2,6}\.? +\d{1,2}\.? \d\d:\d\d:\d\d \S+ [^\s:]+\[\d+\]:) ?)+"
)
# The same from docker logs -t, kubectl logs --timestamps and a node's own files (CRI), ts, a list, code in a sentence,
# cat -n. Blanks behind it belong to the line.
_STAMPED_BY_OTHERS = later(
    r"^(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) (?:std(?:out|err) [FP] )?|"
    r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d+)?\] |[-*\u2022] (?=\S)|`(?=\S)|"
    r" {0,6}\d{1,6}(?:\t| {2}(?=\d{4}-|Traceback|Killed|Segmentation|Bus error|\w+(?:Error|Exception): )))"
)
_MAYBE_PREFIXED = later(r"^(?:[>^\[\d]|\S{1,40} +(?:\||\d))")
_V1_EPOCH = later(r"^epoch: +(\d+) *$")
_V1 = (
    (later(r"^This epoch took ([\d.,]+) s"), "Epoch time: {} s"),
    (later(r"^train loss : (\S+)"), "train_loss {}"),
    (later(r"^(?:validation loss|val loss \(train=False\)): (\S+)"), "val_loss {}"),
    (later(r"^Average global foreground Dice: (\[.*)"), "Pseudo dice {}"),
    (later(r"^(?:lr:|lr is now \(scheduler\)) (\S+)"), "Current learning rate: {}"),
    (later(r"^unpacking dataset$"), "unpacking dataset..."),
)
_DECIMAL_COMMA = later(r"(?<=\d),(?=\d)")
_WITH_NUMBER = ("train_loss", "val_loss", "Epoch time:", "Current learning rate:")
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


class Translator:
    """Converts lines in order; remembers the last time stamp, because v1 writes some sentences on a line below it."""

    def __init__(self) -> None:
        self.stamp: str | None = None
        self.is_stamped = False  # the line before
        self.is_v1 = False

    def line(self, line: str) -> str:
        """Return the line as v2 writes it; a line that is no sentence of nnU-Net is returned unchanged."""
        self.is_stamped = False
        others = _STAMPED_BY_OTHERS.match(line)
        if others is not None:
            line = line[others.end() :]
            line = line.removesuffix("`") if others[0] == "`" else line
        if _PLAIN.match(line):
            self.is_stamped = True
            cut = line.index(": ") if ": " in line else len(line) - 1
            self.stamp = line[:cut]
            return self._sentence(line[: cut + 1], line[cut + 2 :])
        if not line or line[0] in " \t":
            return line
        if line[0] == "e" and self.stamp is not None and (epoch := _V1_EPOCH.match(line)):
            self.is_v1 = self.is_stamped = True
            return f"{self.stamp}: Epoch {epoch[1]}"
        ending = shell_ending(line)
        if ending is not None:
            return ending
        return self._prefixed(line) if _MAYBE_PREFIXED.match(line) else line

    def _prefixed(self, line: str) -> str:
        bare = _PREFIX.sub("", line)
        stamped = _STAMP.match(bare)
        if stamped is None or not stamped[6]:
            stamped = _STAMP.match(line)
            bare = line if stamped is not None and stamped[6] else bare
        if stamped is None or not stamped[6]:
            return shell_ending(bare) or bare
        self.is_stamped = True
        fraction = f".{stamped[5][:6]}" if stamped[5] else ""
        self.stamp = f"{stamped[1]}-{stamped[2]}-{stamped[3]} {stamped[4]}{fraction}"
        return self._sentence(f"{self.stamp}:", bare[stamped.end() :])

    def _sentence(self, stamp: str, text: str) -> str:
        first = text[:1]
        if first in "Ttvlua" or first == "A":
            for pattern, template in _V1:
                match = pattern.match(text)
                if match:
                    text = template.format(match[1] if pattern.groups else "")
                    break
        if "," in text and text.startswith(_WITH_NUMBER):
            text = _DECIMAL_COMMA.sub(".", text)
        return f"{stamp} {text}"
