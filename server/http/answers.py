"""What the REST side answers when it does not do what was asked."""

from __future__ import annotations

import math
from typing import Any

from starlette.responses import JSONResponse

from flowbrush.server.http.quotas import OverQuota


def error_response(
    status: int, code: str, message: str, *, retry_after_s: float | None = None, field: str | None = None
) -> JSONResponse:
    """`{"error": {code, message, retry_after_s?, field?}}`, with `Retry-After` where waiting helps."""
    error: dict[str, Any] = {"code": str(code), "message": message}
    headers = {}
    if retry_after_s is not None:
        error["retry_after_s"] = retry_after_s
        headers["Retry-After"] = str(max(1, math.ceil(retry_after_s)))
    if field is not None:
        error["field"] = field
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse({"error": error}, status, headers)


def over_quota(over: OverQuota) -> JSONResponse:
    """To somebody who has used up what they may have."""
    return error_response(429, over.code, over.message, retry_after_s=over.retry_after_s)
