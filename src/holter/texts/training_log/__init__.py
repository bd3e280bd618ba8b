"""nnU-Net's training log and console: the time of each line, how many are kept, and the events in them."""

from holter.texts.training_log.clock import stamp_wall
from holter.texts.training_log.parser import LogParser, has_sign, numbers

__all__ = ["LogParser", "has_sign", "numbers", "stamp_wall"]
