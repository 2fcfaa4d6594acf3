"""All faults of workers once more, where these are actors of a Ray cluster: one engine may not be worse than the other."""

from __future__ import annotations

import pytest
from ray_server import cluster, make_server, the_same

pytest.importorskip("ray", reason="Ray is not installed: pip install 'flowbrush[ray]'")

__all__ = ["cluster", "make_server"]

globals().update(the_same("test_faults_worker"))
globals().update(the_same("test_server_scaling", only="test_who_waits_gets_the_seat_of_a_worker_more"))
