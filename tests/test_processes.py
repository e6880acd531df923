"""What a trainer's process is started with."""

from ftapp.training import processes


def test_a_trainer_sees_the_first_gpu_alone(monkeypatch):
    """With two in sight transformers' Trainer would read a batch on each, and so learn from twice as many rows a step."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert processes.environment()["CUDA_VISIBLE_DEVICES"] == "0"
    for given, kept in (("1,0", "1"), ("GPU-5,GPU-6", "GPU-5"), ("", "")):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
        assert processes.environment()["CUDA_VISIBLE_DEVICES"] == kept, "what was hidden stays hidden"
