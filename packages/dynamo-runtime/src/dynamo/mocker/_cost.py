"""How long a step of the engine takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CostModel:
    """The time of one step, all of its batch together.

        seconds = (step + prefill * p + sequence * d + context * c) / speedup

    ``p`` is the number of prompt tokens that the step computes, ``d`` the number of sequences that
    it decodes a token for, ``c`` the number of tokens in the KV cache that these attend to.

    The defaults are about those of a model of eight billion parameters in 16 bits on one GPU with
    2 TB/s and 400 TFLOP/s: ``step`` reads 16 GB of weights, ``prefill`` is 16 GFLOP, ``context``
    reads 128 KiB of keys and values, ``sequence`` is what sampling and scheduling add.
    """

    step: float = 8e-3
    """Seconds that any step takes."""
    prefill: float = 40e-6
    """Seconds for each prompt token."""
    sequence: float = 20e-6
    """Seconds for each sequence that decodes."""
    context: float = 65e-9
    """Seconds for each token of these sequences in the KV cache."""
    speedup: float = 1.0
    """By how much the engine is faster than that."""

    def seconds(self, prefill: int, sequences: int, context: int) -> float:
        """Return the time of a step that computes and attends to so many tokens."""
        return (
            self.step + self.prefill * prefill + self.sequence * sequences + self.context * context
        ) / self.speedup
