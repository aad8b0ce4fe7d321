"""The engine's contract, free of torch: what is asked, what is answered, what can go wrong.

A *record* is an append-only sequence of positions. A position is a token or an event; both are
read by the model at one place of its context, and both are cached by a digest of their content.
Questions about a record are scored in one pass; what follows it is generated token by token.
"""

from inference.api.engine import Engine, EngineStats
from inference.api.errors import (
    Cancelled,
    CheckpointRefused,
    DeadlineExceeded,
    EngineError,
    EngineStopped,
    InvalidRequest,
    OutOfBlocks,
    QueueFull,
    Shed,
    UnknownModel,
    WindowExceeded,
)
from inference.api.generation import (
    Choices,
    Constraint,
    FinishReason,
    GeneratedTokens,
    GenerateRequest,
    GenerateResult,
    GenerateUsage,
    JsonSchema,
    Sampling,
)
from inference.api.positions import CategoryField, EventPosition, EventSchema, Position, TokenPosition
from inference.api.scoring import Answer, Question, ScoreRequest, ScoreResult, Usage
from inference.api.serving import ModelRef, Precision, Priority

__all__ = [
    "Answer",
    "Cancelled",
    "CategoryField",
    "CheckpointRefused",
    "Choices",
    "Constraint",
    "DeadlineExceeded",
    "Engine",
    "EngineError",
    "EngineStats",
    "EngineStopped",
    "EventPosition",
    "EventSchema",
    "FinishReason",
    "GenerateRequest",
    "GenerateResult",
    "GenerateUsage",
    "GeneratedTokens",
    "InvalidRequest",
    "JsonSchema",
    "ModelRef",
    "OutOfBlocks",
    "Position",
    "Precision",
    "Priority",
    "Question",
    "QueueFull",
    "Sampling",
    "ScoreRequest",
    "ScoreResult",
    "Shed",
    "TokenPosition",
    "UnknownModel",
    "Usage",
    "WindowExceeded",
]
