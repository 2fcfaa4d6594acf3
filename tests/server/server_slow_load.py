"""A model that takes longer to load than anybody waits; the file $TEST_LOADING is there once it is being loaded."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any


def load(*what: Any, **how: Any) -> None:
    Path(os.environ["TEST_LOADING"]).touch()
    time.sleep(3600)
