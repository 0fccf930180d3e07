"""Signing in: what Streamlit's own cookie says, and what somebody sees whom nobody knows."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st
from streamlit.auth_util import get_cookie_with_chunks, is_authlib_installed, validate_auth_credentials
from streamlit.errors import StreamlitAuthError
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from ssmviz.classroom.config import BadClassroom, Classroom
from ssmviz.classroom.people import Cookies, Person


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
    return said if isinstance(said, dict) and said.get("is_logged_in") is True else None


def check_provider() -> None:
    """Whether people could sign in at all.

    Raises:
        BadClassroom: authlib or a part of `.streamlit/secrets.toml` is missing; the text says which.
    """
    if not is_authlib_installed():
        raise BadClassroom('sign_in = "oidc" needs authlib; pip install "streamlit[auth]"')
    try:
        validate_auth_credentials("default")
    except StreamlitAuthError as error:
        raise BadClassroom(f'sign_in = "oidc": {" ".join(str(error).split())}') from None


def only_known(classroom: Classroom | None, person: Person) -> None:
    """End the page here for somebody whom nobody knows, and say what to do. For others nothing happens."""
    if classroom is None or person.is_known:
        return
    st.title(classroom.title or "State space models")
    if classroom.sign_in == "none":
        st.info("This class knows you by a cookie, and your browser sent none. Allow cookies, then reload this page.")
    elif said := claims(st.context.cookies):
        st.warning("You are signed in, but not on the list of this class. Ask your teacher, or use another account.")
        st.caption(f"Account: `{str(said.get('email') or said.get('name') or 'without a name')[:80]}`")
        st.button("Sign out", icon=":material/logout:", on_click=st.logout)
    else:
        st.markdown("Sign in to see, touch and train state space models with your class.")
        st.button("Sign in", type="primary", icon=":material/login:", on_click=st.login)
        st.caption("Your teacher sees your name beside your runs, others do not. Your e-mail address is not kept.")
    st.stop()


def who_you_are(classroom: Classroom | None, person: Person) -> None:
    """One line: as whom this page knows its reader, and how to change that."""
    if classroom is None:
        return
    named = classroom.sign_in == "oidc" or not person.presents
    words = [f"You are {person.name}."] * named + ["You present this class."] * person.presents
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(" ".join(words), width="content")
        if classroom.sign_in == "oidc":
            st.button("Sign out", type="tertiary", icon=":material/logout:", on_click=st.logout)
        elif classroom.presenter_key and not person.presents:
            base = (st.get_option("server.baseUrlPath") or "").strip("/")
            st.markdown(f"Teachers: [present this class]({'/' + base if base else ''}/api/presenter)", width="content")
