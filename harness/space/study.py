"""What a study file says. Read by `harness.space.profiles.load_study`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from harness.errors import SpecError
from harness.space.ablation import AblationStudy
from harness.space.base import Frozen
from harness.space.compound import Compound, Positive
from harness.space.data import DataSpec
from harness.space.model import AnchorSpec, Count
from harness.space.overlay import Placed
from harness.space.printed import Printed
from harness.space.recipe import Recipe
from harness.space.search_spec import SearchSpec

ARM = "arm"
"""Stands for the arms where an axis is asked for: a family of each arm."""

SEEDS = "seeds"
"""Field of an arm that is no part of its network: which seeds it has."""


def seeds_said(said: int | Sequence[int]) -> tuple[int, ...]:
    """A number of seeds counts from 0; a list is which."""
    return tuple(range(said)) if isinstance(said, int) else tuple(said)


def _figure(text: str | float) -> str:
    try:
        return Printed.read(text).text
    except SpecError as error:
        raise ValueError(error.faults[0].message) from None


class SourceStudy(Frozen):
    """The trial that trains the backbone: its own model and recipe, the study's images.

    It takes the study's backbone and image size, and nothing from its arms, axes or recipe.
    """

    model: dict[str, Any] = Field(default_factory=dict)
    recipe: dict[str, Any] = Field(default_factory=dict)
    data: dict[str, Any] = Field(default_factory=dict)
    seed: int = 0


class BackboneStudy(Frozen):
    """As `BackboneSpec`, with a source still to be bound."""

    name: str
    checkpoint: str | None = None
    source: SourceStudy | None = None
    frozen: Literal["none", "all"] | Count = "none"
    frozen_norms: bool = False
    drop_path: Annotated[float, Field(ge=0, lt=1)] = 0.0


class NetworkStudy(BaseModel):
    """A topology and any of its fields (`fuse`, `rows.out.fuse`, ...)."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    topology: str | dict[str, Any]
    """By name or file; or outright, as a file of its own would say it."""
    width: Count | None = None
    """Channels of every map; None where the compound rule says it."""
    repeats: Count | None = None
    """None: the compound rule's, else the topology's own."""
    levels: tuple[int, int] | None = None
    align: bool = False
    """Whether outputs of other widths get a 1x1 convolution to `width`, for the shared heads."""

    @property
    def fields(self) -> Mapping[str, Any]:
        """Fields of the topology that the study sets, by dotted path."""
        return self.model_extra or {}


class HeadStudy(Frozen):
    """As `HeadSpec`; `tied` makes the heads as wide as the feature network."""

    kind: str = "efficientdet"
    width: Literal["tied"] | Count = "tied"
    depth: Count = 3
    anchors: AnchorSpec = AnchorSpec()
    prior: Annotated[float, Field(gt=0, lt=1)] = 0.01


class ModelStudy(Frozen):
    """The detector, before a choice is applied."""

    image_size: Annotated[int, Field(ge=32)] = 512
    pretrained: bool = False
    """timm's weights for the backbone."""
    backbone: BackboneStudy
    feature_network: NetworkStudy
    head: HeadStudy = HeadStudy()
    compound: Compound | None = None


class CostsStudy(Frozen):
    """What a published table's costs are of, so that ours can be printed beside them.

    It stands in the profile that is in the paper's setting: elsewhere costs compare to nothing.
    """

    part: str | None = None
    """`feature_network`, `backbone`, `class_head`, `box_head`; None is the whole model."""
    convention: str = "multiply_adds"
    """How FLOPs are counted: a name of `harness.space.counting`."""
    relative_to: str | None = None
    """The arm that ratios are of."""
    classes: Count | None = None
    """Classes these costs are for (COCO's detectors have 90 outputs); None is the data's. A plan
    takes them, too, where a `coco` study says no `data.root`."""


