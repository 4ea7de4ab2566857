"""What the service is sent, and what it answers."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

# What the ledger can hold: no zero character.
Given = Annotated[str, Field(min_length=1, max_length=10_000, pattern=r"^[^\x00]+$")]


class Text(BaseModel):
    """A text to be judged."""

    model_config = ConfigDict(json_schema_extra={"example": {"text": "What a wonderful day"}})

    text: Given


class Texts(BaseModel):
    """Texts to be judged."""

    model_config = ConfigDict(json_schema_extra={"example": {"texts": ["Great", "Dreadful"]}})

    texts: Annotated[list[Given], Field(min_length=1, max_length=100)]


class Answer(BaseModel):
    """What the model said; `probability` is that of positive.

    `prediction_id` is for the feedback; null when the ledger refused what was logged.
    """

    prediction_id: UUID | None
    label: Literal["negative", "positive"]
    probability: float
    model_version: str


class BatchAnswer(BaseModel):
    """The answers in the order of the texts."""

    batch_id: str
    answers: list[Answer]


class Feedback(BaseModel):
    """What the text of a prediction was in truth."""

    prediction_id: UUID
    label: Literal["negative", "positive"]


class Recorded(BaseModel):
    """Whether the label is stored, or waits for its prediction to be."""

    stored: int
    waiting: int
