"""S3's pre-signed POST: the form fields that permit one upload, and the check of those that come back.

Source: the description of POST policies and of Signature Version 4 in Amazon's S3 API reference.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

from pipecat_nb.models import format_time, parse_time

BUCKET = "pipecat-cloud-builds"
CONTENT_TYPE = "application/gzip"

_ALGORITHM = "AWS4-HMAC-SHA256"
_ACCESS_KEY = "PIPECATCLOUDLOCAL"

#: Fields that no condition of a policy has to name.
_FREE_FIELDS = frozenset({"policy", "x-amz-signature", "file"})

#: What XML 1.0 cannot hold, not even escaped.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class S3Error(Exception):
    """The storage's answer that says no, with S3's own code and status."""

    def __init__(self, code: str, message: str, *, status: int = 400, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.details = details

    def xml(self) -> str:
        """The body that S3 sends for it."""
        parts = {"Code": self.code, "Message": self.message, **self.details}
        inside = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in parts.items())
        inside = _NO_XML.sub("\ufffd", inside)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inside}</Error>'


class PostSigner:
    """Signs permissions to upload one object, and checks them; `limit` is the largest object in bytes."""

    def __init__(self, secret: bytes, *, limit: int) -> None:
        self._secret = secret
        self.limit = limit

    def fields(self, *, key: str, region: str, issued_at: datetime, lifetime: timedelta) -> dict[str, str]:
        """The form fields of one upload, as boto3's `generate_presigned_post` makes them."""
        date = issued_at.strftime("%Y%m%d")
        fields = {
            "Content-Type": CONTENT_TYPE,
            "key": key,
            "x-amz-algorithm": _ALGORITHM,
            "x-amz-credential": f"{_ACCESS_KEY}/{date}/{region}/s3/aws4_request",
            "x-amz-date": issued_at.strftime("%Y%m%dT%H%M%SZ"),
        }
        conditions: list[Any] = [{name: value} for name, value in fields.items()]
        conditions += [{"bucket": BUCKET}, ["content-length-range", 1, self.limit]]
        policy = {"expiration": format_time(issued_at + lifetime), "conditions": conditions}
        fields["policy"] = base64.b64encode(json.dumps(policy).encode()).decode()
        fields["x-amz-signature"] = self._signature(fields["policy"], fields["x-amz-credential"])
        return fields

    def check(self, fields: Mapping[str, str], *, now: datetime) -> None:
        """Raise S3Error unless these fields permit an upload now."""
        for name in ("key", "policy", "x-amz-credential", "x-amz-algorithm", "x-amz-date", "x-amz-signature"):
            if name not in fields:
                raise S3Error(
                    "InvalidArgument",
                    f"Bucket POST must contain a field named '{name}'."
                    "  If it is specified, please check the order of the fields.",
                    ArgumentName=name,
                )
        if not fields["x-amz-credential"].startswith(f"{_ACCESS_KEY}/"):
            text = "The AWS Access Key Id you provided does not exist in our records."
            raise S3Error("InvalidAccessKeyId", text, status=403)
        expected = self._signature(fields["policy"], fields["x-amz-credential"])
        if not hmac.compare_digest(expected.encode(), fields["x-amz-signature"].encode()):
            text = (
                "The request signature we calculated does not match the signature you provided."
                " Check your key and signing method."
            )
            raise S3Error("SignatureDoesNotMatch", text, status=403)
        # Signed by us, hence made by us: nothing of it needs to be doubted from here on.
        policy = json.loads(base64.b64decode(fields["policy"]))
        expiration = parse_time(policy["expiration"])
        if expiration is None or now >= expiration:
            raise S3Error("AccessDenied", "Invalid according to Policy: Policy expired.", status=403)
        exact = {
            name: value for item in policy["conditions"] if isinstance(item, dict) for name, value in item.items()
        }
        _check_conditions(exact, {**fields, "bucket": BUCKET})

    def check_size(self, size: int) -> None:
        """Raise S3Error for an object of this size so far, in bytes."""
        if size > self.limit:
            text = "Your proposed upload exceeds the maximum allowed size"
            raise S3Error("EntityTooLarge", text, ProposedSize=size, MaxSizeAllowed=self.limit)

    def _signature(self, policy: str, credential: str) -> str:
        key = b"AWS4" + self._secret
        for scope in credential.split("/")[1:]:
            key = hmac.digest(key, scope.encode(), hashlib.sha256)
        return hmac.digest(key, policy.encode(), hashlib.sha256).hex()


def _check_conditions(exact: Mapping[str, str], fields: Mapping[str, str]) -> None:
    for name, value in exact.items():
        if fields.get(name) != value:
            text = f'Invalid according to Policy: Policy Condition failed: ["eq", "${name}", "{value}"]'
            raise S3Error("AccessDenied", text, status=403)
    extra = sorted(set(fields) - set(exact) - _FREE_FIELDS)
    if extra:
        text = f"Invalid according to Policy: Extra input fields: {', '.join(extra)}"
        raise S3Error("AccessDenied", text, status=403)
