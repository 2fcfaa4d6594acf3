"""Weights are told apart, and known again in another number type."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import nn

from flowbrush.models.loading.fingerprint import fingerprint


def model(seed: int) -> SimpleNamespace:
    torch.manual_seed(seed)
    return SimpleNamespace(student=nn.Linear(100, 200), codec=nn.Conv2d(3, 4, 3), name="m")


def test_the_same_weights_have_the_same_fingerprint_and_others_another() -> None:
    first = fingerprint(model(0))
    assert first == fingerprint(model(0)) != fingerprint(model(1))
    assert len(first) == len("sha256:") + 64


def test_the_number_type_makes_no_difference() -> None:
    half = model(0)
    half.student.to(torch.bfloat16)
    assert fingerprint(half) == fingerprint(model(0))
    half.student.bias.data[0] += 1
    assert fingerprint(half) != fingerprint(model(0))
