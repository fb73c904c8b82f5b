"""Every environment variable, typed and checked at start; all that is wrong is reported at once.

Plain pydantic rather than pydantic-settings: reading names and `_FILE` variants from a mapping is a few
lines, naming every problem at once needs them anyway, and importing the other costs a tenth of a second of
each start.
"""

from accord.settings.env_file import read_file
from accord.settings.kinds import Rate
from accord.settings.loading import SettingsError, load, suspicious
from accord.settings.variables import Settings

__all__ = ["Rate", "Settings", "SettingsError", "load", "read_file", "suspicious"]
