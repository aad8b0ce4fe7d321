"""The limits' headers on the OpenAPI page."""

from typing import Any

HEADERS: dict[str, Any] = {
    "RateLimit-Policy": {
        "description": "What you may send (draft-ietf-httpapi-ratelimit-headers-10): by policy the quota `q` in any "
        "window of `w` seconds. Requests count, or rows where history is told.",
        "schema": {"type": "string", "examples": ['"scoring-client";q=6000;w=60, "scoring-institution";q=12000;w=60']},
    },
    "RateLimit": {
        "description": "What is left of it: `r`, and after how many seconds `t` some of what is used comes back.",
        "schema": {"type": "string", "examples": ['"scoring-client";r=5990;t=64, "scoring-institution";r=11200;t=61']},
    },
    "Retry-After": {
        "description": "Whole seconds after which trying again may help.",
        "schema": {"type": "integer", "minimum": 1},
    },
}
METHODS = ("get", "put", "post", "patch", "delete")


def add_limit_headers(result: dict[str, Any], **_context: object) -> dict[str, Any]:
    """Postprocessing hook: every answer of the versioned API says what is left, and refusals when to come back."""
    components = result["components"]
    components["headers"] = HEADERS
    told = {name: {"$ref": f"#/components/headers/{name}"} for name in ("RateLimit-Policy", "RateLimit")}
    for path, operations in result["paths"].items():
        for method in METHODS:
            if path.startswith(("/api/v1/", "/v1/")) and method in operations:
                _add(operations[method]["responses"], told)
    again = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    for status in ("429", "503"):
        components["responses"][f"Problem{status}"]["headers"] = again
    return result


def _add(responses: dict[str, Any], headers: dict[str, Any]) -> None:
    for status, response in responses.items():
        if status.startswith("2"):
            response.setdefault("headers", {}).update(headers)
