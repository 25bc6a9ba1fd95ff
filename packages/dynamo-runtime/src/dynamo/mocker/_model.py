"""What stands for a model: tokens that are words, and answers drawn at random."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterable

VOCABULARY = 32_000
"""How many tokens there are, from 0."""

_SPREAD = 0.7
"""The sigma of the logarithm of an answer's length."""
_PIECES = re.compile(r"\w+|[^\w\s]")
_TEXT = (
    "the a one this that every some no small large old new first last next other long short open "
    "wide high low light dark quick slow warm cold plain round river stone tree road house door "
    "window table letter paper page word line number hour day night year wind rain snow sun moon "
    "star hill field garden bridge harbour ship train city village market and or but for with "
    "under over near behind before after through along is was has had makes takes gives brings "
    "holds keeps opens closes turns moves stands waits begins ends"
)
_WORDS = _TEXT.split()


class Model:
    """Has an answer to any prompt: the same to the ``n``-th request of every engine with a seed."""

    def __init__(self, seed: int, median: float) -> None:
        """Give answers of ``median`` tokens, half of them longer; log-normally distributed."""
        self._seed = seed
        self._median = median

    def answer(
        self, number: int, limit: int, *, shortest: int = 0, endless: bool = False
    ) -> list[int]:
        """Return the tokens that answer a request, as far as ``limit`` and one more.

        They are ``shortest`` at least, and ``limit`` and one more if it is to be ``endless``.
        """
        # Text is hashed by the generator itself, with SHA-512.
        draw = random.Random(f"{self._seed}/{number}")
        length = max(round(self._median * draw.lognormvariate(0, _SPREAD)), shortest, 1)
        if endless or length > limit:
            length = limit + 1
        return draw.choices(range(VOCABULARY), k=length)


def tokens_of(text: str) -> list[int]:
    """Return the tokens of a text: one for each word and each mark, the same in every process."""
    return [zlib.crc32(piece.encode()) % VOCABULARY for piece in _PIECES.findall(text)]


def text_of(tokens: Iterable[int]) -> str:
    """Return a text for tokens that the model has given: a word and a blank for each."""
    return "".join(f"{_WORDS[token % len(_WORDS)]} " for token in tokens)
