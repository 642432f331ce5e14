"""Packs of a service that signs what does not fit together."""

import io

import pytest
from modelcustody_client import archive, canonical, packing

from tests import packs
from tests.packs import failure, verified


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"type": "modelcustody/evidence-pack/v2"}, "version 1"),
        ({"more": 1}, "version 1"),
        ({"model_version": {"manifest_digest": packs.MANIFEST_DIGEST}}, "digest"),
        ({"model_version": []}, "lacks"),
        ({"logs": {}}, "both|must name"),
        ({"logs": {"decisions": {}, "requests": {}}}, "no origin"),
        (
            {
                "logs": {
                    name: {"origin": packs.origin("requests"), "vkey": "x"}
                    for name in ("decisions", "requests")
                }
            },
            "not the origin",
        ),
        (
            {
                "logs": {
                    "decisions": {"origin": "a/log/decisions", "vkey": "x"},
                    "requests": {"origin": "b/log/requests", "vkey": "x"},
                }
            },
            "different services",
        ),
    ],
)
def test_an_index_of_another_shape_is_refused(changes, why):
    plan = packs.plan()
    plan.index_changes = changes

    assert any(word in failure(plan.build()) for word in why.split("|"))


@pytest.mark.parametrize("field", ["manifest_digest", "model_digest"])
def test_an_identity_that_does_not_follow_from_the_manifest_is_refused(field):
    plan = packs.plan()
    plan.model_version[field] = "sha256:" + "e" * 64

    assert field in failure(plan.build())


def test_a_manifest_without_weights_is_refused():
    plan = packs.plan()
    plan.files["manifest.sha256"] = b"a" * 64 + b"  README.md\n"

    assert "made of" in failure(plan.build())


def test_a_leaf_that_is_not_in_the_log_is_refused():
    plan, other = packs.plan(), packs.plan()
    other.requests[3] = packs.served_request(9, deployment_digest=packing.digest(plan.requests[0]))
    forged = packing.leaf_name("requests", index=3)
    plan.files[forged] = other.requests[3]

    assert "another root" in failure(plan.build())


def test_a_proof_for_another_index_is_refused():
    plan = packs.plan()
    built = archive.Archive(io.BytesIO(plan.build()))
    plan.files[packing.leaf_name("requests", index=4)] = plan.requests[3]
    plan.files[packing.proof_name("requests", index=4)] = built.read(packing.proof_name("requests", index=3))

    assert "is for entry 3" in failure(plan.build())


def test_two_faces_of_one_log_are_refused():
    plan, other = packs.plan(), packs.plan()
    other.size = 8
    name = packing.proof_name("requests", index=3)
    plan.files[name] = archive.Archive(io.BytesIO(other.build())).read(name)

    assert "another checkpoint" in failure(plan.build())


@pytest.mark.parametrize(
    "name", ["entries/requests/3.leaf.bak", "entries/requests/03.leaf", "entries/other/3.leaf"]
)
def test_entries_of_other_names_are_refused(name):
    plan = packs.plan()
    plan.files[name] = b"x"

    assert "no name of a log entry" in failure(plan.build())


def test_a_leaf_without_its_proof_is_refused():
    plan = packs.plan()
    plan.files["entries/requests/5.leaf"] = b"x"

    assert "lacks its leaf or its proof" in failure(plan.build())


def test_a_deployment_of_another_model_is_refused():
    plan = packs.plan()
    plan.requests = {0: packs.deployment(model_digest="sha256:" + "f" * 64)}

    assert "of another model" in failure(plan.build())


def test_a_request_that_cites_no_deployment_of_the_pack_is_refused():
    plan = packs.plan()
    plan.requests[3] = packs.served_request(0, deployment_digest="sha256:" + "f" * 64)

    assert "not in the pack" in failure(plan.build())


def test_a_request_that_is_there_twice_is_refused():
    plan = packs.plan()
    plan.requests[6] = plan.requests[3]

    assert "twice" in failure(plan.build())


@pytest.mark.parametrize(
    "leaf",
    [
        b'{"received_at":1,"record":{}}',
        b'{"received_at":"x","record":[]}',
        b'{"received_at":"x","record":{}}',
        b'{"received_at":"x","record":{"record_id":"a","deployment_digest":"b"}}',
        b'{"received_at":"x","record":{"record_id":"a","record_id":"a"}}',
        b'{"received_at":"x","record":{},"more":1}',
        b"[]x",
    ],
)
def test_a_leaf_that_cannot_be_read_is_refused(leaf):
    plan = packs.plan()
    plan.requests[4] = leaf

    assert "entry 4 of the requests log" in failure(plan.build())


def test_an_entry_of_a_kind_not_known_leaves_the_pack_undecided():
    plan = packs.plan()
    plan.requests[4] = canonical.dumps({"type": "modelcustody/replay/v1"})

    report = verified(plan.build())
    assert (report.exit_code, "replay/v1" in report.as_text()) == (2, True)


