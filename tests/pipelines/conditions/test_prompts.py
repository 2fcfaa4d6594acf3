"""Prompts as text tokens: blends, transitions, notices."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from flowbrush.models.cards.spec import PocketTextSpec, Umt5Spec
from flowbrush.models.text.pocket import PocketText
from flowbrush.pipelines.conditions.controls import Blend, ChunkPlan, fold, initial_state
from flowbrush.pipelines.conditions.prompts import KEPT, Prompts, _listed, effective, slerp


@pytest.fixture(scope="module")
def prompts() -> Prompts:
    torch.manual_seed(0)
    encoder = PocketText(PocketTextSpec(dim=16, layers=1, heads=2), ["cat", "dog", "meadow"])
    return Prompts(encoder.eval())


def plan(target: Blend, source: Blend = (), share: float = 1.0, method: str = "linear") -> ChunkPlan:
    empty = fold(initial_state([("x", 1.0)], ()), (), 0, 4, 16.0, 0)[1]
    return replace(empty, prompt=target, source=source or target, share=share, method=method, new_texts=())


def test_a_blend_is_the_weighted_mean(prompts: Prompts) -> None:
    tokens = prompts.tokens(plan((("cat", 0.25), ("dog", 0.75))))
    expected = 0.25 * prompts.encode("cat") + 0.75 * prompts.encode("dog")
    assert torch.allclose(tokens, expected, atol=1e-6)


@pytest.mark.parametrize("method", ["linear", "slerp"])
def test_a_transition_goes_from_one_prompt_to_the_other(prompts: Prompts, method: str) -> None:
    cat, dog = prompts.encode("cat"), prompts.encode("dog")
    tokens = [
        prompts.tokens(plan((("dog", 1.0),), (("cat", 1.0),), s, method)) for s in (0.01, 0.5, 0.99, 1.0)
    ]
    assert torch.equal(tokens[-1], dog)
    distance = [float((t - dog).norm()) for t in tokens]
    assert distance == sorted(distance, reverse=True)
    assert float((tokens[0] - cat).norm()) < 0.05 * float((cat - dog).norm())


def test_slerp_keeps_lengths_where_a_straight_line_would_not() -> None:
    a, b = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    half = slerp(a, b, 0.5)
    assert float(half.norm()) == pytest.approx(2.0, abs=1e-4)
    assert half[0] == pytest.approx(torch.tensor([2**0.5, 2**0.5]), abs=1e-4)


def test_slerp_of_equal_opposite_and_zero_tokens_is_finite() -> None:
    token = torch.tensor([[1.0, 2.0], [0.0, 0.0], [1.0, 0.0]])
    other = torch.tensor([[1.0, 2.0], [0.0, 0.0], [-1.0, 0.0]])
    assert torch.isfinite(slerp(token, other, 0.5)).all()
    assert torch.allclose(slerp(token, token, 0.5), token, atol=1e-3)


def test_a_long_list_of_unknown_words_is_cut_and_says_so() -> None:
    unknown = {f"zorble{place}": "" for place in range(9)} | {"poodle": "dog"}
    listed = _listed(unknown)
    assert listed.startswith("'zorble0', 'zorble1'") and listed.endswith(
        "'poodle' ('dog' stands for it) and 4 more words"
    )
    assert _listed({"zorble": ""}) == "'zorble'"


def test_a_very_long_unknown_word_is_cut() -> None:
    assert _listed({"x" * 2000: ""}) == f"'{'x' * 30}…'"


def test_unknown_words_are_told_with_the_control_that_brought_them(prompts: Prompts) -> None:
    base = plan((("cat", 1.0),))
    asked = replace(base, new_texts=(("a cat in the meadow", None), ("a zorble and a dog", 12)))
    (notice,) = prompts.notices(asked)
    assert (notice.code, notice.id) == ("unknown_words", 12)
    assert "'zorble'" in notice.message and "dog" not in notice.message


def test_words_that_a_model_makes_something_of_are_no_unknown_words(prompts: Prompts) -> None:
    asked = replace(plan((("cat", 1.0),)), new_texts=(("the zorble and the blurg", 3),))
    (notice,) = prompts.notices(asked, frozenset({"zorble"}))
    assert "'blurg'" in notice.message and "zorble" not in notice.message
    assert prompts.notices(asked, frozenset({"zorble", "blurg"})) == ()


def test_a_scene_that_is_left_out_is_told(prompts: Prompts) -> None:
    asked = replace(plan((("cat", 1.0),)), new_texts=(("a cat in the meadow on the beach", 5),))
    assert ("one_scene", 5) in [(notice.code, notice.id) for notice in prompts.notices(asked)]


def test_what_is_remembered_of_wan_s_prompts_is_a_gibibyte_at_the_most() -> None:
    spec = Umt5Spec()
    assert 2**29 <= KEPT * spec.length * spec.dim * 2 <= 2**30, "two bytes a value"


def test_what_is_remembered_is_bounded(prompts: Prompts) -> None:
    for number in range(KEPT + 10):
        prompts.encode(f"cat {number}")
    assert len(prompts.known) == KEPT


def test_the_effective_prompt_is_readable() -> None:
    assert effective(plan((("cat", 1.0),))) == "cat"
    assert effective(plan((("cat", 0.25), ("dog", 0.75)))) == "cat (25%) + dog (75%)"
    assert effective(plan((("dog", 1.0),), (("cat", 1.0),), 0.5)) == "cat → dog (50%)"
    assert effective(plan((("night", 1.0),), (("", 1.0),), 0.5)) == "night"


class Slow:
    """An encoder that takes as long as it is told to."""

    slow = True

    def __init__(self) -> None:
        self.go, self.began, self.calls = threading.Event(), threading.Event(), list[str]()

    def __call__(self, prompts: Sequence[str], /) -> torch.Tensor:
        self.calls += prompts
        if "slow" in prompts:
            self.began.set()
            assert self.go.wait(30)
        return torch.full((1, 2, 3), float(len(prompts[0])))

    def unknown(self, text: str) -> dict[str, str]:
        return {}

    def left_out(self, text: str) -> list[str]:
        return []


def test_who_asks_for_what_is_known_does_not_wait_for_what_is_being_read() -> None:
    encoder = Slow()
    prompts = Prompts(encoder)
    prompts.encode("known")
    reading = threading.Thread(target=prompts.read, args=(["slow", "next"],))
    reading.start()
    assert encoder.began.wait(30)
    assert float(prompts.encode("known")[0, 0]) == 5, "while the other thread is at it"
    both: list[torch.Tensor] = []
    asking = threading.Thread(target=lambda: both.append(prompts.encode("slow")))
    asking.start()
    encoder.go.set()
    asking.join(30)
    reading.join(30)
    assert float(both[0][0, 0]) == 4 and sorted(encoder.calls) == ["known", "next", "slow"], (
        "each is encoded once"
    )
    assert prompts.slow
    assert prompts.unread(["next", "new", "known", "newer"]) == ("new", "newer")
