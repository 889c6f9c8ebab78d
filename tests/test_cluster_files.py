"""Files for clusters: as far as they can be checked without one."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

FILES = Path(__file__).parents[1] / "examples" / "cluster"


def test_scripts_are_bash():
    for file in FILES.glob("*.sbatch"):
        subprocess.run(["bash", "-n", str(file)], check=True)


def test_ray_knows_every_field_of_the_cluster_file():
    schema_file = pytest.importorskip("ray.autoscaler").__path__[0] + "/ray-schema.json"
    jsonschema = pytest.importorskip("jsonschema")
    tree = yaml.safe_load((FILES / "ray_up.yaml").read_text())
    jsonschema.validate(tree, json.loads(Path(schema_file).read_text()))
