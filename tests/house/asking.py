"""A web process without a port: requests as JSON on its standard input, answers on its output."""

import json
import sys

import django


def main() -> None:
    """Answer every request in turn."""
    django.setup()
    from django.test import Client

    replies = []
    for call in json.load(sys.stdin):
        headers = {"Authorization": f"Bearer {call['key']}"} | call["headers"]
        web = Client(raise_request_exception=False, SERVER_NAME="localhost", headers=headers)
        if call["body"] is None:
            reply = web.get(call["path"])
        else:
            reply = web.post(call["path"], call["body"], content_type="application/json")
        text = reply.content.decode()
        replies.append({"status": reply.status_code, "headers": dict(reply.headers), "text": text})
    print(json.dumps(replies))


if __name__ == "__main__":
    main()