def approvals(plan: packs.Plan, **changes) -> packs.Plan:
    value = canonical.loads(plan.files["approvals.json"])[0]
    plan.files["approvals.json"] = canonical.dumps({"approvals": [{**value, **changes}]})
    return plan


@pytest.mark.parametrize("field", ["manifest_digest", "model_digest"])
def test_an_approval_of_other_files_is_refused(field):
    plan = approvals(packs.plan(), **{field: "sha256:" + "e" * 64})

    assert "approves other files" in failure(plan.build())


def test_an_approval_that_cites_other_evidence_than_its_log_entry_is_refused():
    plan = approvals(packs.plan(), policy_digest="sha256:" + "e" * 64)

    assert "policy_digest" in failure(plan.build())


def test_an_approval_that_was_revoked_is_not_shown_as_approved():
    plan = packs.plan()
    plan.decisions[6] = packs.decision("registry.approval.revoked", "approval:4", {})

    assert "revoked" in failure(plan.build())


def test_an_approval_that_is_not_in_the_log_leaves_the_pack_undecided():
    plan = packs.plan()
    del plan.decisions[2]

    report = verified(plan.build())
    assert (report.exit_code, "have no decision in the log" in report.as_text()) == (2, True)


def test_a_pack_without_approvals_says_so():
    plan = packs.plan()
    plan.files["approvals.json"] = b"[]"

    report = verified(plan.build())
    assert report.exit_code == 0
    assert any("no approval" in limit for limit in report.limits)


@pytest.mark.parametrize("data", [b"{}", b"[1]", b"[{}]", b"null", b"[", b'{"approvals":{}}'])
def test_approvals_of_another_shape_are_refused(data):
    plan = packs.plan()
    plan.files["approvals.json"] = data

    assert failure(plan.build())


@pytest.mark.parametrize("mode", ["enforce", "warn"])
def test_a_deployment_whose_admission_was_denied(mode):
    plan = packs.plan()
    plan.decisions[5] = packs.decision(
        "registry.admission.decided",
        f"admission:{packs.ADMISSION_ID}",
        {"decision": "deny", "mode": mode, "model_digest": packs.MODEL_DIGEST},
    )

    report = verified(plan.build())

    assert report.exit_code == (1 if mode == "enforce" else 0)
    assert ("only warned" in report.as_text()) == (mode == "warn")


def test_an_admission_for_another_model_is_refused():
    plan = packs.plan()
    body = {"decision": "allow", "model_digest": "sha256:" + "e" * 64}
    plan.decisions[5] = packs.decision("x.y.decided", f"admission:{packs.ADMISSION_ID}", body)

    assert "admission" in failure(plan.build())


@pytest.mark.parametrize("name", ["verification.json", "smoke.json", "evaluation.json", "origin.json"])
def test_evidence_about_another_model_is_refused(name):
    plan = packs.plan()
    plan.files[name] = canonical.dumps({"manifest_digest": "sha256:" + "e" * 64})

    assert name in failure(plan.build())


@pytest.mark.parametrize(
    "change",
    [{"more": 1}, {"event": 1}, {"body": []}, {"at": None}],
)
def test_a_decision_of_another_shape_is_refused(change):
    plan = packs.plan()
    plan.decisions[3] = canonical.dumps({**canonical.loads(plan.decisions[1]), **change})

    assert "entry 3 of the decisions log" in failure(plan.build())


def test_a_decision_of_a_kind_not_known_leaves_the_pack_undecided():
    plan = packs.plan()
    plan.decisions[3] = b"[]"

    assert verified(plan.build()).exit_code == 2


def test_a_leaf_that_is_not_canonical_is_refused():
    plan = packs.plan()
    plan.decisions[3] = plan.decisions[1].replace(b'":', b'": ')

    assert "canonical" in failure(plan.build())


def test_a_deployment_that_is_there_twice_or_says_too_little_is_refused():
    plan = packs.plan()
    plan.requests[1] = plan.requests[0]
    assert "twice" in failure(plan.build())

    plan = packs.plan()
    plan.requests[1] = packs.deployment(admission_id=None)
    assert "admission_id" in failure(plan.build())


def test_a_deployment_whose_admission_is_not_in_the_pack_is_told():
    plan = packs.plan()
    del plan.decisions[5]

    report = verified(plan.build())

    assert report.exit_code == 0
    assert any("Whether 1 deployments were admitted" in limit for limit in report.limits)


def test_a_sequence_that_is_no_number_is_refused():
    plan = packs.plan()
    plan.requests[3] = plan.requests[3].replace(b'"sequence": 0', b'"sequence": true')

    assert "recorder, epoch and sequence" in failure(plan.build())


def test_the_checkpoint_of_another_trusted_log_is_refused():
    plan = packs.plan()
    built = packs.archive_of(plan.build())
    plan.decisions = {}
    plan.files["approvals.json"] = b"[]"
    plan.files["log/decisions/checkpoint"] = built["log/requests/checkpoint"]

    assert "is that of" in failure(plan.build())
