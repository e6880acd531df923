"""ftapp: paste a posting and a résumé, get two letters, choose one, teach the model. Also the entry of a hosted Space."""

import argparse
import os
import sys

import ftapp  # noqa: F401  (switches telemetry off before gradio is imported)
from ftapp.config import settings
from ftapp.errors import UserError


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", help="address to listen on (else GRADIO_SERVER_NAME, else 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port (else GRADIO_SERVER_PORT, else 7860)")
    parser.add_argument("--home", help="data folder (else FTAPP_HOME, else the user's data folder)")
    parser.add_argument("--model", help="base model: 'bundled', a folder or a Hub id (else FTAPP_MODEL)")
    return parser.parse_args()


def main() -> None:
    given = options()
    chosen = settings(home=given.home, model=given.model)
    chosen = chosen.model_copy(update={name: value for name in ("host", "port") if (value := getattr(given, name))})
    os.environ["GRADIO_TEMP_DIR"] = str(chosen.folder("uploads"))  # before gradio is imported

    from ftapp.studio import Studio
    from ftapp.ui.owner import Door
    from ftapp.ui.page import build, launch_options

    studio = Studio(chosen)
    door = Door(chosen.host, os.environ.get("FTAPP_OWNER_PASSWORD", ""), in_frame=bool(os.environ.get("SPACE_ID")))
    page = build(studio, door)
    _, address, _ = page.launch(**launch_options(chosen, door, studio), prevent_thread_lock=True)
    print(f"ftapp is at {address}", flush=True)
    studio.load_model_in_background()  # torch and the weights come after the page
    try:
        page.block_thread()
    finally:
        studio.close()


if __name__ == "__main__":
    try:
        main()
    except (UserError, OSError) as error:
        sys.exit(str(error))
