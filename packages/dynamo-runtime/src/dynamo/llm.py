"""Not part of this project: importing it says what to use."""

raise ImportError(
    "dynamo.llm is not part of dynamo-runtime: serve an engine with dynamo.runtime's "
    "serve_endpoint() or python -m dynamo.vllm, or install NVIDIA's ai-dynamo-runtime for it"
)
