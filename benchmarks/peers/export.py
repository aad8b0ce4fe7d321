"""A checkpoint in a peer's own format: ``python -m benchmarks.peers.export openvino|ctranslate2 MODEL FOLDER``.

Runs in the peers' environment. The folder appears when it is complete.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any


def openvino(model: str, folder: Path) -> None:
    """By optimum-intel: INT8 weights, one scale a row, as GenAI's pipelines read them; with the tokenizer."""
    intel: Any = import_module("optimum.intel")
    tokenizer = import_module("transformers").AutoTokenizer.from_pretrained(model)
    int8 = intel.OVWeightQuantizationConfig(bits=8, sym=False)
    exported = intel.OVModelForCausalLM.from_pretrained(model, export=True, compile=False, quantization_config=int8)
    exported.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    graphs = import_module("openvino_tokenizers").convert_tokenizer(tokenizer, with_detokenizer=True)
    for graph, name in zip(graphs, ("tokenizer", "detokenizer"), strict=True):
        import_module("openvino").save_model(graph, folder / f"openvino_{name}.xml")


def ctranslate2(model: str, folder: Path) -> None:
    """By its own converter: INT8 weights."""
    converters: Any = import_module("ctranslate2.converters")
    converters.TransformersConverter(model).convert(str(folder), quantization="int8")


def main(kind: str, model: str, folder: str) -> None:
    """Export, unless it is there."""
    target, unfinished = Path(folder), Path(f"{folder}.unfinished")
    if not target.exists():
        {"openvino": openvino, "ctranslate2": ctranslate2}[kind](model, unfinished)
        unfinished.rename(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
