"""What the tests of the generating page share."""

import pytest
from django.contrib.auth.models import User

from evaluation.accounts import create_account


@pytest.fixture
def desk(client, db):
    """Return a browser in which a coordinator is logged in."""
    create_account("c")
    client.force_login(User.objects.get(username="c"))
    return client
