import pytest

from accord.settings import Settings, load


@pytest.fixture
def settings(tmp_path) -> Settings:
    return load({"ENV": "test", "ARGON2_MEMORY_KIB": "64", "ARGON2_TIME_COST": "1"}, data_dir=tmp_path)
