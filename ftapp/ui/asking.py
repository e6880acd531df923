"""How a handler answers when something goes wrong: a person reads one calm sentence, the log gets the rest.

`calm` wraps screen handlers (toasts render HTML, so the sentence is escaped), `plain` wraps named endpoints.
Neither ever shows or logs what a person pasted: a bug's traceback is logged without its message.
"""

from __future__ import annotations

import functools
import html
import inspect
import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from ftapp.errors import UserError, unwritten, unwritten_sentence

log = logging.getLogger(__name__)
# How an event of the screen is wired that writes nothing long: no named endpoint, and it never waits behind the model.
QUIET = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
BUG = "Something went wrong inside ftapp - nothing you stored is lost - try again; the log of the app says where it happened."


def sentence(error: BaseException) -> str:
    """What a person reads about `error`. A bug is logged by its place and type: its message may quote a letter."""
    if isinstance(error, UserError):
        return str(error)
    if said := unwritten_sentence(error):
        log.warning("%s", said)
        return said
    places = "".join(traceback.format_tb(error.__traceback__))
    log.error("A bug, %s:\n%s", type(error).__name__, places)
    return BUG


def _wrapped(fn: Callable[..., Any], to_text: Callable[[str], str]) -> Callable[..., Any]:
    def answer(error: Exception) -> gr.Error:
        if isinstance(error, gr.Error):
            return error
        title = "Not done" if isinstance(error, UserError) or unwritten(error) else "A mistake of ours"
        return gr.Error(to_text(sentence(error)), title=title, print_exception=False)

    if inspect.isgeneratorfunction(fn):

        @functools.wraps(fn)
        def stream(*args: Any, **kwargs: Any) -> Any:
            try:
                yield from fn(*args, **kwargs)
            except Exception as error:
                raise answer(error) from None

        return stream

    @functools.wraps(fn)
    def once(*args: Any, **kwargs: Any) -> Any:
        try:
            return fn(*args, **kwargs)
        except Exception as error:
            raise answer(error) from None

    return once


def calm(fn: Callable[..., Any]) -> Callable[..., Any]:
    """For handlers of the screen."""
    return _wrapped(fn, lambda text: html.escape(text, quote=False))


def plain(fn: Callable[..., Any]) -> Callable[..., Any]:
    """For named endpoints, whose callers are programs."""
    return _wrapped(fn, str)


def forget(upload: str) -> None:
    """Delete an uploaded file. Gradio 6.31 also leaves an empty placeholder beside its folder for each one it hands over."""
    path = Path(upload)
    path.unlink(missing_ok=True)
    for stray in path.parent.parent.glob("tmp*"):
        if stray.is_file() and not stray.stat().st_size:
            stray.unlink(missing_ok=True)
