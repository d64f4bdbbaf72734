"""What the tests of pages share: who is logged in."""

import pytest
from django.contrib.auth.models import User

from evaluation.accounts import create_account


@pytest.fixture
def desk(client, db):
    create_account("c")
    client.force_login(User.objects.get(username="c"))
    return client
