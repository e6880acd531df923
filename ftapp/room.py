"""Whether the model that writes leaves a GPU to the training (`while_training` in configs/app.yaml). On a CPU both always share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ftapp import config
from ftapp.backends import hardware
from ftapp.errors import ModelError

if TYPE_CHECKING:
    from ftapp.training.supervise import Supervisor

AWAY = (
    "The model makes room on the GPU for the training. Nothing is lost; it writes again when the training ends. Wait or stop the training, "
    "or set while_training to share in configs/app.yaml."
)


def wanted(supervisor: Supervisor) -> bool:
    """Whether a training is active that shall have the GPU to itself."""
    return config.app_config().while_training == "unload" and supervisor.active() and hardware.gpu_memory_bytes() > 0


def check(supervisor: Supervisor) -> None:
    """Raises ModelError while the model must stay away."""
    if wanted(supervisor):
        raise ModelError(AWAY)
