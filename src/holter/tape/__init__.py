"""Write samples to one SQLite file per run, and read them again."""

from holter.tape.follower import Follower, News
from holter.tape.reader import read, read_environment
from holter.tape.recording import Recording
from holter.tape.schema import SCHEMA_VERSION
from holter.tape.writer import TapeWriter

__all__ = ["SCHEMA_VERSION", "Follower", "News", "Recording", "TapeWriter", "read", "read_environment"]
