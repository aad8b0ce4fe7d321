"""Prompts as tokens: by the checkpoint's own chat template where it has one, plainly where not. Free of torch."""

import json
from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

from inference.api import InvalidRequest
from inference.sealed import SealedFolder
from inference.tokenizer import Tokenizer

PLAIN = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
_render: Any = render_jinja_template  # conversations in; texts and spans out, whatever its annotation says
SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token")


class Wording:
    """How one checkpoint wants to be spoken to. Safe from any thread.

    Templates come with the checkpoint, sealed like its weights, and run in jinja's immutable sandbox.
    """

    def __init__(self, tokenizer: Tokenizer, *, template: str = PLAIN, special: dict[str, str] | None = None) -> None:
        self._tokenizer = tokenizer
        self._options = {"chat_template": template, "add_generation_prompt": True} | (special or {})

    def text(self, text: str) -> tuple[int, ...]:
        """Tokens of a text as it is."""
        return self._tokenizer.encode(text)

    def conversation(self, messages: Sequence[dict[str, str]]) -> tuple[int, ...]:
        """Tokens of a conversation, up to where the assistant is to go on.

        Args:
            messages: ``role`` and ``content`` each.

        Raises:
            InvalidRequest: the template refuses them, as those do that want turns to alternate.
        """
        try:
            rendered = _render([list(messages)], **self._options)
        except TemplateError:
            raise InvalidRequest("the model's chat template refuses these messages") from None
        return self._tokenizer.encode(rendered[0][0])


def read_wording(folder: SealedFolder, tokenizer: Tokenizer) -> Wording:
    """The wording of a checkpoint: of ``chat_template.jinja``, or of ``tokenizer_config.json``, or the plain one."""
    told: dict[str, Any] = {}
    if "tokenizer_config.json" in folder.names:
        told = json.loads(folder.read("tokenizer_config.json"))
    template = told.get("chat_template")
    if "chat_template.jinja" in folder.names:
        template = folder.read("chat_template.jinja").decode()
    special = {name: _content(told[name]) for name in SPECIAL if told.get(name)}
    return Wording(tokenizer, template=template if isinstance(template, str) else PLAIN, special=special)


def _content(token: Any) -> str:
    return str(token["content"] if isinstance(token, dict) else token)
