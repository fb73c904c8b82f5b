from accord import settings
from accord.embedded.address import place_of_database


def test_the_place_of_a_configured_database_has_no_password(tmp_path):
    configured = settings.load({"DATABASE_URL": "postgresql://me:s3cret@db.internal/app", "DATA_DIR": str(tmp_path)})

    assert place_of_database(configured) == "app on db.internal"
