"""Reads expositions of any process, strictly and with line numbers. Needs no other package.

| module | job |
|---|---|
| ``_model`` | families, samples and problems: what a reader returns |
| ``_formats`` | the exposition formats, and which one a body is in |
| ``_line`` | one sample line of a text format |
| ``_lines`` | a whole exposition in a text format |
| ``_protobuf`` | delimited protobuf |
| ``_series`` | rules about the series of a family: duplicates, histograms, values |
| ``_source`` | URLs, files and standard input |
| ``_read`` | a body in any format, and the exposition at an address |
"""

from dynamo_metrics.scrape._formats import FORMATS, Format
from dynamo_metrics.scrape._model import Exposition, Family, Problem, Sample
from dynamo_metrics.scrape._read import read, scrape
from dynamo_metrics.scrape._source import Body, UnreadableError, address_of, fetch, read_file

__all__ = [
    "FORMATS",
    "Body",
    "Exposition",
    "Family",
    "Format",
    "Problem",
    "Sample",
    "UnreadableError",
    "address_of",
    "fetch",
    "read",
    "read_file",
    "scrape",
]
