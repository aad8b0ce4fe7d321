"""Reading a checkpoint folder that nobody vouches for but its digest.

A folder is `config.json`, safetensors and small text files, sealed by `SHA256SUMS`; the sha256 of
that file is the checkpoint's digest. Nothing here unpickles, imports from a folder or asks a network.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn
from transformers import (
    DeepseekV2Config,
    DeepseekV2ForCausalLM,
    DeepseekV3Config,
    DeepseekV3ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3MoeConfig,
    Qwen3MoeForCausalLM,
)
from transformers.utils import logging as transformers_logging

from inference.api import CategoryField, CheckpointRefused, EventSchema, ModelRef, Precision
from inference.bodies.llama import LlamaBody, make_llama_body
from inference.config import DENSE, EngineConfig, SparsePattern
from inference.encoders.events import EventEncoder
from inference.memory import keep_freed_pages
from inference.native.attention import PagedAttention, find_attention
from inference.native.events import EventKernel
from inference.native.selftest import KERNEL_SET, native_library
from inference.placement import place_on_device
from inference.quantization.head import keep_head_exact
from inference.quantization.int8 import weight_bytes
from inference.quantization.kernels import choose_kernels
from inference.quantization.rowwise import RowTiles
from inference.quantization.shortlist import Shortlist, make_shortlist
from inference.quantization.swap import quantize_linears, to_bfloat16
from inference.sealed import SealedFolder, digest_of, write_sums
from inference.team import Alone, Team
from inference.threads import one_thread
from inference.tokenizer import Tokenizer

__all__ = ["LoadedModel", "digest_of", "load_checkpoint", "write_sums"]

ENCODER_PREFIX = "event_encoder."
FAMILIES: dict[str, tuple[Any, type[PreTrainedModel]]] = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "mistral": (MistralConfig, MistralForCausalLM),
    "gemma3_text": (Gemma3TextConfig, Gemma3ForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
    "qwen3_moe": (Qwen3MoeConfig, Qwen3MoeForCausalLM),
    "deepseek_v2": (DeepseekV2Config, DeepseekV2ForCausalLM),
    "deepseek_v3": (DeepseekV3Config, DeepseekV3ForCausalLM),
}
# Keys by which transformers would import code, fetch kernels or start a quantizer of its own.
FORBIDDEN_KEYS = frozenset({"auto_map", "custom_pipelines", "quantization_config", "use_kernels"})
FORBIDDEN_PARTS = ("attn_implementation", "experts_implementation")
# What would change attention or logits in a way that the engine does not compute.
UNSERVED_KEYS = ("use_bidirectional_attention", "attn_logit_softcapping", "final_logit_softcapping")
WEIGHT_DTYPES = frozenset({"F32", "F16", "BF16"})
MAX_HEADER_BYTES = 16 << 20
MAX_CONFIG_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A checkpoint in memory, in the precision it will run at.

    Attributes:
        model: in evaluation mode, no parameter needs a gradient.
        event_encoder: float32, [T, N] numbers and [T, C] codes to [T, hidden], each row's bits
            independent of the other rows; None for a checkpoint that reads tokens only.
        window: the most positions that a record and one question may have together.
        weight_bytes: held by the weights, for the memory budget.
        team: the processes that hold it together.
        body: stands in for the model's decoder layers, which are then gone; None where those serve.
        tokenizer: of the folder's `tokenizer.json`, if it has one.
        ends: token ids that the checkpoint names as ends of text.
        shortlist: finds the likeliest token of a large exact head; None where the head itself does.
        attention: reads the pool itself; None where contexts are gathered for torch.
        sparse: which tiles of a long record are attended to.
        event_kernel: computes what the event encoder does where there is a body, in an order of its own.
    """

    name: str
    ref: ModelRef
    model: PreTrainedModel
    event_encoder: RowTiles | None
    schema: EventSchema | None
    window: int
    weight_bytes: int
    team: Team = field(default_factory=Alone)
    body: LlamaBody | None = None
    tokenizer: Tokenizer | None = None
    ends: frozenset[int] = frozenset()
    shortlist: Shortlist | None = None
    attention: PagedAttention | None = None
    sparse: SparsePattern = DENSE
    event_kernel: EventKernel | None = None


