"""The service over HTTP: the interface of Pipecat Cloud and of the storage that its uploads go to."""

import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pipecat_nb.errors import APIError
from pipecat_nb.models import Build, Secret, format_time
from pipecat_nb.service.builds import DEFAULT_REGION, ORGANIZATION, REGIONS, Builds, bad_request
from pipecat_nb.service.presigned import BUCKET, S3Error
from pipecat_nb.service.service import Activity, Service
from pipecat_nb.service.storage import receive

STORAGE_PATH = f"/storage/{BUCKET}"

#: The largest JSON body that is read, in bytes.
_BODY_LIMIT = 64 * 1024

#: Goes with an answer to a request that is not read to its end: what still comes would be read for ever.
_CLOSE = {"Connection": "close"}

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})

_CODES = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "PAYLOAD_TOO_LARGE"}

Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(service: Service) -> ASGIApp:
    """The ASGI application of a service."""
    api = _Api(service.builds)
    prefixed: list[tuple[str, str, Endpoint]] = [
        ("POST", "/builds/upload-url", api.permit_upload),
        ("POST", "/builds", api.create_build),
        ("GET", "/builds", api.list_builds),
        ("GET", "/builds/{id}", api.get_build),
        ("GET", "/builds/{id}/logs", api.build_logs),
        ("GET", "/regions", api.regions),
        ("GET", "/properties", api.properties),
    ]
    routes = [
        Route(prefix + path, endpoint, methods=[method])
        for prefix in ("/v1", "/v1/organizations/{org}")
        for method, path, endpoint in prefixed
    ]
    routes += [
        Route("/v1/organizations", api.organizations, methods=["GET"]),
        Route("/v1/users", api.user, methods=["GET"]),
        Route(STORAGE_PATH, api.upload, methods=["POST"]),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={
            APIError: _answer_refusal,
            S3Error: _answer_storage_refusal,
            HTTPException: _answer_http_refusal,
            Exception: _answer_bug,
        },
    )
    app.router.redirect_slashes = False
    return Gate(app, token=service.token, activity=service.activity)


class Gate:
    """Lets in who is meant: requests to this machine's own name, and to the interface with the token only."""

    def __init__(self, app: ASGIApp, *, token: Secret, activity: Activity) -> None:
        self._app = app
        self._authorization = f"Bearer {token.reveal()}".encode()
        self._activity = activity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._activity.request():
            refusal = self._refusal(dict(scope["headers"]), scope["path"], scope["server"][0])
            await (refusal or self._app)(scope, receive, send)

    def _refusal(self, headers: dict[bytes, bytes], path: str, address: str) -> Response | None:
        # A browser page from elsewhere can point its own host name at 127.0.0.1, but it cannot change that name.
        # `address` is where the request arrived, which is another loopback address if the service was told so.
        host = headers.get(b"host", b"").decode("latin-1").lower()
        name, colon, port = host.rpartition(":")
        if (name if colon and port.isdigit() else host) not in _LOOPBACK | {address}:
            return _error("This service answers to the names of this machine only", 421, "MISDIRECTED_REQUEST")
        if path.startswith(STORAGE_PATH):
            return None  # there the signature is the right
        if not hmac.compare_digest(headers.get(b"authorization", b""), self._authorization):
            return _error("Unauthorized", 401, "UNAUTHORIZED")
        organization = path.removeprefix("/v1/organizations/").partition("/")[0]
        if path.startswith("/v1/organizations/") and organization != ORGANIZATION:
            text = f"No access to this organization; a local service has one, {ORGANIZATION!r}"
            return _error(text, 403, "FORBIDDEN")
        return None


