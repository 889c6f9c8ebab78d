"""What fits a network that is taken home into a detection library, as text.

`NETWORK` stands for the name of its class. Only this part of a file imports the library.
"""

RULE = "# " + "-" * 98

MMDET = '''\
from mmdet.registry import MODELS  # noqa: E402


@MODELS.register_module()
class NETWORKNeck(nn.Module):
    """For mmdetection: `neck=dict(type="NETWORKNeck", in_channels=[...])`.

    in_channels: of the maps that the backbone gives (its `out_indices`).
    """

    def __init__(self, in_channels: Sequence[int]) -> None:
        super().__init__()
        self.network = NETWORK()
        given, wanted = tuple(in_channels), self.network.channels_in
        if given != wanted:
            raise ValueError(f"in_channels {given}: this neck is written for {wanted}")

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(self.network.forward_list(inputs))
'''

DETECTRON2 = '''\
from detectron2.layers import ShapeSpec  # noqa: E402
from detectron2.modeling import Backbone  # noqa: E402


class NETWORKBackbone(Backbone):
    """For detectron2: a backbone with the network on its maps.

    bottom_up: any backbone. in_features: its maps, finest first: `("res3", "res4", "res5")`.
    """

    def __init__(self, bottom_up: Backbone, in_features: Sequence[str]) -> None:
        super().__init__()
        self.bottom_up, self.in_features = bottom_up, tuple(in_features)
        self.network = NETWORK()
        shapes = bottom_up.output_shape()
        given = tuple((shapes[name].channels, shapes[name].stride) for name in in_features)
        wanted = tuple(zip(self.network.channels_in, self.network.strides_in, strict=True))
        if given != wanted:
            raise ValueError(f"channels and strides {given}: it is written for {wanted}")

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        maps = self.bottom_up(image)
        made = self.network.forward_list([maps[name] for name in self.in_features])
        return dict(zip(self.network.levels_out, made, strict=True))

    def output_shape(self) -> dict[str, ShapeSpec]:
        ends = zip(self.network.channels_out, self.network.strides_out, strict=True)
        shapes = [ShapeSpec(channels=channels, stride=stride) for channels, stride in ends]
        return dict(zip(self.network.levels_out, shapes, strict=True))

    @property
    def size_divisibility(self) -> int:
        """The coarsest stride, so that every map is a whole part of the padded image."""
        return max(self.network.strides_in + self.network.strides_out)
'''

ULTRALYTICS = '''\
from ultralytics.nn import tasks  # noqa: E402


class NETWORKNeck(nn.Module):
    """For ultralytics, a layer that reads several: `[[4, 6, 9], 1, NETWORKNeck, []]`.

    It gives a list. Layers of `Index` behind it pick a map each, the finest by
    `[10, 1, Index, [channels, 0]]`. `parse_model` in ultralytics/nn/tasks.py must be told
    of it, before its `else`:

        elif m.__name__ == "NETWORKNeck":
            c2 = m.channels_out[0]
    """

    channels_out = NETWORK.channels_out

    def __init__(self) -> None:
        super().__init__()
        self.network = NETWORK()

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        return self.network.forward_list(maps)


tasks.NETWORKNeck = NETWORKNeck  # `parse_model` looks for names there
'''

_WRAPPERS = {"mmdet": MMDET, "detectron2": DETECTRON2, "ultralytics": ULTRALYTICS}
LIBRARIES = tuple(_WRAPPERS)


def wrapper(library: str, network: str) -> str:
    """The part of a file that fits a class into a library."""
    return f"{RULE}\n# For {library}.\n{RULE}\n\n" + _WRAPPERS[library].replace("NETWORK", network)
