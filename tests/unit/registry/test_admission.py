"""Admission: one way to be allowed, and a reason for every way not to be."""

import dataclasses
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from modelcustody_client import manifest
from modelcustody_client.manifest import ManifestFile

from governance.policy import document
from governance.policy.origin import Attribute, OriginPolicy
from governance.policy.origin_rules import OriginFact, State
from governance.policy.signature import (
    SignaturePolicy,
    Signer,
    SigningMethod,
    TrustedSigner,
    fingerprint,
)
from registry.admission import checks
from registry.admission.axes import (
    ApprovalEvidence,
    Candidate,
    CheckEvidence,
    FoundSignature,
    LicenseEvidence,
    RunEvidence,
    SignatureEvidence,
    closest,
)
from registry.admission.decision import AdmissionDecision, decide
from registry.admission.offer import Offer
from registry.admission.question import Environment
from tests import signing

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
POLICY = document.load()
KEY = signing.key()
SIGNER = Signer("key", fingerprint(KEY.public_key()))


def requiring(
    *models: str, required: bool = True, required_models: tuple[str, ...] = (), **limits: str
) -> document.Policy:
    """A policy that requires signatures, and trusts the key for these models."""
    trusted = tuple(
        TrustedSigner(one, SigningMethod.KEY, public_key=signing.public_pem(KEY), **limits) for one in models
    )
    return dataclasses.replace(POLICY, signature=SignaturePolicy(required, required_models, trusted))


HERE = Environment("production", frozenset({"eu-central"}))


def file(path: str, content: str = "") -> ManifestFile:
    return ManifestFile(path, 10, (content or path).encode().hex().ljust(64, "0")[:64])


FILES = (file("config.json"), file("model-1.safetensors"), file("model-2.safetensors"), file("README.md"))
MANIFEST, MODEL = manifest.manifest_digest(FILES), manifest.model_digest(FILES)
PASSED = (CheckEvidence("digests", "pass"),)
RUN = RunEvidence(1, "pass", NOW - timedelta(days=1), MANIFEST, PASSED)
APPROVAL = ApprovalEvidence(
    7, "production", "chat", "approved", MANIFEST, NOW - timedelta(days=2), NOW + timedelta(days=2)
)
LICENSE = LicenseEvidence("allowed_with_obligations", ("apache-2.0",), obligations=({"id": "licence-copy"},))
ORIGIN = tuple(
    OriginFact(attribute, "acme/one", State.KNOWN, country="US", name="Acme", license="apache-2.0")
    for attribute in Attribute
)
GOOD = Candidate(
    version_id=3,
    name="pkg:huggingface/org/name@0",
    status="resolved",
    manifest_digest=MANIFEST,
    model_digest=MODEL,
    files=FILES,
    verification=RUN,
    smoke=dataclasses.replace(RUN, checks=()),
    approvals=(APPROVAL,),
    license=LICENSE,
    formats=frozenset({"safetensors"}),
    requires_remote_code=False,
    signature=SignatureEvidence("org/name"),
    origin=ORIGIN,
)


def offer(*files: ManifestFile, **values: Any) -> Offer:
    chosen = files or FILES
    fields = {
        "files": chosen,
        "model_digest": manifest.model_digest(chosen),
        "region": "eu-central",
        **values,
    }
    return Offer("production", "chat", **fields)


def asked(candidate: Candidate | None = GOOD, **values: Any) -> AdmissionDecision:
    arguments = {"offer": offer(), "policy": POLICY, "environment": HERE, "now": NOW, **values}
    return decide(arguments.pop("offer"), candidates=[candidate] if candidate else [], **arguments)


def with_run(**values: Any) -> RunEvidence:
    return dataclasses.replace(RUN, **values)


def with_approval(**values: Any) -> tuple[ApprovalEvidence, ...]:
    return (dataclasses.replace(APPROVAL, **values),)


def codes(decision: AdmissionDecision) -> set[str]:
    assert (decision.decision == "allow") == (not decision.reasons)
    assert all(reason.message for reason in decision.reasons)
    return {reason.code for reason in decision.reasons}


