"""What is said of the output of a prediction that shows no error: whole, or how far it came."""

from __future__ import annotations

from holter.records import Message, Text
from holter.sentences import define
from holter.texts.predictions import PredictionReader

PREDICTED = define(
    "target.predicted",
    "{name}: a prediction; all {count} cases were predicted, without an error.",
    one="{name}: a prediction; its case was predicted, without an error.",
)
PREDICTION_CUT = define(
    "error.prediction-cut",
    "{name} is the output of a prediction that stops after {done} of {count} cases without an error: it still runs, "
    "stands still, or was ended.",
)
PREDICTION_OPEN = define(
    "error.prediction-open",
    "{name} is a part of the output of a prediction, with {done} cases done and no error; how many there are is not "
    "in it.",
)


def said_of(prediction: PredictionReader, name: Text) -> Message:
    """Return the sentence about a prediction; ``name``: of the text."""
    if prediction.asked is None:
        return PREDICTION_OPEN(name=name, done=prediction.done)
    if prediction.is_whole:
        return PREDICTED(name=name, count=prediction.asked)
    return PREDICTION_CUT(name=name, done=prediction.done, count=prediction.asked)
