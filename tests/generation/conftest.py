"""What the tests of generation share."""

import pytest
from django.contrib.auth.models import User

from evaluation.accounts import create_account
from generation.batches import plan_batch


@pytest.fixture
def desk(client, db):
    """Return a browser in which a coordinator is logged in."""
    create_account("c")
    client.force_login(User.objects.get(username="c"))
    return client


@pytest.fixture
def batch(db):
    """Return a batch of ten images that is planned."""
    return plan_batch(generator="dermdiff", per_entity=5, entities=["mel", "nv"], seed=3)
