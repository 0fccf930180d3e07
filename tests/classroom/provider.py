"""A small OpenID Connect provider: it signs in whoever it is told to, with a real key and real tokens."""

import secrets
import time
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

CLIENT = "ssmviz"


class Provider:
    """Answers the four addresses that a sign-in needs; `claims` is who signs in next."""

    def __init__(self):
        self.claims = {}
        self.issuer = ""  # its address, once it is served
        self._key = RSAKey.generate_key(2048, {"kid": "1"})
        self._codes = {}

    def app(self):
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.metadata),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
                Route("/keys", self.keys),
            ]
        )

    async def metadata(self, request):
        at = self.issuer
        return JSONResponse(
            {
                "issuer": at,
                "authorization_endpoint": f"{at}/authorize",
                "token_endpoint": f"{at}/token",
                "jwks_uri": f"{at}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def authorize(self, request):
        asked, code = request.query_params, secrets.token_urlsafe()
        self._codes[code] = asked.get("nonce")
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", 302)

    async def token(self, request):
        async with request.form() as form:
            nonce, now = self._codes.pop(form["code"]), int(time.time())
        own = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": nonce}
        id_token = jwt.encode({"alg": "RS256", "kid": "1"}, own | self.claims, self._key)
        return JSONResponse(
            {"access_token": "of no use here", "token_type": "Bearer", "expires_in": 60, "id_token": id_token}
        )

    async def keys(self, request):
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})
