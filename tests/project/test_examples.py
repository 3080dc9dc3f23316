"""The examples in docstrings: every public name has one, and all of them are true."""

import doctest
import importlib
import pkgutil

import pytest

import stn_tutorial

PUBLIC = sorted({*stn_tutorial.__all__, *stn_tutorial.LAZY})
MODULES = [
    module.name for module in pkgutil.walk_packages(stn_tutorial.__path__, "stn_tutorial.") if "__main__" not in module.name
]


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_has_an_example(name):
    assert ">>> " in (getattr(stn_tutorial, name).__doc__ or "")


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name, root, monkeypatch):
    monkeypatch.setenv("STN_DATA", str(root))  # a small data set, so that an example needs no network
    assert doctest.testmod(importlib.import_module(name)).failed == 0
