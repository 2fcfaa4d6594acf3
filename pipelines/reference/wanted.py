"""What a prompt wants of one kind of thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wanted:
    """A kind of thing that a prompt names: how many, how large (a factor), where ("left", "middle", "right" or nothing; "top",
    "bottom" or nothing), what it does, which way ("left", "right", "up", "down") and how ("slow", "fast"), of which colour, as
    far as it says so; and what such things live in, as in the catalogue.
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

    @property
    def called(self) -> str:
        """Its name with its colour: what layers are labelled with."""
        return f"{self.color} {self.label}".strip()

    @property
    def deed(self) -> tuple[str, str, str]:
        """What it does, which way and how."""
        return self.verb, self.direction, self.manner
