"""The detector around a feature network: backbone, heads, anchors, losses, postprocessing."""

from harness.detector.model import Detector, build
from harness.detector.outputs import Outputs

__all__ = ["Detector", "Outputs", "build"]
