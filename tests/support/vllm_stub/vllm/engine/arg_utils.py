from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from vllm.config import ModelConfig, VllmConfig
from vllm.utils.argparse_utils import FlexibleArgumentParser


@dataclasses.dataclass
class AsyncEngineArgs:
    """Some of the engine's arguments."""

    model: str = "Qwen/Qwen3-0.6B"
    served_model_name: str | None = None
    max_model_len: int = 128
    dtype: str = "auto"
    max_num_seqs: int = 8
    enforce_eager: bool = False
    kv_cache_memory_bytes: int | None = None
    disable_log_stats: bool = False
    enable_log_requests: bool = False

    @staticmethod
    def add_cli_args(
        parser: FlexibleArgumentParser, async_args_only: bool = False
    ) -> FlexibleArgumentParser:
        """Add the arguments to those that a parser has."""
        group = parser.add_argument_group("ModelConfig", "Configuration for the model.")
        group.add_argument("--model", default=AsyncEngineArgs.model, help="Name or path.")
        group.add_argument("--served-model-name")
        group.add_argument("--max-model-len", type=int, default=AsyncEngineArgs.max_model_len)
        group.add_argument("--dtype", default=AsyncEngineArgs.dtype)
        group.add_argument("--max-num-seqs", type=int, default=AsyncEngineArgs.max_num_seqs)
        group.add_argument("--kv-cache-memory-bytes", type=int)
        for switch in ("--enforce-eager", "--disable-log-stats", "--enable-log-requests"):
            group.add_argument(switch, action=argparse.BooleanOptionalAction, default=False)
        return parser

    @classmethod
    def from_cli_args(cls, args: argparse.Namespace) -> AsyncEngineArgs:
        """Take them from what a parser has read."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(**{name: getattr(args, name) for name in names})

    def create_engine_config(self) -> VllmConfig:
        """Find the model. Raises what Hugging Face's and pydantic's libraries raise."""
        file = Path(self.model) / "config.json"
        if not file.exists():
            raise OSError(
                f"{self.model} is not a local folder and is not a valid model identifier.\n"
                "If this is a private repository, make sure to pass a token."
            )
        settings = json.loads(file.read_text())
        longest = settings["max_position_embeddings"]
        if self.max_model_len > longest:
            raise ConfigError(
                f"User-specified max_model_len ({self.max_model_len}) is greater than the derived "
                f"max_model_len (max_position_embeddings={longest})."
            )
        name = self.served_model_name or self.model
        return VllmConfig(ModelConfig(self.model, name, self.max_model_len, settings["vocab_size"]))


class ConfigError(ValueError):
    """As pydantic's: the text has many lines, ``errors()`` the messages."""

    def __init__(self, message: str) -> None:
        super().__init__(f"1 validation error for ModelConfig\n  Value error, {message}")
        self._message = message

    def errors(self) -> list[dict[str, str]]:
        """Return what is wrong."""
        return [{"msg": f"Value error, {self._message}"}]