def test_everything_good_is_allowed() -> None:
    decision = asked()

    assert decision.decision == "allow"
    assert decision.approval_id == 7
    assert decision.version_id == 3
    assert decision.expires_at == NOW + timedelta(minutes=POLICY.ttl_minutes)
    assert decision.to_json(admission_id="a", evidence_base="https://host/api/v1") == {
        "decision": "allow",
        "admission_id": "a",
        "model_version": "pkg:huggingface/org/name@0",
        "model_digest": MODEL,
        "approval_id": 7,
        "policy_digest": POLICY.policy_digest,
        "reasons": [],
        "obligations": [{"id": "licence-copy"}],
        "expires_at": "2026-11-22T13:00:00Z",
        "mode": "enforce",
    }


BAD: dict[str, list[tuple[dict[str, Any], str]]] = {
    "status": [
        ({"status": "draft"}, "not_registered"),
        ({"status": "quarantined", "status_reason": "tampered"}, "quarantined"),
        ({"status": "revoked"}, "revoked"),
        ({"status": "something new"}, "not_registered"),
    ],
    "verification": [
        ({"verification": None}, "evidence_stale"),
        ({"verification": with_run(outcome="error")}, "evidence_stale"),
        ({"verification": with_run(outcome="skip")}, "evidence_stale"),
        ({"verification": with_run(outcome="")}, "evidence_stale"),
        ({"verification": with_run(outcome="fail")}, "scan_finding"),
        ({"verification": with_run(checks=())}, "evidence_stale"),
        ({"verification": with_run(checks=(*PASSED, CheckEvidence("code", "fail")))}, "scan_finding"),
        (
            {"verification": with_run(checks=(*PASSED, CheckEvidence("code", "fail", code="unsafe_format")))},
            "unsafe_format",
        ),
        ({"verification": with_run(checks=(*PASSED, CheckEvidence("code", "error")))}, "evidence_stale"),
        ({"verification": with_run(checks=(*PASSED, CheckEvidence("code", "skip")))}, "evidence_stale"),
        ({"verification": with_run(manifest_digest="sha256:" + "0" * 64)}, "evidence_stale"),
        ({"verification": with_run(finished_at=NOW - timedelta(days=30, seconds=1))}, "evidence_stale"),
        ({"verification": with_run(finished_at=NOW + timedelta(seconds=1))}, "evidence_stale"),
        ({"verification": with_run(finished_at=None)}, "evidence_stale"),
    ],
    "smoke": [
        ({"smoke": None}, "evidence_stale"),
        ({"smoke": with_run(outcome="fail")}, "smoke_failed"),
        ({"smoke": with_run(outcome="error")}, "smoke_failed"),
        ({"smoke": with_run(outcome="skip")}, "smoke_failed"),
        ({"smoke": with_run(manifest_digest=None)}, "evidence_stale"),
        ({"smoke": with_run(finished_at=NOW - timedelta(days=91))}, "evidence_stale"),
    ],
    "approvals": [
        ({"approvals": ()}, "not_approved"),
        ({"approvals": with_approval(status="requested")}, "not_approved"),
        ({"approvals": with_approval(status="rejected")}, "not_approved"),
        ({"approvals": with_approval(status="withdrawn")}, "not_approved"),
        ({"approvals": with_approval(status="revoked")}, "not_approved"),
        ({"approvals": with_approval(status="expired", expires_at=NOW)}, "approval_expired"),
        ({"approvals": with_approval(expires_at=NOW)}, "approval_expired"),
        ({"approvals": with_approval(decided_at=NOW - timedelta(days=365))}, "approval_expired"),
        ({"approvals": with_approval(decided_at=None)}, "not_approved"),
        ({"approvals": with_approval(expires_at=None)}, "not_approved"),
        ({"approvals": with_approval(decided_at=NOW + timedelta(hours=1))}, "not_approved"),
        ({"approvals": with_approval(manifest_digest="sha256:" + "0" * 64)}, "not_approved"),
        ({"approvals": with_approval(environment="staging")}, "out_of_scope_environment"),
        ({"approvals": with_approval(purpose="search")}, "out_of_scope_purpose"),
    ],
    "license": [
        ({"license": None}, "license_unknown"),
        ({"license": LicenseEvidence("allowed", ())}, "license_unknown"),
        ({"license": LicenseEvidence("needs_review", ("mit", "unknown"))}, "license_unknown"),
        ({"license": LicenseEvidence("allowed", ("unknown",))}, "license_unknown"),
        ({"license": LicenseEvidence("needs_review", ("llama-3.3",))}, "license_condition_failed"),
        ({"license": LicenseEvidence("needs_licence", ("llama-3.3",))}, "license_condition_failed"),
        ({"license": LicenseEvidence("prohibited", ("llama-4",))}, "license_condition_failed"),
        ({"license": LicenseEvidence("", ("mit",))}, "license_condition_failed"),
    ],
    "formats": [
        ({"formats": None}, "unsafe_format"),
        ({"formats": frozenset()}, "unsafe_format"),
        ({"formats": frozenset({"safetensors", "pickle"})}, "unsafe_format"),
    ],
    "code": [
        ({"requires_remote_code": None}, "remote_code_required"),
        ({"requires_remote_code": True}, "remote_code_required"),
    ],
    "signature": [
        ({"signature": None}, "signature_missing"),
        (
            {
                "signature": SignatureEvidence(
                    "org/name", (FoundSignature("valid", SIGNER), FoundSignature("wrong"))
                )
            },
            "signature_untrusted",
        ),
    ],
}
SINGLE = [(values, code) for group in BAD.values() for values, code in group]


