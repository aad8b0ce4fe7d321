"""The API's description: security scheme, problems and request headers that every operation shares."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from apps.api.idempotency import IdempotentMixin
from apps.api.problems import MEDIA_TYPE, TITLES
from apps.api.scopes import needed_scopes
from apps.tenants.scopes import SCOPES

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "A refusal (RFC 9457). Compare `code`; show `detail`.",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id", "errors"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
        "code": {"type": "string"},
        "request_id": {"type": "string", "description": "Name it when you ask us; the logs know it."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "format": "json-pointer", "examples": ["/device/screen"]},
                    "code": {"type": "string", "examples": ["required"]},
                    "detail": {"type": "string"},
                },
            },
        },
    },
    "examples": [
        {
            "type": "urn:assay:problem:invalid",
            "title": "The request is malformed",
            "status": 400,
            "detail": "The body does not fit the schema.",
            "instance": "/api/v1/risk/assessments",
            "code": "invalid",
            "request_id": "7b1c2f7e-6f0e-4a52-9a55-0d6d0a4b2a11",
            "errors": [{"pointer": "/amount", "code": "required", "detail": "This field is required."}],
        }
    ],
}

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~]([ -~]*[!-~])?$"},
    OpenApiParameter.HEADER,
    required=True,
    description="1 to 255 printable ASCII characters of your choice, kept 24 hours. The same key with the same "
    "body gets the first answer again, byte for byte, with `Idempotent-Replayed: true`.",
)
REQUEST_ID = OpenApiParameter(
    "X-Request-ID",
    str,
    OpenApiParameter.HEADER,
    description="Names the request in our logs and comes back in the answer; made up if absent.",
)

ALWAYS = (401, 403, 406, 429, 500, 503)
WITH_BODY = (400, 411, 413, 415, 422)
WITH_KEY = (400, 409, 422)


class BearerSchemes(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The two things that a bearer may be, as OpenAPI says it; either opens the door, if its scopes do."""

    target_class = "apps.api.authentication.BearerAuthentication"
    name = ["apiKey", "oauth2"]

    def get_security_definition(self, _auto_schema: AutoSchema) -> list[dict[str, Any]]:
        """The scheme objects."""
        key = {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "ak_live_… or ak_test_…",
            "description": "An API key, made by `manage.py create_api_client`.",
        }
        scopes = {name: str(description) for name, description in SCOPES.items()}
        token = {
            "type": "oauth2",
            "description": "An access token for some minutes, for a client secret or an assertion signed with a "
            "key of the client's own (`private_key_jwt`, ES384 or RS384).",
            "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": scopes}},
        }
        return [key, token]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        """A key or a token, with the scopes that the operation takes."""
        scopes = list(needed_scopes(auto_schema.view, str(auto_schema.method)) or ())
        return [{"apiKey": scopes}, {"oauth2": scopes}]


class Schema(AutoSchema):
    """Adds to every operation what the base view does without being told."""

    def get_override_parameters(self) -> list[Any]:
        """Shared headers."""
        shared = [REQUEST_ID]
        if self.method == "POST" and isinstance(self.view, IdempotentMixin):
            shared.append(IDEMPOTENCY_KEY)
        return [*super().get_override_parameters(), *shared]

    def get_tags(self) -> list[str]:
        """The part of the API: the first word after the version."""
        words = [word for word in self.path.split("/") if word not in {"", "api", "v1"}]
        return words[:1]

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """The operation, with the problems it may answer."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        statuses = set(ALWAYS)
        if self.method in {"POST", "PUT", "PATCH"}:
            statuses |= set(WITH_BODY)
        if self.method == "POST" and isinstance(self.view, IdempotentMixin):
            statuses |= set(WITH_KEY)
        if "{" in self.path:
            statuses.add(404)
        if any(parameter["in"] == "query" for parameter in operation.get("parameters", ())):
            statuses |= {400, 422}
        statuses |= set(getattr(self.view, "problems", ()))
        for status in sorted(statuses):
            operation["responses"].setdefault(str(status), {"$ref": f"#/components/responses/Problem{status}"})
        return operation


def add_problem_schema(result: dict[str, Any], **_context: object) -> dict[str, Any]:
    """Postprocessing hook: the component that every refusal refers to."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    components["responses"] = {
        f"Problem{status}": {"description": str(title), "content": content} for status, title in TITLES.items()
    }
    return result
