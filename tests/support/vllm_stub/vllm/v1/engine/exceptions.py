from vllm.exceptions import VLLMServerError


class EngineDeadError(VLLMServerError):
    """The engine's process has ended. Nothing brings it back."""

    def __init__(self) -> None:
        super().__init__("EngineCore encountered an issue.")
