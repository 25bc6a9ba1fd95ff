"""Run one target: with atheris where it is installed, otherwise with hypothesis."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from pathlib import Path

FUZZ = Path(__file__).parents[1]


def _with_atheris(name: str, seconds: int) -> None:
    import atheris

    with atheris.instrument_imports(include=["dynamo", "fuzz.python"]):
        from fuzz.python.targets import TARGETS
    corpus = FUZZ / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    artifacts = FUZZ / "artifacts" / name
    artifacts.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={seconds}",
        "-timeout=5",
        "-max_len=4096",
        "-print_final_stats=1",
        f"-dict={FUZZ / 'dictionaries' / name}.txt",
        f"-artifact_prefix={artifacts}/",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus), str(FUZZ / "seeds" / name)], TARGETS[name])
    atheris.Fuzz()


def _with_hypothesis(name: str, seconds: int) -> None:
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    from fuzz.python.targets import TARGETS

    seeds = [path.read_bytes() for path in sorted((FUZZ / "seeds" / name).iterdir())]
    words = (FUZZ / "dictionaries" / f"{name}.txt").read_text().splitlines()
    tokens = [word[1:-1].encode().decode("unicode_escape").encode("latin-1") for word in words]
    mixed = st.lists(st.sampled_from([*seeds, *tokens]) | st.binary(max_size=16), max_size=20)
    end, runs = time.monotonic() + seconds, 0

    @settings(max_examples=2000, deadline=None, database=None, suppress_health_check=HealthCheck)
    @given(mixed.map(b"".join))
    def once(data: bytes) -> None:
        nonlocal runs
        runs += 1
        TARGETS[name](data)

    while time.monotonic() < end:
        once()
    print(f"{runs} runs in {seconds} seconds")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fuzz.python")
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=600)
    arguments = parser.parse_args()
    logging.disable()
    try:
        import atheris  # noqa: F401
    except ImportError:
        _with_hypothesis(arguments.target, arguments.seconds)
    else:
        _with_atheris(arguments.target, arguments.seconds)


main()