class ReportStudy(Frozen):
    """What the report shows."""

    note: str = ""
    """Said above the results: what this profile can and cannot show."""
    cost: Literal["closed_form", "fvcore"] = "closed_form"
    costs: CostsStudy | None = None
    """What `published` counts."""
    family: str | None = None
    """An axis whose values are families, or `arm`: compared by AP against log cost."""
    contrasts: tuple[tuple[str, str], ...] = ()
    """Pairs of arms compared seed by seed; none is each arm against the baseline."""
    test: Literal["permutation", "paired_t"] = "permutation"
    """The primary test of a difference over seeds: an exact permutation between two arms, or a
    paired t (from six pairs on) where runs of one seed go up and down together."""
    tuned: str | None = None
    """An axis each arm is tuned over: the report shows the best value of each arm."""
    spine: tuple[str, ...] = ()
    """Arms that follow from each other by one change each."""
    by_need: bool = False
    """Whether the answer says the largest difference to the baseline by what classes need."""
    published_detectors: bool = False
    """Whether the Pareto plot shows published detectors (COCO), quoted and not ranked."""


PrintedText = Annotated[str | float | int, AfterValidator(_figure)]
"""A figure as the literature prints it: `44.39`, `24B`, `0.71x` (see `harness.space.printed`)."""


class PublishedRow(Frozen):
    """One row of a published table. Quoted, never ranked with what is measured."""

    arm: str | None = None
    """The arm of this study that the row is of; None where the study has none."""
    also: tuple[str, ...] = ()
    """Other arms that the row may be of, where the paper leaves it open: ours is a range."""
    label: str = ""
    """As the table calls it; the arm's name where it is left out."""
    figures: dict[str, PrintedText] = Field(default_factory=dict)
    """By column (`ap`, `params`, `macs`, `params_ratio`, `macs_ratio`, ...); AP in percent."""
    note: str = ""
    """The reason of a difference, or what is open."""

    @property
    def arms(self) -> tuple[str, ...]:
        """Every arm that the row may be of, the likeliest first."""
        return ((self.arm,) if self.arm else ()) + self.also


class PublishedTable(Frozen):
    """What a paper prints for the question of a study."""

    source: str
    """Paper, version, table; split of the data."""
    note: str = ""
    """What is stated of the setting, and what is inferred."""
    rows: tuple[PublishedRow, ...] = ()


class StudySpec(Frozen):
    """A whole study file with its profile applied."""

    question: str
    model: ModelStudy
    vary: dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]] = Field(default_factory=dict)
    """Values by dotted path; the study runs their product."""
    arms: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Named points: values by dotted path. Each is crossed with `vary`. An arm's own `seeds` stand
    in place of the study's: one network under two names is compared by other seeds."""
    seeds: Annotated[int, Field(ge=1)] | Annotated[tuple[int, ...], Field(min_length=1)] = 1
    """How many (counted from 0), or which."""
    recipe: Recipe = Recipe()
    data: DataSpec = DataSpec()
    ablation: AblationStudy | None = None
    """Parts that arms are made of; those arms are laid before `arms` as the file is read."""
    baseline: str | None = None
    """An arm that others are compared with."""
    limits: dict[str, Positive] = Field(default_factory=dict)
    """Most a trial may cost: `params`, `macs`, `acts` (activations), or those of a part
    (`class_head.macs`); `memory_mb` of a training step and `latency_ms` of a forward pass, which
    are measured before anything is trained."""
    report: ReportStudy = ReportStudy()
    published: PublishedTable | None = None
    """Printed beside what is measured."""
    search: SearchSpec | None = None
    """Proposals beside the points that `arms` and `vary` spell out."""

    @property
    def seed_list(self) -> tuple[int, ...]:
        return seeds_said(self.seeds)

    def seeds_of(self, arm: str) -> tuple[int, ...]:
        """The seeds of an arm: its own where it says some, else the study's."""
        return seeds_said(self.arms.get(arm, {}).get(SEEDS, self.seeds))


@dataclass(frozen=True, slots=True)
class Trainer:
    """A function of the user's own that trains a study's trials."""

    name: str
    """As it stands in ids: `package:function`, with `@version` where it has one."""
    pretrains: bool = True
    """Whether it also trains the backbones that trials take over; else the harness does."""


@dataclass(frozen=True, slots=True)
class Study:
    """A study as read: its values, and the tree and places they came from."""

    name: str
    profile: str
    file: Path
    spec: StudySpec
    placed: Placed
    trainer: Trainer | None = None
    """None is the harness's own."""

    def of_sources(self) -> "Study":
        """The study as the trials that pretrain its backbones see it."""
        if self.trainer is None or self.trainer.pretrains:
            return self
        return replace(self, trainer=None)

    @property
    def folder(self) -> Path:
        return self.file.parent
