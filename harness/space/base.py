"""What every value that crosses a door has in common."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A strict, frozen pydantic value: unknown fields are faults, scalars keep their type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
