"""Builds the floor: ``pip install benchmarks/floor``."""

from setuptools import Extension, setup

setup(
    name="bare",
    version="1",
    ext_modules=[
        Extension("bare", ["bare.c"], py_limited_api=True, extra_compile_args=["-O3", "-std=c11"])
    ],
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)
