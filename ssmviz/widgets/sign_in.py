"""Signing in: what Streamlit's own cookie says."""

from __future__ import annotations

import json
from typing import Any

from streamlit.auth_util import get_cookie_with_chunks
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from ssmviz.classroom.people import Cookies


def claims(cookies: Cookies) -> dict[str, Any] | None:
    """What the identity provider said about who is signed in with `st.login`; None when nobody is.

    The cookie is signed by Streamlit, and cut to pieces where it is large: both are undone by Streamlit's functions.
    """
    secret = get_cookie_secret()

    def piece(name: str) -> bytes | None:
        value = cookies.get(name)
        return None if value is None else decode_signed_value(secret, name, value.encode("latin-1", "replace"))

    whole = get_cookie_with_chunks(piece, USER_COOKIE_NAME)
    try:
        said = json.loads(whole) if whole else None
    except ValueError:
        return None
    return said if isinstance(said, dict) and said.get("is_logged_in") else None
