"""What can go wrong."""


class EngineError(Exception):
    """Base of what an engine's future may raise."""

    code = "engine_error"


class UnknownModel(EngineError):
    """No checkpoint of that name is loaded."""

    code = "unknown_model"


class InvalidRequest(EngineError):
    """Positions or labels that this checkpoint cannot read."""

    code = "invalid_request"


class WindowExceeded(EngineError):
    """A record and one question together are longer than the model's window."""

    code = "window_exceeded"


class OutOfBlocks(EngineError):
    """The request alone needs more KV blocks than the pool or its namespace's quota has."""

    code = "out_of_blocks"


class QueueFull(EngineError):
    """Too much is waiting; try again later."""

    code = "queue_full"


class DeadlineExceeded(EngineError):
    """The deadline passed, or would have, before the answer."""

    code = "deadline_exceeded"


class Shed(DeadlineExceeded):
    """The deadline would pass before the answer, as the engine foresees; nothing was computed for it.

    Attributes:
        wait_s: predicted, until it would begin.
        own_s: predicted, of its own.
    """

    code = "shed"

    def __init__(self, *, wait_s: float, own_s: float) -> None:
        super().__init__(f"it would wait {wait_s:.3f} s and then take {own_s:.3f} s, which is too late")
        self.wait_s = wait_s
        self.own_s = own_s


class Cancelled(EngineError):
    """Somebody cancelled the request."""

    code = "cancelled"


class EngineStopped(EngineError):
    """The engine drains or has stopped."""

    code = "engine_stopped"


class CheckpointRefused(EngineError):
    """A checkpoint that is incomplete, altered or unsafe to load."""

    code = "checkpoint_refused"