class _Api:
    def __init__(self, builds: Builds) -> None:
        self._builds = builds

    async def permit_upload(self, request: Request) -> Response:
        body = await _json_body(request)
        upload_id, fields, expires_at = await run_in_threadpool(self._builds.permit_upload, body.get("region"))
        return JSONResponse(
            {
                "uploadId": upload_id,
                "uploadUrl": _url(request, STORAGE_PATH),
                "uploadFields": fields,
                "expiresAt": format_time(expires_at),
            }
        )

    async def upload(self, request: Request) -> Response:
        try:
            stored = await receive(
                request.stream(),
                content_type=request.headers.get("content-type", ""),
                signer=self._builds.signer,
                check=self._builds.check_upload,
                directory=self._builds.contexts,
            )
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        await run_in_threadpool(self._builds.finish_upload, stored)
        headers = {"ETag": f'"{stored.md5}"', "Location": _url(request, f"{STORAGE_PATH}/{stored.key}")}
        return Response(status_code=204, headers=headers)

    async def create_build(self, request: Request) -> Response:
        body = await _json_body(request)
        created = await run_in_threadpool(
            self._builds.create,
            upload_id=body.get("uploadId"),
            region=body.get("region"),
            dockerfile_path=body.get("dockerfilePath", "Dockerfile"),
        )
        answer = {
            "build": _build_json(created.build, request),
            "contextHash": created.context_hash,
            "cached": created.cached,
        }
        return JSONResponse(answer, status_code=200 if created.cached else 201)

    async def list_builds(self, request: Request) -> Response:
        limit = _number(request, "limit", default=20, least=1, most=100)
        offset = _number(request, "offset", default=0, least=0, most=2**62)
        builds, total = await run_in_threadpool(
            self._builds.page,
            status=request.query_params.get("status"),
            region=request.query_params.get("region"),
            context_hash=request.query_params.get("contextHash"),
            limit=limit,
            offset=offset,
        )
        page = [_build_json(build, request) for build in builds]
        return JSONResponse({"builds": page, "total": total, "limit": limit, "offset": offset})

    async def get_build(self, request: Request) -> Response:
        build = await run_in_threadpool(self._builds.get, request.path_params["id"])
        return JSONResponse({"build": _build_json(build, request)})

    async def build_logs(self, request: Request) -> Response:
        limit = _number(request, "limit", default=500, least=1, most=10_000)
        return JSONResponse(
            {"logs": await run_in_threadpool(self._builds.log, request.path_params["id"], limit=limit)}
        )

    async def regions(self, _: Request) -> Response:
        regions = [{"code": code, "display_name": name} for code, name in REGIONS.items()]
        return JSONResponse({"regions": regions})

    async def properties(self, _: Request) -> Response:
        return JSONResponse({"properties": {"defaultRegion": DEFAULT_REGION}})

    async def organizations(self, _: Request) -> Response:
        organization = {"id": ORGANIZATION, "name": ORGANIZATION, "verboseName": "Local Pipecat Cloud"}
        return JSONResponse({"organizations": [organization]})

    async def user(self, _: Request) -> Response:
        return JSONResponse({"user": {"userId": ORGANIZATION, "emails": []}})


def _build_json(build: Build, request: Request) -> dict[str, Any]:
    return build.replace(logs_url=_url(request, f"/v1/builds/{build.id}/logs")).to_json()


def _url(request: Request, path: str) -> str:
    # By the name that the client came by, which the gate has looked at.
    return f"{str(request.base_url).rstrip('/')}{path}"


async def _json_body(request: Request) -> dict[str, Any]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_LIMIT:
            raise HTTPException(413, "The body is too large", headers=_CLOSE)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise bad_request("The body is not valid JSON") from error
    if not isinstance(value, dict):
        raise bad_request("The body must be a JSON object")
    return value


def _number(request: Request, name: str, *, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    # Digits alone: `int` would take blanks, signs, underscores and other scripts' digits too.
    if text.isascii() and text.isdigit() and len(text) <= 20 and least <= int(text) <= most:
        return int(text)
    bound = f"at least {least}" if most > 10_000 else f"between {least} and {most}"
    raise bad_request(f"{name} must be a whole number {bound}")


def _error(message: str, status: int, code: str) -> Response:
    return JSONResponse({"error": message, "code": code}, status_code=status)


async def _answer_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, APIError)
    return _error(error.message, error.status, error.code)


async def _answer_storage_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, S3Error)
    return Response(error.xml(), status_code=error.status, media_type="application/xml", headers=_CLOSE)


async def _answer_http_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = _error(error.detail, error.status_code, _CODES.get(error.status_code, "GENERIC_BAD_REQUEST"))
    answer.headers.update(error.headers or {})
    return answer


async def _answer_bug(_: Request, __: Exception) -> Response:
    # What happened is raised on to uvicorn, which logs it.
    return _error("Internal server error", 500, "INTERNAL_SERVER_ERROR")
