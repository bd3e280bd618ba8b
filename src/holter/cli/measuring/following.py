"""What the measuring commands share: the options that say which training, and progress on stderr."""

from __future__ import annotations

import enum
import inspect
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

import typer

from holter.cli.options import (
    Anyway,
    Configuration,
    Dataset,
    Fold,
    Json,
    Lang,
    Plans,
    Python,
    Trainer,
    chosen_language,
)
from holter.records.exit_codes import INTERRUPTED

if TYPE_CHECKING:
    from holter.doctor.records import Asked
    from holter.reports.catalogue import Lang as Language


Found = TypeVar("Found")
Tell = Callable[[Any], None]


class Device(str, enum.Enum):
    AUTO = "auto"
    CUDA = "cuda"
    CPU = "cpu"


class Order(NamedTuple):
    """What to measure and how: the values of the shared options."""

    asked: Asked
    python: str
    device: str
    anyway: bool
    as_json: bool
    language: Language

    def follow(self, run: Callable[[Tell], Found], words: Callable[[Any], str], *, every: bool = True) -> Found:
        """Call ``run`` with a function that shows its progress on stderr; return what ``run`` returns.

        Ctrl-C ends this process. ``words``: turns a report into text. ``every``: in a file or pipe, print each report
        on a line; if False, only reports that are a str (the others are mere numbers of the progress). On a terminal,
        each report replaces the one before.
        """
        from holter.reports.catalogue import text

        try:
            if self.as_json:
                return run(lambda _: None)
            return _followed(run, text("bench.stage.busy", self.language), words, every=every)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)


def _order(
    dataset: Dataset,
    configuration: Configuration,
    fold: Fold = "0",
    plans: Plans = "nnUNetPlans",
    trainer: Trainer = "nnUNetTrainer",
    device: Annotated[
        Device, typer.Option("--device", metavar="auto|cuda|cpu", help="What will train; auto: a GPU if there is one.")
    ] = Device.AUTO,
    python: Python = None,
    anyway: Anyway = False,
    as_json: Json = False,
    lang: Lang = None,
) -> Order:
    language = chosen_language(lang)
    from holter.doctor.collect.order import training_python
    from holter.doctor.records import Asked

    asked = Asked(dataset=dataset, configuration=configuration, fold=fold, plans=plans, trainer=trainer)
    return Order(asked, training_python(python, os.environ), device.value, anyway, as_json, language)


def measuring(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the shared options beside its own; it is called with an ``Order`` and with its own values.

    Its own options stand before ``--anyway``.
    """
    shared = inspect.signature(_order, eval_str=True).parameters
    _, *own = inspect.signature(command, eval_str=True).parameters.values()
    names = list(shared)
    at = names.index("anyway")
    parameters = [*(shared[name] for name in names[:at]), *own, *(shared[name] for name in names[at:])]

    def run(**values: Any) -> None:
        order = _order(**{name: values.pop(name) for name in shared})
        command(order, **values)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    )
    return run


def _followed(run: Callable[[Tell], Found], first: str, words: Callable[[Any], str], *, every: bool) -> Found:
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:

        def line(content: Any) -> None:
            if every or isinstance(content, str):
                print(f"holter: {words(content)}", file=sys.stderr, flush=True)

        return run(line)
    with console.status(first) as status:
        return run(lambda content: status.update(words(content)))
