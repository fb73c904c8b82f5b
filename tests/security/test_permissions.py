from accord.security.permissions import allows, permissions_of


def test_roles_include_one_another():
    assert permissions_of("customer") < permissions_of("admin") < permissions_of("root")


def test_an_unknown_role_has_none():
    assert permissions_of("emperor") == frozenset()


def test_self_needs_no_permission():
    assert allows(frozenset(), "self")


def test_a_permission_must_be_had():
    assert allows(permissions_of("admin"), "users:write")
    assert not allows(permissions_of("customer"), "users:read")
    assert not allows(permissions_of("admin"), "admin:all")


def test_admin_all_passes_every_check():
    assert allows(frozenset({"admin:all"}), "anything:at-all")
