"""`POST /v1/images`: the key and the quota first, then the body, then the picture; a few at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from flowbrush.errors import ErrorCode
from flowbrush.server.http.answers import error_response, over_quota
from flowbrush.server.http.audit import audit
from flowbrush.server.http.door import identity_of
from flowbrush.server.http.identity import Identity
from flowbrush.server.http.quotas import OverQuota, Quotas
from flowbrush.server.store.images import READ_S, BadImage, ImageStore
from flowbrush.server.store.storage import Storage, StorageLate

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Bodies that are received at once; each may be as large as `FLOWBRUSH_IMAGE_MIB` allows, and all of them are in memory."""

DECODED_AT_ONCE = 1
"""Pictures that are decoded at once, in processes of their own."""

WAIT_S = 15.0
KEEP_S = READ_S + WAIT_S


class Busy(Exception):
    """Others are uploading."""


class Uploads:
    """Takes start images."""

    def __init__(self, images: ImageStore, quotas: Quotas, reading: Storage) -> None:
        self._images = images
        self._reading = reading
        self._quotas = quotas
        self._receiving = asyncio.Semaphore(AT_ONCE)
        self._decoding = asyncio.Semaphore(DECODED_AT_ONCE)

    async def take(self, request: Request) -> Response:
        """Answers 201 with the image's id, or says what is wrong."""
        identity = identity_of(request)
        try:
            await self._check(identity)
            async with _turn(self._receiving):
                data = await self._receive(request)
                if isinstance(data, Response):
                    return data
                id = await self._add(identity, data)
        except OverQuota as over:
            return over_quota(over)
        except Busy:
            return error_response(
                503, ErrorCode.BUSY, "others are uploading: try again", retry_after_s=WAIT_S
            )
        except BadImage as error:
            return error_response(422, ErrorCode.INVALID_VALUE, str(error), field="file")
        except StorageLate:
            raise
        except (OSError, MemoryError) as error:
            log.error("an upload was not kept: %s", error)
            text = "the image cannot be kept: the server has no room for it; try again later"
            return error_response(507, "no_space", text, retry_after_s=60.0)
        return JSONResponse({"id": id}, 201)

    async def keep(self, identity: Identity, data: bytes) -> str:
        """Keeps a picture that came with a message; returns its id. Raises OverQuota, Busy, BadImage, OSError, MemoryError."""
        await self._check(identity)
        return await self._add(identity, data)

    async def _check(self, identity: Identity) -> None:
        await self._reading.run(_lane(identity), lambda: self._quotas.check_upload(identity))

    async def _add(self, identity: Identity, data: bytes) -> str:
        async with _turn(self._decoding):
            id = await self._reading.run(
                _lane(identity), lambda: self._images.add(data, identity.owner), within_s=KEEP_S
            )
        audit("image.upload", identity, image=id, bytes=len(data))
        return id

    async def _receive(self, request: Request) -> bytes | Response:
        """The bytes of the form's `file`, or what is wrong with the form. Raises OSError where it cannot be kept."""
        most = self._images.max_bytes
        try:
            async with request.form(max_files=1, max_fields=8) as form:
                file = form.get("file")
                if not isinstance(file, UploadFile):
                    text = (
                        'file is missing: expected multipart/form-data with a field "file" that holds a file'
                    )
                    return error_response(422, ErrorCode.MISSING_FIELD, text, field="file")
                data = await file.read(most + 1)
        except (HTTPException, MultiPartException) as error:
            return error_response(400, ErrorCode.INVALID_VALUE, f"the form cannot be read: {_reason(error)}")
        except ClientDisconnect:
            return Response(status_code=400)
        if len(data) > most:
            return error_response(
                413, ErrorCode.TOO_LARGE, f"the file is too large: at most {most} bytes are taken"
            )
        return data


def _lane(identity: Identity) -> str:
    return f"images/{identity.owner}"


def _reason(error: HTTPException | MultiPartException) -> str:
    return error.detail if isinstance(error, HTTPException) else error.message


@contextlib.asynccontextmanager
async def _turn(places: asyncio.Semaphore) -> AsyncIterator[None]:
    """One of the places, after a while; raises Busy where none comes free."""
    try:
        async with asyncio.timeout(WAIT_S):
            await places.acquire()
    except TimeoutError:
        raise Busy from None
    try:
        yield
    finally:
        places.release()
