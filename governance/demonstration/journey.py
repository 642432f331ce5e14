"""One real model through the whole journey, over the same doors that everybody uses."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import connection

from governance.demonstration import serving
from governance.demonstration.console import Console, Step
from governance.demonstration.desk import Desk, Json, StepRefused, first_line, wait_for
from governance.embedded.paths import Paths
from governance.embedded.supervisor import Supervisor
from registry import origin
from registry.models import ModelVersion

ENVIRONMENT, PURPOSE = serving.ENVIRONMENT, serving.PURPOSE


@dataclass
class Journey:
    """What the journey needs, and what it has so far; every step first looks whether it is already done."""

    supervisor: Supervisor
    paths: Paths
    base_url: str
    credentials: Json
    console: Console
    source: str
    name: str | None
    engine_python: Path | None
    missing: list[str] = field(default_factory=list)
    pack: Path | None = None
    record_id: str | None = None

    def run(self) -> "Journey":
        """All steps; what cannot be done is said and kept in `missing`."""
        self.officer = self._login("officer")
        self.reviewer = self._login("reviewer")
        self.auditor = self._login("auditor")
        version = self.intake()
        self.evaluate(version)
        if self.approve(version):
            self.serve(version)
        self.export(version)
        return self

    def _login(self, role: str) -> Desk:
        return Desk(self.base_url, role, self.credentials["passwords"][role])

    # -- register, resolve, verify, smoke ------------------------------------------------------------------------------

    def intake(self) -> Json:
        """Register the model and wait until every run has ended."""
        with self.console.step("register") as step:
            version = self._registered() or self.officer.post("model-versions", self._registration())
            self.version_id = version["id"]
            step.detail = f"{version['model']} from {self.source}"
        with self.console.step("resolve") as step:
            run = self._finished(step, "resolution")
            if run["outcome"] != "pass":
                raise StepRefused({"code": run["code"], "detail": run["message"]})
            version = self.officer.get(f"model-versions/{self.version_id}")
            size = f"{version['file_count']} files, {version['size_bytes']:,} bytes"
            step.detail = f"{size}, {version['manifest_digest'][:19]}…"
        with self.console.step("verify") as step:
            run = self._finished(step, "verification")
            self._conclude(step, "verification", run, found=f"{len(run['results'])} checks")
        with self.console.step("smoke inference") as step:
            run = self._smoke(step)
            self._conclude(step, "smoke inference", run, found=f"{len(run['answers'])} answers")
        return self.officer.get(f"model-versions/{self.version_id}")

    def _registration(self) -> Json:
        body: Json = {"source": self.source}
        return {**body, "name": self.name} if self.name else body

    def _registered(self) -> Json | None:
        # Not a draft: registering that again takes it up, or tries a resolution that failed once more.
        location, known = self.source.split("://", 1)[1], {"resolved", "quarantined"}
        return self.officer.first(
            "model-versions", lambda row: row["location"] == location and row["status"] in known
        )

    def _finished(self, step: Step, kind: str) -> Json:
        """The newest run of that kind, once it has ended."""

        def look() -> Json | None:
            version = self.officer.get(f"model-versions/{self.version_id}")
            newest = next((run for run in version["runs"] if run["kind"] == kind), None)
            if newest is None:
                return None
            run = self.officer.get(f"{kind}-runs/{newest['id']}")
            if run["state"] == "finished":
                return run
            total = run["bytes_total"]
            progress = run["state"] + (f" {100 * run['bytes_done'] // total} %" if total else "")
            step.say(f"{progress}; last try: {first_line(run['message'])}" if run["message"] else progress)
            return None

        return wait_for(look, seconds=1800, what=f"the {kind} run")

    def _smoke(self, step: Step) -> Json:
        has_open = any(
            run["kind"] == "smoke" and run["state"] != "finished"
            for run in self.officer.get(f"model-versions/{self.version_id}")["runs"]
        )
        run = self._finished(step, "smoke")
        # A test that an earlier journey could not carry out deserves another try, now that things may have changed.
        if run["outcome"] == "error" and self.engine_python and not has_open:
            self.officer.post(f"model-versions/{self.version_id}/smoke-runs")
            run = self._finished(step, "smoke")
        return run

    def _conclude(self, step: Step, what: str, run: Json, *, found: str) -> None:
        if run["outcome"] == "pass":
            step.detail = f"pass, {found}"
        else:
            why = f"{run['outcome']} {run['code']}: {first_line(run['message'])}"
            step.lack(why)
            self.missing.append(f"{what}: {why}")

    # -- evaluate, review ----------------------------------------------------------------------------------------------

    def evaluate(self, version: Json) -> None:
        """The licence verdict for the demonstration's environment."""
        with self.console.step("licence") as step:
            body = {"environment": ENVIRONMENT, "purpose": PURPOSE}
            evaluation = self.officer.post(f"model-versions/{version['id']}/evaluations", body)
            licenses = ", ".join(evaluation["result"]["effective_licenses"])
            step.detail = f"{licenses}: {evaluation['verdict'].replace('_', ' ')}"

    def approve(self, version: Json) -> bool:
        """Ask as one person, approve as another; False where the policy does not permit it."""
        try:
            with self.console.step("review") as step:
                approval = self._live_approval(version) or self._request(version)
                if approval["status"] == "requested":
                    note = "Evidence and licence read."
                    approval = self.reviewer.post(f"approvals/{approval['id']}/approve", {"note": note})
                step.detail = f"asked by {approval['requested_by']}, approved by {approval['decided_by']}"
        except StepRefused as refused:
            self.console.warn(f"The policy does not permit approval: {first_line(refused)}")
            self.missing.append(f"approval: {first_line(refused)}")
            return False
        return True

    def _live_approval(self, version: Json) -> Json | None:
        return self.officer.first(
            "approvals",
            lambda row: row["environment"] == ENVIRONMENT and row["status"] in {"requested", "approved"},
            model_version=str(version["id"]),
        )

    def _request(self, version: Json) -> Json:
        expires_at = datetime.now(UTC) + timedelta(days=90)
        body = {
            "model_version": version["id"],
            "environment": ENVIRONMENT,
            "purpose": PURPOSE,
            "expires_at": expires_at.isoformat(),
            "note": "For the office assistant.",
        }
        return self.officer.post("approvals", body)

    # -- admit, record, prove ------------------------------------------------------------------------------------------

    def serve(self, version: Json) -> None:
        """Admission, a real server, one request, its record and its proof."""
        known = self.auditor.first("served-requests", model_digest=version["model_digest"])
        if known is None:
            node = serving.Node(
                self.supervisor,
                paths=self.paths,
                service=self.base_url,
                token=self.credentials["tokens"]["node"],
                python=self.engine_python,
            )
            try:
                with self.console.step("admit and serve") as step:
                    node.start(str(_folder(version)), step)
                    step.detail = f"admitted, vLLM answers at {node.url}"
                with self.console.step("one request") as step:
                    response_id, text = node.ask("What is the capital of France?")
                    step.detail = f"{response_id}: {text.strip()[:60]!r}"
                with self.console.step("record") as step:
                    known = wait_for(
                        lambda: self.auditor.first("served-requests", response_id=response_id),
                        seconds=60,
                        what="the record",
                    )
                    step.detail = f"record {known['record_id']} by {known['recorder']}"
            finally:
                node.stop()
        self.record_id = known["record_id"]
        self.prove(known)

    def prove(self, record: Json) -> None:
        """The record's leaf and inclusion proof, verified by the offline verifier."""
        with self.console.step("prove") as step:
            folder = self.paths.packs
            folder.mkdir(parents=True, exist_ok=True)
            detail = self.auditor.get(f"served-requests/{record['record_id']}")
            proof = wait_for(lambda: self._proof(record["record_id"]), seconds=60, what="the inclusion proof")
            leaf_file, proof_file = (
                folder / f"{record['record_id']}{suffix}" for suffix in (".leaf", ".tlog-proof")
            )
            leaf_file.write_bytes(detail["leaf"].encode())
            proof_file.write_bytes(proof)
            self._verify([str(proof_file), "--leaf", str(leaf_file)])
            step.detail = f"entry {detail['index']} of the requests log, proof verified offline"

    def _proof(self, record_id: str) -> bytes | None:
        response = self.auditor.download(f"served-requests/{record_id}/proof")
        return response.content if response.status_code == 200 else None

    def export(self, version: Json) -> None:
        """The evidence pack, verified by the offline verifier."""
        with self.console.step("evidence pack") as step:
            response = self.auditor.download(f"model-versions/{version['id']}/evidence-pack")
            self.paths.packs.mkdir(parents=True, exist_ok=True)
            pack = self.paths.packs / f"{version['model'].replace('/', '--')}.tar"
            pack.write_bytes(response.content)
            report = self._verify([str(pack), "--json"])
            self.pack = pack
            proved = len(json.loads(report).get("proved", []))
            step.detail = f"{len(response.content):,} bytes, {proved} statements proved offline"

    def _verify(self, arguments: list[str]) -> str:
        """Run the verifier as an auditor would: another process, no service, no database."""
        trust = ["--trust", str(self.paths.trust / "modelcustody.vkeys")]
        command = [sys.executable, "-m", "modelcustody_client.cli", "verify", *arguments, *trust]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = done.stdout + done.stderr
            raise StepRefused(
                {"code": "not_verified", "detail": f"The verifier answered {done.returncode}: {said}"}
            )
        return done.stdout


def _folder(version: Json) -> Path:
    """Where the version's files lie on this machine."""
    connection.close()  # the journey took its time since the last look, and the database may have been restarted
    return origin.folder_of(ModelVersion.objects.get(pk=version["id"]))
