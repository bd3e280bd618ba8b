"""The runs in a log: a console may contain two trainings, and a training two starts."""

from holter.texts.runs.log_run import LogRun
from holter.texts.runs.reader import RunReader, name_wall

__all__ = ["LogRun", "RunReader", "name_wall"]