@one_thread()
def load_checkpoint(
    path: Path,
    *,
    name: str,
    config: EngineConfig,
    expected_digest: str | None = None,
    divide: Callable[[PreTrainedModel], None] | None = None,
) -> LoadedModel:
    """Verify a checkpoint folder and bring it into memory at the configured precision.

    INT8 swaps the decoder's linear layers and runs everything else in bfloat16; the event encoder
    and a small head stay float32 whatever the precision. The process keeps freed memory from then on.
    ``divide`` takes out what other processes hold, before anything is quantized.

    Raises:
        CheckpointRefused: a file is missing, altered, unlisted or of a kind that may carry code; the
            digest differs; the configuration is not a family we run; tensors do not fit it; the device
            lacks the precision.
    """
    keep_freed_pages()
    folder = SealedFolder(path, expected_digest=expected_digest)
    folder.verify()
    settings = _read_config(folder.read("config.json"))
    weights = _read_weights(folder)
    encoder_weights = {key: weights.pop(key) for key in tuple(weights) if key.startswith(ENCODER_PREFIX)}
    head = weights.get("lm_head.weight", weights.get("model.embed_tokens.weight"))
    model = _build_decoder(settings, weights, config.precision)
    if divide is not None:
        divide(model)
    schema, window = _read_assay(settings, model.config.max_position_embeddings)
    encoder = _build_encoder(schema, model.config.hidden_size, encoder_weights)
    kernels, body, device = "plain", None, torch.device(config.device)
    if device.type != "cpu" or config.precision is Precision.FP8:
        kernels = place_on_device(model, device=device, precision=config.precision)
    elif config.precision is Precision.INT8:
        kernels, body = _quantize(model, config)
    if config.precision is not Precision.FP32 and head is not None:
        keep_head_exact(model, head)
    attention = find_attention(model.config, config)
    named = (kernels, "paged" if attention else "", config.sparse.name)
    nn.Module.to(model, config.device)  # the library's override is typed for its own class alone
    shortlist = make_shortlist(model) if device.type == "cpu" else None
    return LoadedModel(
        name=name,
        ref=ModelRef(
            name=name, digest=folder.digest, precision=config.precision, kernels="+".join(filter(None, named))
        ),
        model=model,
        event_encoder=encoder if encoder is None else encoder.to(config.device),
        schema=schema,
        window=window,
        weight_bytes=sum(map(weight_bytes, filter(None, (model, encoder))))
        + sum(part.weight_bytes for part in (body, shortlist) if part is not None),
        body=body,
        tokenizer=_read_tokenizer(folder, model.config.vocab_size),
        ends=_read_ends(folder, model.config.vocab_size),
        shortlist=shortlist,
        attention=attention,
        sparse=config.sparse,
        event_kernel=None if body is None or encoder is None else EventKernel(body.library, encoder.inner),
    )


def _quantize(model: PreTrainedModel, config: EngineConfig) -> tuple[str, LlamaBody | None]:
    """Bring the decoder layers to W8A8: into a body of our own, or in place. Returns the kernel set and the body."""
    library = native_library(config)
    body = None if library is None else make_llama_body(model, library)
    if body is None:
        kernels = choose_kernels()
        quantize_linears(model, kernels=kernels)
        return kernels, None
    model.base_model.layers = nn.ModuleList([_Elsewhere()])
    to_bfloat16(model)
    return KERNEL_SET, body


class _Elsewhere(nn.Module):
    """Stands where the layers were that a body took over."""

    def forward(self, *_args: object, **_kwargs: object) -> Tensor:
        """Raises RuntimeError."""
        raise RuntimeError("this model's layers are in LoadedModel.body")


def _read_tokenizer(folder: SealedFolder, vocabulary: int) -> Tokenizer | None:
    if "tokenizer.json" not in folder.names:
        return None
    tokenizer = Tokenizer(folder.read("tokenizer.json"))
    if tokenizer.size > vocabulary:
        raise CheckpointRefused("tokenizer.json has more tokens than the model")
    return tokenizer


def _read_ends(folder: SealedFolder, vocabulary: int) -> frozenset[int]:
    """Ends of text by `config.json` and `generation_config.json`: no number, one, or a list, in each."""
    ends: set[int] = set()
    for name in {"config.json", "generation_config.json"}.intersection(folder.names):
        try:
            named = json.loads(folder.read(name)).get("eos_token_id")
        except (ValueError, AttributeError) as error:
            raise CheckpointRefused(f"{name} is not a JSON object") from error
        listed = named if isinstance(named, list) else [named]
        if not all(token is None or (type(token) is int and 0 <= token < vocabulary) for token in listed):
            raise CheckpointRefused(f"{name} names an end of text outside the vocabulary")
        ends.update(token for token in listed if token is not None)
    return frozenset(ends)


