from argparse import ArgumentParser


class FlexibleArgumentParser(ArgumentParser):
    """A parser whose help names groups of arguments only."""

    def format_help(self) -> str:
        """Return the help."""
        return "Config Groups: ModelConfig\n"
