"""What a trainer's process is started with."""

import subprocess
import sys

import pytest

from ftapp.errors import TrainingError
from ftapp.training import processes


def test_a_trainer_sees_the_first_gpu_alone(monkeypatch):
    """With two in sight transformers' Trainer would read a batch on each, and so learn from twice as many rows a step."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert processes.environment()["CUDA_VISIBLE_DEVICES"] == "0"
    for given, kept in (("1,0", "1"), ("GPU-5,GPU-6", "GPU-5"), ("", "")):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
        assert processes.environment()["CUDA_VISIBLE_DEVICES"] == kept, "what was hidden stays hidden"


def test_several_are_started_by_accelerate_and_see_all_gpus(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    assert processes.command("run_1")[1:] == ["-m", "ftapp.training", "run_1"]
    monkeypatch.setenv("FTAPP_PROCESSES", "2")
    assert processes.command("run_1")[1:6] == ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    assert processes.environment()["CUDA_VISIBLE_DEVICES"] == "1,0"
    for wrong in ("0", "-1", "two", "1000"):
        monkeypatch.setenv("FTAPP_PROCESSES", wrong)
        with pytest.raises(TrainingError, match="no number from 1 to 64"):
            processes.command("run_1")


def test_a_trainer_uses_up_no_time_by_waiting(monkeypatch):
    """What torch's own threads were told, in their library's words; whoever set it otherwise is obeyed."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    told = processes.environment() | {"OMP_DISPLAY_ENV": "TRUE"}
    done = subprocess.run([sys.executable, "-c", "import torch; torch.ones(9) + 1"], env=told, capture_output=True, text=True, timeout=120)
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in done.stderr
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert processes.environment()["OMP_WAIT_POLICY"] == "ACTIVE"
