"""What a node of a cluster is refused for."""

from harness.engines.ray.preflight import differences, versions


def test_a_node_like_the_driver_is_taken():
    assert differences(True, versions(), versions()) == []


def test_each_difference_is_named():
    here = {"torch": "2.9", "ray": "2.60"}
    said = differences(False, {"torch": "2.8", "ray": "2.60"}, here)
    assert said == ["its results folder is not the one here: share it", "torch 2.8, here 2.9"]
