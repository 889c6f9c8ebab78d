"""The detector around a feature network: backbone, heads, anchors, losses, postprocessing."""

from harness.detector.model import Detector, build
from harness.detector.outputs import Outputs
from harness.detector.segmenter import Segmenter, build_segmenter

__all__ = ["Detector", "Outputs", "Segmenter", "build", "build_segmenter"]
