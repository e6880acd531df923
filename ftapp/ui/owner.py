"""Who is asking. Every handler and endpoint takes the owner from the request through `Door`, never from its arguments.

On a loopback address the one person of this machine is `local`. Everybody else is known by a random HttpOnly
cookie; the owner id is a hash of it, so that a copied database opens no session. Knows nothing of tables.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import threading
import time
from http.cookies import CookieError, SimpleCookie

from ftapp.addresses import is_loopback
from ftapp.errors import NotAllowed

COOKIE = "ftapp_visitor"
LOCAL = "local"
_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{43}")
log = logging.getLogger(__name__)


def _host_name(header: str) -> str:
    """`[::1]:7860` -> `::1`, `localhost:7860` -> `localhost`."""
    return header[1:].partition("]")[0] if header.startswith("[") else header.partition(":")[0]


def visitor_token(cookie_header: str) -> str | None:
    """The visitor's secret in a Cookie header, or None; anything of another shape is not one of ours."""
    try:
        morsel = SimpleCookie(cookie_header).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel and _WELL_FORMED.fullmatch(morsel.value) else None


class Door:
    """Turns a request into an owner id, and says what that owner may do.

    `host` is the address the app is bound to. With a `password`, whoever signs in with it acts as `local`
    from any address until the app restarts.
    """

    def __init__(self, host: str, password: str = "", in_frame: bool = False):
        self.bound_to_loopback = is_loopback(host)
        self.in_frame = in_frame  # a hosted Space shows the page inside another site's frame
        self._password = password
        self._signed_in: set[str] = set()
        self._labelers: dict[str, str] = {}  # browser -> the labeler it speaks for, until the app restarts
        self._guess = threading.Lock()

    @property
    def takes_password(self) -> bool:
        return bool(self._password) and not self.bound_to_loopback

    def owner(self, request) -> str:
        """`local`, or `visitor_<32 hex>`. `request` is a gr.Request (or anything with `.headers`).

        Bound to loopback, a request still is a visitor's if it came through a proxy or under another name:
        that is how a page elsewhere (DNS rebinding) or a stranger behind a tunnel would arrive.
        """
        headers = {str(k).lower(): str(v) for k, v in dict(request.headers).items()}
        forwarded = any(name in headers for name in ("x-forwarded-for", "forwarded", "x-real-ip"))
        if self.bound_to_loopback and not forwarded and is_loopback(_host_name(headers.get("host", ""))):
            return LOCAL
        owner = self._browser(request)
        if owner is None:
            raise NotAllowed(
                "This browser sent no visitor cookie - ftapp could not tell your letters from another visitor's - "
                "allow cookies for this page and load it again."
            )
        return LOCAL if owner in self._signed_in else owner

    @staticmethod
    def _browser(request) -> str | None:
        """`visitor_<32 hex>` of the cookie, None without one."""
        headers = {str(k).lower(): str(v) for k, v in dict(request.headers).items()}
        token = visitor_token(headers.get("cookie", ""))
        return None if token is None else "visitor_" + hashlib.sha256(token.encode()).hexdigest()[:32]

    def labeler(self, request, still=lambda owner, labeler: True) -> tuple[str, str]:
        """(whose queue, who labels): one's own, or, for whoever came in as one of the owner's labelers, the owner's queue and their
        id. A labeler may label and nothing else: every other handler asks `owner` or `manager`. `still(owner, labeler)` says
        whether they have not been dismissed."""
        owner = self.owner(request)
        labeler = self._labelers.get(self._browser(request) or "")
        return (LOCAL, labeler) if labeler and still(LOCAL, labeler) else (owner, owner)

    def label_as(self, request, labeler: str) -> None:
        """From now on this browser labels as one of the owner's labelers, or with "" as itself."""
        browser = self._browser(request)
        if browser is None:
            raise NotAllowed("This browser sent no cookie - it would be forgotten who labels - allow cookies and load the page again.")
        self._labelers.pop(browser, None)
        if labeler:
            self._labelers[browser] = labeler

    def guessing(self) -> threading.Lock:
        """Held while a password is tried: one guess a second for the whole app."""
        return self._guess

    def manager(self, request) -> str:
        """The owner, if it may train, promote, roll back and switch models. Raises NotAllowed."""
        owner = self.owner(request)
        if owner != LOCAL:
            how = "sign in as the owner under Models" if self.takes_password else "run ftapp on your own computer"
            raise NotAllowed(
                "You are a visitor here - visitors may write and choose, but training, changing the model and rolling back "
                f"belong to the owner of this machine - {how} to do it."
            )
        return owner

    def sign_in(self, request, password: str) -> None:
        """Make this browser the owner's. One guess a second for the whole app. Raises NotAllowed."""
        owner = self.owner(request)
        if owner == LOCAL:
            return
        with self._guess:
            time.sleep(1)
            right = self.takes_password and hmac.compare_digest(password.encode(), self._password.encode())
        if not right:
            log.warning("A sign-in as owner was refused.")
            raise NotAllowed("That is not the owner's password - you are still a visitor - try again or ask the owner.")
        self._signed_in.add(owner)


class VisitorCookie:
    """ASGI middleware: a browser without our cookie gets one, and already this first request carries it."""

    def __init__(self, app, door: Door):
        self.app, self.door = app, door

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if visitor_token(headers.get(b"cookie", "")):
            return await self.app(scope, receive, send)
        token = secrets.token_urlsafe(32)
        pair = f"{COOKIE}={token}"
        # A malformed cookie of our name is dropped, so that the new one is the only one read.
        kept = [part.strip() for part in headers.get(b"cookie", "").split(";") if part.strip() and not part.strip().startswith(COOKIE)]
        others = [(name, value) for name, value in scope["headers"] if name.lower() != b"cookie"]
        scope = {**scope, "headers": [*others, (b"cookie", "; ".join([*kept, pair]).encode("latin-1"))]}
        secure = self.door.in_frame or scope.get("scheme") == "https" or headers.get(b"x-forwarded-proto", "").startswith("https")
        site = "; SameSite=None; Secure; Partitioned" if self.door.in_frame else "; SameSite=Lax" + ("; Secure" if secure else "")
        cookie = f"{pair}; Path=/; HttpOnly; Max-Age=31536000{site}".encode("latin-1")

        async def send_with_cookie(message):
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), (b"set-cookie", cookie)]}
            await send(message)

        await self.app(scope, receive, send_with_cookie)
