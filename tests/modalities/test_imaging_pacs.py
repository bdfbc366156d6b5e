"""A rendered study pushed into a real PACS (Debian ``orthanc``) on loopback, and read back."""

import datetime as dt
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from io import BytesIO

import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE

from alignment.plan import EncounterPlan, Finding, Protocol, Subject
from modalities import imaging

ORTHANC = shutil.which("Orthanc", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))
TITLE, CALLER = "ORTHANC", "CONSILIENCE"
START_S = 60

pytestmark = [
    pytest.mark.slow,
    pytest.mark.required,
    pytest.mark.skipif(
        ORTHANC is None, reason="Orthanc is not installed: sudo apt-get install orthanc"
    ),
]

PLAN = EncounterPlan(
    seed=7, model="test", patient_id="P0000006", day=0, date=dt.date(2020, 1, 1),
    subject=Subject("male", 61, 178.0, 74.0, "former", 30.0),
    protocol=Protocol(matrix=64, slice_mm=10.0, network="none"), histology="adenocarcinoma", stage="IV", line=0,
    regimen=None, prior_day=None, prior_date=None, overall_response=None,
    findings=(
        Finding("L01", "lung_lesion", True, "lung", "RLL", "right", 40.0, 36.0, 40, 36,
                is_target=True, rendered=("ct",)),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def files():
    """The study's files, as bytes, by SOP instance UID."""
    study = next(iter(imaging.render_patient([PLAN])))
    assert {a.path.parent.name for a in study.artifacts} == {"ct", "seg", "lobes", "sr", "dx"}
    return {a.provenance["sop_instance_uid"]: a.data for a in study.artifacts}


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


class Pacs:
    """A running server: its DICOM port, and its REST interface."""

    def __init__(self, http, port):
        self.address, self.port = f"http://127.0.0.1:{http}", port

    def ask(self, path, data=None):
        # No proxy that the environment may name comes in between.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.address + path, data=data, timeout=30) as answer:
            return answer.read()

    def file(self, uid):
        (found,) = json.loads(self.ask("/tools/lookup", uid.encode()))
        assert found["Type"] == "Instance"
        return self.ask(f"/instances/{found['ID']}/file")


@pytest.fixture
def pacs(tmp_path):
    """An empty Orthanc that only this machine can reach, gone after the test."""
    http, port = free_ports(2)
    config = {
        "Name": "test", "StorageDirectory": str(tmp_path / "db"),
        "IndexDirectory": str(tmp_path / "db"), "HttpPort": http, "RemoteAccessAllowed": False,
        "DicomPort": port, "DicomAet": TITLE, "DicomCheckCalledAet": True,
        "DicomAlwaysAllowStore": False, "DicomCheckModalityHost": True,
        "DicomModalities": {"caller": [CALLER, "127.0.0.1", 104]},
    }  # fmt: skip
    path = tmp_path / "orthanc.json"
    path.write_text(json.dumps(config))
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen([ORTHANC, str(path)], stdout=log, stderr=log) as server,
    ):
        try:
            yield started(Pacs(http, port), server, tmp_path / "log")
        finally:
            server.terminate()
            server.wait(timeout=30)


def started(pacs, server, log):
    for _ in range(START_S * 5):
        assert server.poll() is None, log.read_text(errors="replace")
        try:
            assert json.loads(pacs.ask("/system"))["DicomAet"] == TITLE
            return pacs
        except urllib.error.URLError:
            time.sleep(0.2)
    raise AssertionError(f"Orthanc did not answer within {START_S} s: {log.read_text()}")


def test_files_come_back_byte_for_byte_over_http(files, pacs):
    for data in files.values():
        assert json.loads(pacs.ask("/instances", data))["Status"] == "Success"
    for uid, data in files.items():
        assert pacs.file(uid) == data
    assert_one_study(pacs, files)


def test_data_sets_come_back_unchanged_after_c_store(files, pacs):
    """Here the server writes file meta information of its own; all that follows is compared."""
    sent = {uid: pydicom.dcmread(BytesIO(data)) for uid, data in files.items()}
    caller = AE(ae_title=CALLER)
    for sop_class in sorted({ds.SOPClassUID for ds in sent.values()}):
        caller.add_requested_context(sop_class, ExplicitVRLittleEndian)
    association = caller.associate("127.0.0.1", pacs.port, ae_title=TITLE)
    assert association.is_established
    try:
        statuses = {uid: association.send_c_store(ds).Status for uid, ds in sent.items()}
    finally:
        association.release()
    assert set(statuses.values()) == {0x0000}
    for uid, ds in sent.items():
        back = pydicom.dcmread(BytesIO(pacs.file(uid)))
        assert back.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert back == ds
    assert_one_study(pacs, files)


def assert_one_study(pacs, files):
    """The server files all of it under one patient and one study, in five series."""
    counts = json.loads(pacs.ask("/statistics"))
    assert (counts["CountPatients"], counts["CountStudies"]) == (1, 1)
    assert (counts["CountSeries"], counts["CountInstances"]) == (5, len(files))