@pytest.mark.parametrize(("values", "code"), SINGLE)
def test_one_thing_wrong_is_one_reason(values: dict[str, Any], code: str) -> None:
    decision = asked(dataclasses.replace(GOOD, **values))

    assert decision.decision == "deny"
    assert codes(decision) == {code}
    assert decision.approval_id is None
    assert decision.expires_at is None
    assert all(reason.evidence for reason in decision.reasons)


def test_only_the_combination_of_all_good_is_allowed() -> None:
    axes = [[({}, None), group[0], group[-1]] for group in BAD.values()]
    allowed = 0
    for combination in itertools.product(*axes):
        values = {key: value for change, _ in combination for key, value in change.items()}
        decision = asked(dataclasses.replace(GOOD, **values))
        assert codes(decision) == {code for _, code in combination if code}
        allowed += decision.decision == "allow"

    assert allowed == 1


def test_reasons_come_in_one_order() -> None:
    bad = dataclasses.replace(GOOD, status="revoked", smoke=None, license=None, approvals=())

    assert [reason.code for reason in asked(bad).reasons] == [
        "revoked",
        "evidence_stale",
        "license_unknown",
        "not_approved",
    ]


@pytest.mark.parametrize("name", [check.name for check in checks.CHECKS])
@pytest.mark.parametrize("answer", [None, True, "pass", [None], {}, ()])
def test_a_check_that_breaks_or_says_nothing_denies(
    monkeypatch: pytest.MonkeyPatch, name: str, answer: Any
) -> None:
    def broken(question: object) -> Any:
        if answer is None:
            raise RuntimeError
        return answer

    replaced = tuple(
        dataclasses.replace(check, reasons=broken) if check.name == name else check for check in checks.CHECKS
    )
    monkeypatch.setattr(checks, "CHECKS", replaced)

    assert codes(asked()) == {check.code for check in checks.CHECKS if check.name == name}


def test_files_are_compared_one_by_one() -> None:
    changed = (FILES[0], file("model-1.safetensors", "changed"), file("extra.py"), FILES[3])

    decision = asked(offer=offer(*changed))

    assert [(reason.code, reason.message.split()[0]) for reason in decision.reasons] == [
        ("file_extra", "extra.py"),
        ("digest_mismatch", "model-1.safetensors"),
        ("file_missing", "model-2.safetensors"),
        ("not_registered", "No"),
    ]


def test_one_flipped_byte_is_named_and_nothing_else() -> None:
    decision = asked(offer=offer(FILES[0], FILES[1], file("model-2.safetensors", "flipped"), FILES[3]))

    assert [reason.code for reason in decision.reasons] == ["digest_mismatch"]
    assert decision.reasons[0].message.startswith("model-2.safetensors")


def test_documents_may_be_absent_or_added_but_not_altered() -> None:
    assert asked(offer=offer(*FILES[:3])).decision == "allow"
    assert asked(offer=offer(*FILES, file("NOTICE"))).decision == "allow"
    assert codes(asked(offer=offer(*FILES[:3], file("README.md", "altered")))) == {"digest_mismatch"}


def test_a_size_that_differs_is_a_mismatch() -> None:
    altered = dataclasses.replace(FILES[1], size=11)

    assert codes(asked(offer=offer(FILES[0], altered, *FILES[2:]))) == {"digest_mismatch"}


