"""Packs whose admissions do not say what a deployment needs them to say."""

import pytest

from tests import packs
from tests.packs import failure


@pytest.mark.parametrize(
    "body",
    [{}, {"decision": "allow"}, {"model_digest": packs.MODEL_DIGEST}, {"decision": None, "mode": "enforce"}],
)
def test_an_admission_that_does_not_say_what_it_decided_is_no_allow(body):
    plan = packs.plan()
    plan.decisions[5] = packs.decision("x.y.decided", f"admission:{packs.ADMISSION_ID}", body)

    assert "admission" in failure(plan.build())
