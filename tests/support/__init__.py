"""What tests share."""

from tests.support.errors import refused
from tests.support.exposition import Family, Sample, buckets, exposition, sample, series
from tests.support.kinds import FACTORIES, PLAIN, VECS, create

__all__ = [
    "FACTORIES",
    "PLAIN",
    "VECS",
    "Family",
    "Sample",
    "buckets",
    "create",
    "exposition",
    "refused",
    "sample",
    "series",
]
