"""The catalogue: every zoo model by name, with its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from byoc.testing.zoo._packages import Shipped

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, slots=True)
class ZooInput:
    """One input of a zoo model. Values lie in [low, high]; both may be equal, a fixed value.

    `text` is for models that look for it: lines of dark marks on a light page.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    low: float = -1.0
    high: float = 1.0
    text: bool = False


@dataclass(frozen=True, slots=True)
class ZooModel:
    """One model of the zoo. `shipped` is None unless a package other than onnx has to be installed for it."""

    name: str
    summary: str
    inputs: tuple[ZooInput, ...]
    build: Callable[[], onnx.ModelProto] | None = None
    shipped: Shipped | None = None

    @property
    def available(self) -> bool:
        """Whether `load` can give it here."""
        return self.shipped is None or self.shipped.file() is not None

    def load(self) -> onnx.ModelProto:
        """Build or read the model. Raises UsageError when its package is missing."""
        if self.shipped is not None:
            return self.shipped.load(self.name, {each.name: each.shape for each in self.inputs})
        assert self.build is not None, "a model is built or shipped"
        return self.build()


def _light(name: str) -> Callable[[], onnx.ModelProto]:
    def build() -> onnx.ModelProto:
        from byoc.testing.zoo import _light

        return _light.load(name)

    return build


def _transformer() -> onnx.ModelProto:
    from byoc.testing.zoo import _transformer

    return _transformer.load()


def _qdq_cnn() -> onnx.ModelProto:
    from byoc.testing.zoo import _qdq_cnn

    return _qdq_cnn.load()


def _classifier(name: str, summary: str, data: str = "data_0") -> ZooModel:
    image = ZooInput(data, (1, 3, 224, 224), low=-2.0, high=2.0)
    return ZooModel(name, summary, (image,), build=_light(name))


def _rapidocr(name: str, summary: str, file: str, shape: tuple[int, ...]) -> ZooModel:
    shipped = Shipped("rapidocr-onnxruntime", "rapidocr_onnxruntime", f"models/{file}")
    return ZooModel(name, summary, (ZooInput("x", shape, text=True),), shipped=shipped)


_WINDOW: Final = ZooInput("input", (1, 576), low=-0.5, high=0.5)
_STATE: Final = ZooInput("state", (2, 1, 128), low=-0.1, high=0.1)
_RATE: Final = ZooInput("sr", (), "int64", 16000, 16000)


def _silero(suffix: str, summary: str, *inputs: ZooInput) -> ZooModel:
    file = f"silero_vad{suffix.replace('-', '_')}.onnx"
    # With a bound window onnxruntime infers the branch for the other sample rate, and refuses the model.
    symbolic = not suffix
    shipped = Shipped("silero-vad", "silero_vad", f"data/{file}", symbolic)
    return ZooModel(f"silero-vad{suffix}", summary, inputs, shipped=shipped)


_MODELS: Final = (
    _classifier("resnet50", "ResNet-50: residual blocks, 1x1 and 3x3 convolutions", "gpu_0/data_0"),
    _classifier("densenet121", "DenseNet-121: concatenation, batch norm first"),
    _classifier("inception_v1", "GoogLeNet: parallel branches, LRN"),
    _classifier("inception_v2", "Inception v2: parallel branches, batch norm"),
    _classifier("shufflenet", "ShuffleNet v1: grouped and depthwise, shuffles", "gpu_0/data_0"),
    _classifier("squeezenet", "SqueezeNet 1.1: fire modules"),
    _classifier("vgg19", "VGG-19: plain 3x3 convolutions, 575 MB of weights"),
    _classifier("alexnet", "AlexNet: 11x11 and grouped convolutions, LRN"),
    _classifier("zfnet512", "ZFNet-512: 7x7 and 5x5 convolutions, LRN", "gpu_0/data_0"),
    ZooModel(
        "transformer",
        "BERT-like encoder of 4 layers, as PyTorch exports it",
        (
            ZooInput("input_ids", (1, 128), "int64", 0, 2000),
            ZooInput("attention_mask", (1, 128), "int64", 1, 1),
        ),
        build=_transformer,
    ),
    ZooModel(
        "qdq_cnn",
        "Residual CNN in int8 QDQ, as onnxruntime quantises",
        (ZooInput("data", (1, 3, 64, 64), low=-2.0, high=2.0),),
        build=_qdq_cnn,
    ),
    _rapidocr(
        "rapidocr-det",
        "PP-OCRv4 text detection: hard swish, resize",
        "ch_PP-OCRv4_det_infer.onnx",
        (1, 3, 320, 320),
    ),
    _rapidocr(
        "rapidocr-rec",
        "PP-OCRv4 text recognition: CNN, then attention",
        "ch_PP-OCRv4_rec_infer.onnx",
        (1, 3, 48, 320),
    ),
    _rapidocr(
        "rapidocr-cls",
        "PP-OCR text direction: MobileNetV3",
        "ch_ppocr_mobile_v2.0_cls_infer.onnx",
        (1, 3, 48, 192),
    ),
    _silero("", "Silero VAD: the whole model inside an If", _WINDOW, _STATE, _RATE),
    _silero("-16k-op15", "Silero VAD at 16 kHz, opset 15", _WINDOW, _STATE, _RATE),
    _silero(
        "-16k-sequence",
        "Silero VAD at 16 kHz over a sequence of windows: LSTM",
        ZooInput("input", (4, 576), low=-0.5, high=0.5),
        ZooInput("h", (1, 1, 128), low=-0.1, high=0.1),
        ZooInput("c", (1, 1, 128), low=-0.1, high=0.1),
    ),
    _silero("-half", "Silero VAD at 16 kHz, weights in float16", _WINDOW, _STATE),
    _silero("-op18-ifless", "Silero VAD, opset 18", _WINDOW, _RATE, _STATE),
    _silero("-openvino-16k", "Silero VAD at 16 kHz, unrolled for OpenVINO", _WINDOW, _STATE),
)

CATALOGUE: Final[Mapping[str, ZooModel]] = {model.name: model for model in _MODELS}
