class VLLMError(Exception):
    """The root of vLLM's errors, which are no ``ValueError`` and no ``RuntimeError``."""


class VLLMClientError(VLLMError):
    """The request is to blame."""


class VLLMValidationError(VLLMClientError):
    """The request holds what cannot be."""


class VLLMServerError(VLLMError):
    """The engine is to blame."""
