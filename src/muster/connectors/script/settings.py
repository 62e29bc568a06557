"""What a system file says of a script."""

from __future__ import annotations

import re
from typing import ClassVar

from pydantic import Field, field_validator

from muster.connectors.kit.contract import Settings
from muster.model.secrets import Secret


class ScriptSettings(Settings):
    """The program, and what it may have and take."""

    tuning: ClassVar = frozenset({"timeout", "longest", "largest", "line"})

    command: list[str] = Field(
        min_length=1,
        description="The program and its arguments, each as it is: no shell reads them, and no value of a person is "
        "ever among them. A program with a / in its name is relative to the project folder.",
    )
    environment: dict[str, str | Secret] = Field(
        default_factory=dict,
        description="Its environment, beside PATH, HOME, LANG and TZ: names, and values or secrets as ${secret:NAME}.",
    )
    timeout: float = Field(60.0, gt=0, description="Seconds of silence after which it is ended.")
    longest: float = Field(3600.0, gt=0, description="Seconds after which one run of it is ended in any case.")
    largest: int = Field(1_073_741_824, ge=1024, description="Bytes that one run of it may write.")
    line: int = Field(16_777_216, ge=1024, description="Bytes of one line.")

    def programs(self) -> tuple[str, ...]:
        """The command."""
        return (" ".join(self.command),)

    @field_validator("environment")
    @classmethod
    def _names(cls, given: dict[str, str | Secret]) -> dict[str, str | Secret]:
        for name in given:
            if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
                raise ValueError(f"{name!r} is no name of an environment variable")
        return given

    @field_validator("command")
    @classmethod
    def _no_nul(cls, given: list[str]) -> list[str]:
        if not given[0] or any("\0" in one for one in given):
            raise ValueError("expected the name of a program")
        return given


class ScriptObject(Settings):
    """One object type."""

    called: str | None = Field(None, description="The script's own name for the type; default: the same.")