def test_the_digest_alone_is_enough_when_it_is_the_right_one() -> None:
    assert asked(offer=offer(files=None)).decision == "allow"
    wrong = offer(files=None, model_digest="sha256:" + "1" * 64)
    assert codes(asked(offer=wrong)) == {"digest_mismatch", "not_registered"}


def test_many_differences_are_counted() -> None:
    extra = [file(f"part-{index}.bin") for index in range(80)]

    decision = asked(offer=offer(*FILES, *extra))

    assert len(decision.reasons) == checks.MAX_FILES_NAMED + 1
    assert decision.reasons[-1].message.startswith("30 more")


def test_nothing_registered() -> None:
    decision = asked(None)

    assert codes(decision) == {"not_registered"}
    assert decision.model_version is None


def test_a_revoked_twin_of_the_same_content_speaks_for_all() -> None:
    twin = dataclasses.replace(GOOD, version_id=2, status="revoked")

    decision = decide(offer(files=None), candidates=[GOOD, twin], policy=POLICY, environment=HERE, now=NOW)

    assert codes(decision) == {"revoked"}


def test_the_version_with_exactly_these_files_is_the_one() -> None:
    other = (*FILES[:3], file("README.md", "older"))
    twin = dataclasses.replace(GOOD, version_id=2, files=other)

    assert decide(offer(), candidates=[twin, GOOD], policy=POLICY, environment=HERE, now=NOW).version_id == 3
    assert (
        decide(offer(*other), candidates=[GOOD, twin], policy=POLICY, environment=HERE, now=NOW).version_id
        == 2
    )


@pytest.mark.parametrize("status", ["revoked", "quarantined"])
def test_another_readme_does_not_bring_a_withdrawn_model_back(status: str) -> None:
    other = (*FILES[:3], file("README.md", "older"))
    twin = dataclasses.replace(GOOD, version_id=2, status=status, files=other)

    for order in ([GOOD, twin], [twin, GOOD]):
        decision = decide(offer(), candidates=order, policy=POLICY, environment=HERE, now=NOW)

        assert decision.decision == "deny"
        assert decision.version_id == 2
        assert codes(decision) == {status}


def test_an_unapproved_twin_does_not_stand_in_the_way() -> None:
    twin = dataclasses.replace(GOOD, version_id=9, approvals=())

    for order in ([GOOD, twin], [twin, GOOD]):
        assert decide(offer(), candidates=order, policy=POLICY, environment=HERE, now=NOW).version_id == 3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"environment": None}, "out_of_scope_environment"),
        ({"environment": Environment("staging")}, "out_of_scope_environment"),
        ({"offer": offer(region="us-east")}, "out_of_scope_region"),
        ({"offer": offer(region=None)}, "out_of_scope_region"),
    ],
)
def test_place(change: dict[str, Any], code: str) -> None:
    assert codes(asked(**change)) == {code}


def test_the_policy_can_only_narrow_regions() -> None:
    narrowed = dataclasses.replace(POLICY, regions={"production": frozenset({"us-east"})})

    assert codes(asked(policy=narrowed)) == {"out_of_scope_region"}
    assert asked(environment=Environment("production"), offer=offer(region=None)).decision == "allow"
    assert codes(asked(environment=Environment("production"), policy=narrowed)) == {"out_of_scope_region"}


def test_origin() -> None:
    denying = dataclasses.replace(POLICY, origin=OriginPolicy(denied_countries=frozenset({"US"})))
    french = tuple(dataclasses.replace(fact, country="FR") for fact in ORIGIN)

    assert codes(asked(policy=denying)) == {"origin_restricted"}
    assert codes(asked(dataclasses.replace(GOOD, origin=None), policy=denying)) == {"origin_restricted"}
    assert codes(asked(dataclasses.replace(GOOD, origin=()), policy=denying)) == {"origin_restricted"}
    assert asked(dataclasses.replace(GOOD, origin=None)).decision == "allow"
    assert asked(dataclasses.replace(GOOD, origin=french), policy=denying).decision == "allow"


def test_an_environment_narrows_origin_for_itself_alone() -> None:
    elsewhere = OriginPolicy(environments={"elsewhere": OriginPolicy(denied_countries=frozenset({"US"}))})
    here = OriginPolicy(environments={"production": OriginPolicy(denied_countries=frozenset({"US"}))})

    assert asked(policy=dataclasses.replace(POLICY, origin=elsewhere)).decision == "allow"
    assert codes(asked(policy=dataclasses.replace(POLICY, origin=here))) == {"origin_restricted"}


