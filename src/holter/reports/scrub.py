"""Pseudonyms for what a report must not reveal: folders, hosts, users, cases, addresses.

A name gets the same pseudonym everywhere in a recording and its diagnoses, so that a chain can still be followed:
``/path-2/case-5.b2nd`` on ``host-1``. File names inside Python's library stay: they are public and show a developer
where a thread was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from holter.patterns import later
from holter.records import Diagnosis, Environment, Message, Record, Text
from holter.reports.record_texts import inner_records, strings_of, texts_of
from holter.tape import Recording

R = TypeVar("R", bound=Record)


PUBLIC_PATHS = later(r"/(?:proc(?:/\w+){0,3}|dev(?:/\w+)?|sys(?:/fs(?:/cgroup)?)?)/?")
LIBRARY = later(r"^(?P<head>.*?/lib(?:64)?/python3(?:\.\d+)?)(?P<tail>/.*)$")
# A checkout of nnU-Net, such as an editable installation.
PUBLIC_CODE = later(r"^(?P<head>.*?)(?P<tail>/(?:nnunetv2|batchgenerators(?:v2)?|holter)/(?:[\w.]+/)*\w+\.py)$")
ABSOLUTE = later(r"(?<![\w.~)/-])~?(?:/[^\s/:;,'\"()\[\]<>|…]+)+/?")
DATA_FILE = later(r"([^\s/'\"():,]+?)(?:_seg|_0000)?\.(?:b2nd|npy|npz|pkl|nii\.gz|nii|nrrd|mha)\b")
PREDICTING = later(r"\bpredicting ([^\s/:]+)")
HOME = later(r"/(?:home|Users|users)/([^\s/:'\"]+)")
REMOTE_HOST = later(r"(?<![\w/.-])([A-Za-z][\w.-]+):/(?!/)")
DATASET = later(r"\bDataset(\d{3})_\w+")
WINDOWS_PATH = later(r"(?<![A-Za-z])[A-Za-z]:\\\\?(?:[^\\\s:*?\"<>|',;]+\\\\?)*")
# Keys of services, by how they begin or by what stands before them; a long row of hexadecimal digits.
TOKEN = later(
    r"\b(?:hf_|gh[opsu]_|github_pat_|glpat-|sk-|xox[abp]-|AKIA)[\w-]{10,}|\beyJ[\w-]{10,}\.[\w.-]+|\b[0-9a-fA-F]{32,}\b"
)
SECRET = later(r"(?i)\b([\w-]*(?:api_?key|token|secret|passw(?:or)?d|credential)[\w-]*[\"']?\s*[=:]\s*)[^\s,;]+")
ADDRESS_V6 = later(r"(?<![\w:])(?=[0-9a-fA-F:]*(?:[a-fA-F]|::))(?:[0-9a-fA-F]{1,4}:+){2,7}[0-9a-fA-F]{1,4}(?![\w:])")
USER_AT_HOST = later(r"(?<![\w.+-])([A-Za-z][\w.-]*)@([A-Za-z0-9][\w-]*(?:\.[\w-]+)*)")
HOST_NAME = later(
    r"\b((?:[A-Za-z][\w-]*\.)+(?:com|edu|org|net|de|cn|uk|fr|ch|at|nl|eu|jp|ca|au|gov|local|lan|internal|intra))\b"
    r"|\b([A-Za-z]+(?:-[A-Za-z]+)*-?(?:node|login|compute)-?\d+)\b"
)
# Everybody's: where documentation, packages and issues are.
PUBLIC_HOSTS = later(
    r"(?:^|\.)(?:github|nvidia|pytorch|python|pypi|huggingface|docker|kernel|conda|anaconda|wandb)\.\w+$"
)
MAIL = later(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
ADDRESS = later(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
UUID = later(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
USER_VARIABLES = ("USER", "LOGNAME", "USERNAME")
# Names that every machine has; they reveal nothing and would be replaced in the middle of sentences.
COMMON_NAMES = frozenset({"root", "user", "main", "localhost", "none", "training", "worker"})
# A shorter name, or a bare number, would match unrelated words and readings.
SHORTEST_NAME = 3


def scrubbed(
    recording: Recording, diagnoses: tuple[Diagnosis, ...], texts: Iterable[str] = ()
) -> tuple[Recording, tuple[Diagnosis, ...]]:
    """Return recording and diagnoses with every revealing name replaced by its pseudonym.

    ``texts``: more texts to find such names in; they are not returned.
    """
    scrubber = Scrubber(recording, diagnoses)
    for text in texts:
        scrubber.learn_from(text)
    clean = Recording(
        all_ticks=tuple(scrubber.record(tick) for tick in recording.ticks()),
        all_stacks=tuple(scrubber.record(dump) for dump in recording.stacks()),
        all_episodes=tuple(scrubber.record(episode) for episode in recording.episodes()),
        all_probe_runs=tuple(scrubber.record(run) for run in recording.probe_runs()),
        environment=scrubber.record(recording.environment) if recording.environment else None,
        path=Path(scrubber.text(str(recording.path))) if recording.path else None,
        finished=recording.finished,
        damage=scrubber.said(recording.damage) if recording.damage else None,
    )
    return clean, tuple(scrubber.record(diagnosis) for diagnosis in diagnoses)


class Scrubber:
    """All names of one recording and the pseudonym of each."""

    def __init__(self, recording: Recording, diagnoses: tuple[Diagnosis, ...] = ()) -> None:
        self._pseudonyms: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        self._seen: dict[str, str] = {}
        self._folders: list[str] = []
        self._names: dict[str, str] = {}
        self._cuttable: dict[str, str] = {}  # names in texts of which only parts are quoted
        if recording.environment:
            self._learn_environment(recording.environment)
        for record in _all_records(recording, diagnoses):
            self._learn(record)
        self._words = _any_of(self._names)
        self._paths = _any_of(self._folders)

    def record(self, record: R) -> R:
        """Return a record with all its text scrubbed."""
        if isinstance(record, Message):  # the names of its blanks are Holter's
            values = tuple((name, self._value(value, name)) for name, value in record.values)
            return msgspec.structs.replace(record, values=values)
        changed = {name: self._value(value, name) for name, value in texts_of(record)}
        return msgspec.structs.replace(record, **changed) if changed else record

    def said(self, content: Text) -> Text:
        """Return a sentence or a quotation, scrubbed."""
        return self.record(content) if isinstance(content, Message) else self.text(content)

    def text(self, content: str) -> str:
        """Return a string, scrubbed."""
        if content not in self._seen:
            self._seen[content] = self._scrub(content)
        return self._seen[content]

    def _value(self, value: Any, name: str) -> Any:
        if isinstance(value, str):
            return self._case(value) if name == "case" else self.text(value)
        if isinstance(value, Record):
            return self.record(value)
        if isinstance(value, tuple):
            return tuple(self._value(item, name) for item in value)
        return value

    def _scrub(self, content: str) -> str:
        if self._paths:
            content = self._paths.sub(lambda match: self._pseudonym("path", match[0]), content)
        content = SECRET.sub(lambda match: match[1] + self._pseudonym("token", match[0]), content)
        content = TOKEN.sub(lambda match: self._pseudonym("token", match[0]), content)
        content = WINDOWS_PATH.sub(lambda match: self._windows(match[0]), content)
        content = MAIL.sub(lambda match: self._pseudonym("mail", match[0]), content)
        content = REMOTE_HOST.sub(lambda match: self._pseudonym("host", match[1]) + ":/", content)
        content = ABSOLUTE.sub(lambda match: self._path(match[0]), content)
        content = DATA_FILE.sub(lambda match: match[0].replace(match[1], self._case(match[1]), 1), content)
        content = DATASET.sub(r"Dataset\1", content)
        content = USER_AT_HOST.sub(lambda match: self._user_at_host(match), content)
        content = ADDRESS_V6.sub(lambda match: self._pseudonym("address", match[0]), content)
        content = HOST_NAME.sub(self._host, content)
        content = ADDRESS.sub(lambda match: self._pseudonym("address", match[0]), content)
        content = UUID.sub(lambda match: self._pseudonym("uuid", match[0]), content)
        content = self._words.sub(lambda match: self._names[match[0]], content) if self._words else content
        return self._cut_off(content)

    def _windows(self, path: str) -> str:
        return self._pseudonym("path", path.rstrip("\\")) if "\\" in path else path

    def _user_at_host(self, match: re.Match[str]) -> str:
        user, host = match[1], match[2]
        is_done = re.fullmatch(r"(?:mail|user|host)-\d+", user) is not None
        return match[0] if is_done else f"{self._pseudonym('user', user)}@{self._pseudonym('host', host)}"

    def _host(self, match: re.Match[str]) -> str:
        return match[0] if PUBLIC_HOSTS.search(match[0].lower()) else self._pseudonym("host", match[0])

    def learn_from(self, text: str) -> None:
        """Learn names from a text that is not shown itself: prompts, addresses, folders, cases."""
        self._learn_string(text)
        for match in USER_AT_HOST.finditer(text):
            self._name("user", match[1])
            if "." not in match[2]:
                self._name("host", match[2])
        for match in HOST_NAME.finditer(text):
            if PUBLIC_HOSTS.search(match[0].lower()) is None:
                self._name("host", match[0])
                self._name("host", match[0].split(".")[0], like=match[0])
        self._words = _any_of(self._names)
        self._cuttable = dict(self._names)

    # A quotation may be cut off in the middle of a name.
    def _cut_off(self, content: str) -> str:
        for name, pseudonym in self._cuttable.items():
            for length in range(len(name) - 1, SHORTEST_NAME, -1):
                if content.endswith(name[:length]) and not content[:-length][-1:].isalnum():
                    return content[:-length] + pseudonym
        return content

    def _path(self, path: str) -> str:
        if PUBLIC_PATHS.fullmatch(path) or path.startswith(("/path-", "/host-")):
            return path
        library = LIBRARY.match(path) or PUBLIC_CODE.match(path)
        if library:
            return self._pseudonym("path", library["head"]) + library["tail"]
        folder, _, name = path.rstrip("/").rpartition("/")
        if folder and (name.endswith(".py") or folder.endswith("/bin") or DATA_FILE.fullmatch(name)):
            return f"{self._pseudonym('path', folder)}/{name}"
        return self._pseudonym("path", path.rstrip("/"))

    def _case(self, case: str) -> str:
        return case if re.fullmatch(r"case-\d+", case) else self._pseudonym("case", case)

    def _pseudonym(self, kind: str, name: str) -> str:
        known = self._pseudonyms.get((kind, name))
        if known is None:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            known = f"{'/' if kind == 'path' else ''}{kind}-{self._counts[kind]}"
            self._pseudonyms[kind, name] = known
        return known

    def _learn_environment(self, environment: Environment) -> None:
        if environment.hostname:
            # Always, however short or common: a host name identifies a place.
            self._names[environment.hostname] = self._pseudonym("host", environment.hostname)
            self._name("host", environment.hostname.split(".")[0], like=environment.hostname)
        for variable, value in environment.variables:
            if variable in USER_VARIABLES:
                self._name("user", value)
        folders = (
            environment.output_folder,
            environment.preprocessed_folder,
            environment.scratch,
            environment.working_folder,
        )
        self._folders = [folder for folder in folders if folder and len(folder) > SHORTEST_NAME]

    def _learn(self, record: Record) -> None:
        for name, value in texts_of(record):
            for string in strings_of(value):
                if name == "case":
                    self._name("case", string)
                self._learn_string(string)

    def _learn_string(self, string: str) -> None:
        for pattern, kind in ((DATA_FILE, "case"), (PREDICTING, "case"), (HOME, "user"), (REMOTE_HOST, "host")):
            for match in pattern.findall(string):
                self._name(kind, match.rstrip(".") if kind == "case" else match)

    def _name(self, kind: str, name: str, like: str | None = None) -> None:
        # The name is replaced wherever it is a whole word.
        pseudonym = self._case(name) if kind == "case" else self._pseudonym(kind, like or name)
        plain = len(name) < SHORTEST_NAME or name.isdigit() or name.lower() in COMMON_NAMES
        if not plain and not re.fullmatch(r"(?:case|host|user)-\d+", name):
            self._names.setdefault(name, pseudonym)


def _any_of(names: Any) -> re.Pattern[str] | None:
    # Whole words only, the longest first.
    alternatives = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?<![A-Za-z0-9])(?:{alternatives})(?![A-Za-z0-9])") if alternatives else None


def _all_records(recording: Recording, diagnoses: tuple[Diagnosis, ...]) -> Iterator[Record]:
    tops: tuple[Any, ...] = (*recording.ticks(), *recording.stacks(), *recording.episodes(), *diagnoses)
    if recording.environment:
        tops = (recording.environment, *tops)
    for top in tops:
        yield from inner_records(top)
