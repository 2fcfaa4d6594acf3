"""What happens to streams when workers and servers are lost in the middle of something, once more on a Ray cluster."""

from __future__ import annotations

import pytest
from ray_server import cluster, make_server, the_same

pytest.importorskip("ray", reason="Ray is not installed: pip install 'flowbrush[ray]'")

__all__ = ["cluster", "make_server"]

OTHERWISE = {
    "test_pictures_go_on_whole_when_a_file_was_being_written": "an actor writes no files: its gateway does",
    "test_a_token_that_nobody_uses_expires": "it is for the server alone",
    "test_the_seat_of_one_who_is_away_goes_to_one_who_waits_and_is_found_again": "so is that",
}
"""Tests that are for processes alone, and why."""

for module in ("test_faults_generator", "test_faults_kill_points", "test_faults_server"):
    globals().update(the_same(module, without=OTHERWISE))
globals().update(
    the_same("test_faults_walls", only="test_an_encoder_that_hangs_is_given_up_and_others_do_not_notice")
)