def _read_config(content: bytes) -> dict[str, Any]:
    if len(content) > MAX_CONFIG_BYTES:
        raise CheckpointRefused("config.json is too large")
    try:
        settings = json.loads(content)
    except ValueError as error:
        raise CheckpointRefused("config.json is not JSON") from error
    if not isinstance(settings, dict):
        raise CheckpointRefused("config.json is not an object")
    _refuse_keys(settings)
    if settings.get("model_type") not in FAMILIES:
        raise CheckpointRefused(f"model_type must be one of {', '.join(FAMILIES)}")
    for key in UNSERVED_KEYS:
        if settings.get(key):
            raise CheckpointRefused(f"{key} is not served")
    return settings


def _refuse_keys(value: object) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in FORBIDDEN_KEYS or any(part in key for part in FORBIDDEN_PARTS):
                raise CheckpointRefused(f"config.json may not set {key}")
            _refuse_keys(inner)
    elif isinstance(value, list):
        for inner in value:
            _refuse_keys(inner)


def _read_weights(folder: SealedFolder) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}
    for name in folder.names:
        if name.endswith(".safetensors"):
            shard = _read_shard(name, folder.read(name))
            if shard.keys() & weights.keys():
                raise CheckpointRefused(f"{name} repeats a tensor of another file")
            weights |= shard
    if not weights:
        raise CheckpointRefused("the checkpoint has no safetensors file")
    return weights


def _read_shard(name: str, content: bytes) -> dict[str, Tensor]:
    header_bytes = int.from_bytes(content[:8], "little")
    if len(content) < 8 or header_bytes > min(MAX_HEADER_BYTES, len(content) - 8):
        raise CheckpointRefused(f"{name} announces an absurd header")
    try:
        header = json.loads(content[8 : 8 + header_bytes])
        dtypes = {entry["dtype"] for key, entry in header.items() if key != "__metadata__"}
        if not dtypes <= WEIGHT_DTYPES:
            raise CheckpointRefused(f"{name} holds a dtype other than {', '.join(sorted(WEIGHT_DTYPES))}")
        shard: dict[str, Tensor] = load_safetensors(content)
    except (ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise CheckpointRefused(f"{name} is not a safetensors file") from error
    return shard


def _build_decoder(settings: dict[str, Any], weights: dict[str, Tensor], precision: Precision) -> PreTrainedModel:
    config_class, model_class = FAMILIES[settings["model_type"]]
    dtypes = {Precision.FP32: torch.float32, Precision.FP16: torch.float16, Precision.BF16: torch.bfloat16}
    dtype = dtypes.get(precision, next(iter(weights.values())).dtype)  # INT8 is rounded once, from the file
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        config = config_class(**{key: value for key, value in settings.items() if key != "assay"})
        loaded: Any = model_class.from_pretrained(
            None,  # no folder: the tensors are handed over
            config=config,
            state_dict=weights,
            dtype=dtype,
            output_loading_info=True,
        )
    except (RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointRefused("the tensors do not fit config.json") from error
    model, report = loaded
    wrong = sorted(str(key) for keys in report.values() for key in keys)
    if wrong:
        raise CheckpointRefused(f"missing, unknown or misshapen tensors: {', '.join(wrong[:5])}")
    decoder: PreTrainedModel = model.eval().requires_grad_(requires_grad=False)
    return decoder


def _read_assay(settings: dict[str, Any], longest: int) -> tuple[EventSchema | None, int]:
    if "assay" not in settings:
        return None, longest
    try:
        fields = settings["assay"]["event_schema"]
        schema = EventSchema(
            version=str(fields["version"]),
            numbers=tuple(map(str, fields["numbers"])),
            categories=tuple(
                CategoryField(name=str(item["name"]), size=int(item["size"])) for item in fields["categories"]
            ),
        )
        window = int(settings["assay"]["window"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointRefused('config.json has an "assay" part that cannot be read') from error
    if not 0 < window <= longest:
        raise CheckpointRefused("the window is longer than the model's positions")
    return schema, window


def _build_encoder(schema: EventSchema | None, hidden_size: int, weights: dict[str, Tensor]) -> RowTiles | None:
    if (schema is None) != (not weights):
        raise CheckpointRefused("an event schema and an event encoder come together or not at all")
    if schema is None:
        return None
    encoder = EventEncoder(schema, hidden_size)
    try:
        encoder.load_state_dict({key.removeprefix(ENCODER_PREFIX): value.float() for key, value in weights.items()})
    except RuntimeError as error:
        raise CheckpointRefused("the event encoder's tensors do not fit its schema") from error
    return RowTiles(encoder.eval().requires_grad_(requires_grad=False))