def test_very_many_reasons_of_origin_are_counted() -> None:
    many = [OriginFact(Attribute.ANCESTORS, f"acme/{number}", State.UNKNOWN) for number in range(1000)]
    denying = dataclasses.replace(POLICY, origin=OriginPolicy(denied_countries=frozenset({"CN"})))

    decision = asked(dataclasses.replace(GOOD, origin=(*ORIGIN, *many)), policy=denying)

    assert len(decision.reasons) == 21
    assert decision.reasons[-1].message == "980 more rules on origin do not pass."


VALID, OTHER = (
    FoundSignature("valid", SIGNER),
    FoundSignature("valid", dataclasses.replace(SIGNER, fingerprint="b" * 64)),
)


@pytest.mark.parametrize(
    ("found", "optional", "required"),
    [
        ((VALID,), set(), set()),
        ((OTHER, VALID), set(), set()),
        ((), set(), {"signature_missing"}),
        ((OTHER,), set(), {"signature_untrusted"}),
        ((FoundSignature("partial", SIGNER),), set(), {"signature_untrusted"}),
        ((FoundSignature("undecided"),), set(), {"signature_untrusted"}),
        ((FoundSignature("unverified"),), set(), {"signature_untrusted"}),
        ((VALID, FoundSignature("wrong")), {"signature_untrusted"}, {"signature_untrusted"}),
    ],
)
def test_signatures(found: tuple[FoundSignature, ...], optional: set[str], required: set[str]) -> None:
    signed = dataclasses.replace(GOOD, signature=SignatureEvidence("org/name", found))

    assert codes(asked(signed)) == optional
    for policy in (requiring("*"), requiring("org/*", required=False, required_models=("ORG/*",))):
        assert codes(asked(signed, policy=policy)) == required


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (requiring(), "does not name this signer"),
        (requiring("other/*"), "trusts this signer for other/* and not for org/name"),
        (requiring("*", not_after="2026-11-22T11:59:59+00:00"), "does not trust this signer at this time"),
        (requiring("*", not_before="2026-11-22T12:00:01+00:00"), "does not trust this signer at this time"),
    ],
)
def test_trust_is_that_of_the_policy_of_the_moment(policy: document.Policy, words: str) -> None:
    decision = asked(
        dataclasses.replace(GOOD, signature=SignatureEvidence("org/name", (VALID,))), policy=policy
    )

    assert [reason.code for reason in decision.reasons] == ["signature_untrusted"]
    assert words in decision.reasons[0].message


def test_evidence_counts_to_the_last_second() -> None:
    old = with_run(finished_at=NOW - timedelta(days=30))

    decision = asked(dataclasses.replace(GOOD, verification=old))

    assert decision.decision == "allow"
    assert decision.expires_at == NOW


def test_an_allow_never_outlives_its_approval() -> None:
    ending = dataclasses.replace(GOOD, approvals=with_approval(expires_at=NOW + timedelta(seconds=1)))

    assert asked(ending).expires_at == NOW + timedelta(seconds=1)


def test_smoke_and_minor_checks_only_where_they_count() -> None:
    relaxed = dataclasses.replace(POLICY, smoke_required=False)
    minor = with_run(checks=(*PASSED, CheckEvidence("signature", "skip", counts=False)))

    assert asked(dataclasses.replace(GOOD, smoke=None), policy=relaxed).decision == "allow"
    assert asked(dataclasses.replace(GOOD, verification=minor)).decision == "allow"


def test_warn_changes_the_mode_and_nothing_else() -> None:
    warning = dataclasses.replace(POLICY, mode=document.Mode.WARN)

    decision = asked(dataclasses.replace(GOOD, approvals=()), policy=warning)

    assert (decision.decision, decision.mode) == ("deny", "warn")


def test_closest_shares_most() -> None:
    other = dataclasses.replace(GOOD, version_id=9, files=(file("config.json"), file("other.gguf"), FILES[3]))
    flipped = (FILES[0], FILES[1], file("model-2.safetensors", "flipped"))

    assert closest([other, GOOD], flipped) is GOOD
    assert closest([other, GOOD], (file("config.json"), file("other.gguf"))) is other
    assert closest([GOOD], (file("unlike.bin"), file("README.md"))) is None
    assert closest([], FILES) is None
