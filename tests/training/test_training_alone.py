"""Training needs torch, numpy, pillow and safetensors, and nothing else; and it runs in several processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKED = """
import sys
FORBIDDEN = {"pydantic", "fastapi", "av", "websockets", "diffusers", "transformers"}
OURS = {"models", "pipelines", "training"}

class Block:
    def find_spec(self, name, path=None, target=None):
        first, _, rest = name.partition(".")
        if first in FORBIDDEN or (first == "flowbrush" and rest and rest.partition(".")[0] not in OURS):
            raise ImportError(f"{name} is not installed there")

sys.meta_path.insert(0, Block())
import flowbrush.training.__main__, flowbrush.training.config, flowbrush.training.text
import flowbrush.training.evaluation.locate
assert not FORBIDDEN & set(sys.modules), sorted(FORBIDDEN & set(sys.modules))
ours = [n for n in sys.modules if n.startswith("flowbrush.training.")]
assert len(ours) > 25, ours
print("free")
"""

AVERAGE = """
import torch
from torch import nn
from flowbrush.training.distributed import join
workers = join(torch.device("cpu"))
net = nn.Linear(2, 2)
net.weight.grad = torch.full((2, 2), float(1 + 2 * workers.rank))
workers.average_gradients(net)
assert torch.equal(net.weight.grad, torch.full((2, 2), 2.0)), net.weight.grad
assert torch.equal(net.bias.grad, torch.zeros(2))
assert workers.agree(workers.rank == 1)
assert not workers.agree(False)
assert workers.share(0.5 + workers.rank) == 0.5
workers.close()
print("averaged", flush=True)
"""


def test_nothing_else_is_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "free"


@pytest.mark.slow
def test_two_processes_average_their_gradients_and_stop_together(tmp_path) -> None:
    script = tmp_path / "average.py"
    script.write_text(AVERAGE)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        str(script),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("averaged") == 2
