"""Settings without file and environment, for what must be the same wherever it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hilum.settings import Settings

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings, PydanticBaseSettingsSource


class _Given(Settings):
    """Settings of what is given, without file and environment."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is given and nothing else."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def given(**values: Any) -> Settings:  # noqa: ANN401 - whatever TOML can hold
    """Return settings with these values and otherwise the defaults, whatever file and environment say."""
    return _Given(**values)
