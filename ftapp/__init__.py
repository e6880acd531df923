"""ftapp: letters in your own voice, taught by your own choices.

Telemetry is switched off here, before any library that reads these variables is imported, and one complaint is silenced that
asks people for a package that ftapp does not use.
"""

import logging
import os

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# bitsandbytes looks for a faster 4-bit kernel when it is imported, and works without. Everything else that it says is heard.
logging.getLogger("bitsandbytes.backends.cpu.ops").addFilter(
    lambda record: not str(record.msg).startswith("Failed to load CPU gemm_4bit_forward from kernels-community")
)

__version__ = "0.1.0"
