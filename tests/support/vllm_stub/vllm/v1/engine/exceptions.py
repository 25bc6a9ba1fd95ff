from vllm.exceptions import VLLMServerError


class EngineGenerateError(VLLMServerError):
    """One request has failed; its cause says why."""


class EngineDeadError(VLLMServerError):
    """The engine's process has ended. Nothing brings it back."""

    def __init__(self) -> None:
        super().__init__("EngineCore encountered an issue.")
