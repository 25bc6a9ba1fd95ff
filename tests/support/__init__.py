"""What tests share."""

from tests.support.errors import refused
from tests.support.kinds import FACTORIES, PLAIN, VECS, create
from tests.support.page import Family, Sample, buckets, page, sample, series

__all__ = [
    "FACTORIES",
    "PLAIN",
    "VECS",
    "Family",
    "Sample",
    "buckets",
    "create",
    "page",
    "refused",
    "sample",
    "series",
]
