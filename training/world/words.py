"""Words about words: plurals, and names of what there is not."""

from __future__ import annotations

import numpy as np

from flowbrush.training.world import lexicon

Rng = np.random.Generator


def plural(name: str) -> str:
    """More than one of them, as English mostly says it."""
    if name.endswith("y") and name[-2] not in "aeiou":
        return name[:-1] + "ies"
    if name.endswith("man"):
        return name[:-3] + "men"
    return name + ("es" if name.endswith(("s", "x", "ch", "sh")) else "s")


def strange(rng: Rng) -> str:
    """A word for something that there is not, often one that nobody has heard of."""
    if rng.random() < 0.5:
        return str(rng.choice(lexicon.STRANGE))
    return "".join(
        str(rng.choice(list("bcdfghjklmnprstvwz"))) + str(rng.choice(list("aeiou")))
        for _ in range(int(rng.integers(1, 5)))
    ) + str(rng.choice(["", *"nrstlmd"]))
