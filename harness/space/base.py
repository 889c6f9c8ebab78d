"""What every value that crosses a door has in common."""

from pydantic import BaseModel, ConfigDict, ValidationError


class Frozen(BaseModel):
    """A strict, frozen pydantic value: unknown fields are faults, scalars keep their type.

    Numbers are finite: JSON has no others, and a spec crosses to workers as JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def first_fault(error: ValidationError) -> str:
    """Place and reason of the first thing that is wrong with a file that a program wrote."""
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]
