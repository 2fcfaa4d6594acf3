"""What a prompt wants of one kind of thing."""

from __future__ import annotations

from dataclasses import dataclass

IN_PLACE = "in place"
"""The direction of what goes up and down, or left and right."""
LOOKS_RIGHT = frozenset({"rocket"})
"""Things whose sprite looks to the right; all others look left or at us."""
OTHER = {"left": "right", "right": "left"}
"""The other side of a picture."""
GAITS = {"ground": "walk", "air": "fly", "water": "swim", "afloat": "sail"}
"""How things go, by what they live in."""
VEHICLES = frozenset(
    ("car", "bus", "taxi", "police car", "ambulance", "fire engine", "tractor", "bicycle", "scooter")
)
"""What drives: told to walk it hardly leaves its place."""

BESIDE, BEFORE, BEHIND, BETWEEN = "beside", "before", "behind", "between"
"""Where a thing may be as another tells, or two."""
THERE = "there"
"""The heading of who has come to its goal, or cannot go further away from it."""
HERE = "here"
"""The heading of who does what it does where it is: a photo's penguin that jumps."""
IT = "it"
"""What is cut from a photo is called so of which a prompt says something by no name that is known: "it jumps", "remove the cup"."""
ANYBODY = ""
"""The label of a goal that is whoever else is nearest: "they run towards each other"."""


@dataclass(frozen=True)
class Goal:
    """That something goes to the thing called `label`, or `away` from it; up and down, too, where it `rises`."""

    label: str
    away: bool = False
    rises: bool = False


@dataclass(frozen=True)
class Wanted:
    """A kind of thing that a prompt names: how many, how large (a factor), where ("left", "middle", "right" or nothing; "top",
    "bottom" or nothing), what it does, which way ("left", "right", "up", "down", IN_PLACE) and how ("slow", "fast"), of which
    colour, as far as it says so; and what such things live in, as in the catalogue.
    """

    label: str
    count: int = 1
    size: float = 1.0
    side: str = ""
    verb: str = ""
    direction: str = ""
    manner: str = ""
    color: str = ""
    own_color: bool = False
    """whether the colour that such things were learned in was said: a red car is no blue one"""
    home: str = "ground"
    height: str = ""
    relation: tuple[str, str] = ("", "")
    """"above" or "below", and the label of the thing that it is above or below"""
    colors: tuple[str, ...] = ()
    """several colours that are said of such things together, and are to be dealt out among them"""
    unheeded: tuple[str, ...] = ()
    """what was said of it and cannot be shown, and why"""

    toward: str = ""
    """which way it goes where the prompt says that it goes, and no way: see `ways`"""

    own_way: bool = False
    """whether that is no word's, but the one that such things go by themselves: where they look, once they are there"""

    goal: Goal | None = None
    """the other thing that it goes to, or away from, wherever that is"""

    chase: str = ""
    """a name for those who go at about one pace: one that is chased or followed and those behind it, and two that meet or part"""

    on: str = ""
    """the label of the thing that it stands on, or rides"""

    near: tuple[str, str] = ("", "")
    """BESIDE, BEFORE, BEHIND or BETWEEN, and the label of the thing that it is near to so"""

    near_too: str = ""
    """the label of the second one that it is BETWEEN; both are ANYBODY's where a prompt says "between them\""""

    off: str = ""
    """the label of the thing that it comes down from"""

    leaves: bool = False
    """whether it is to be there no longer: "the cat disappears" """

    goes_off: bool = False
    """whether it is to go off the picture and not to come back: "the bird flies away" """

    definite: bool = False
    """whether it is named as one that is known: "the dog" """

    @property
    def way(self) -> str:
        """Which way it goes, as far as it goes any."""
        return "" if self.direction == IN_PLACE else self.direction or self.toward

    @property
    def called(self) -> str:
        """Its name with its colour: what layers are labelled with."""
        return f"{self.color} {self.label}".strip()

    @property
    def deed(self) -> tuple[str, str, str]:
        """What is said that it does, which way and how."""
        return self.verb, self.direction, self.manner

    @property
    def gait(self) -> str:
        """How such things go."""
        return "drive" if self.label in VEHICLES else GAITS[self.home]
