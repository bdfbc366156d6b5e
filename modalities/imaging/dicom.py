"""What every DICOM object of a study shares, the CT series, and bytes without a clock.

The date is the visit's; times are fixed; UIDs hash the plan. PS3.3 gives the modules.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from io import BytesIO
from pathlib import PurePosixPath

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from alignment import identifiers
from alignment.artifact import Artifact
from alignment.plan import EncounterPlan
from modalities.imaging.diffusion import sampler
from modalities.imaging.volume import Volume

MANUFACTURER = "Consilience"
MODEL_NAME = "Deformed atlas CT"
SOFTWARE = "2"
"""Version of this renderer; raised whenever its pixels change."""
STUDY_TIME = "120000"
OBJECT_TIME = "120100"
SYNTHETIC = "SYNTHETIC: no real patient. Real CT (LIDC-IDRI-0001, CC BY 3.0), deformed and edited."
MEDIA_TYPE = "application/dicom"
_IMPLEMENTATION_UID = identifiers.dicom_uid("consilience", "implementation")
_CLOCKED = {
    "ContentDate", "ContentTime", "InstanceCreationDate", "InstanceCreationTime", "SeriesDate",
    "SeriesTime", "AcquisitionDate", "AcquisitionTime", "ContributionDateTime",
    "ObservationDateTime", "VerificationDateTime", "AcquisitionDateTime", "TimezoneOffsetFromUTC",
}  # fmt: skip
"""Attributes that a library may fill in from the clock."""


def uid(plan: EncounterPlan, *role: object) -> str:
    """UID of one object: a changed plan, renderer or network has other ones."""
    return plan.uid(*role, SOFTWARE, network_of(plan))


def network_of(plan: EncounterPlan) -> str:
    """Digest of the weights that render the plan; "none" where the network is not used."""
    if plan.protocol.network == "none":
        return "none"
    return sampler.digest(sampler.weights_of(plan.protocol.weights))


def header(plan: EncounterPlan) -> Dataset:
    """Patient, study and equipment modules of every object of one visit."""
    ds = Dataset()
    subject = plan.subject
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = f"{plan.patient_id}^"  # the caret says that the single component is meant
    ds.PatientID = plan.patient_id
    ds.PatientBirthDate = ""
    ds.PatientSex = "M" if subject.sex == "male" else "F"
    ds.PatientAge = f"{plan.age:03d}Y"
    ds.PatientSize = f"{subject.height_cm / 100:.3f}"
    ds.PatientWeight = f"{subject.weight_kg:.1f}"
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = "Synthetic: there is no patient"
    ds.SyntheticData = "YES"
    ds.StudyInstanceUID = uid(plan, "study")
    ds.StudyDate = identifiers.dicom_date(plan.date)
    ds.StudyTime = STUDY_TIME
    ds.StudyID = plan.study[3:]
    ds.StudyDescription = "SYNTHETIC CT chest"
    ds.AccessionNumber = ""
    ds.ReferringPhysicianName = ""
    ds.Manufacturer = MANUFACTURER
    ds.ManufacturerModelName = MODEL_NAME
    ds.SoftwareVersions = [SOFTWARE, f"network {network_of(plan)}"]
    return ds


def ct_series(plan: EncounterPlan, volume: Volume) -> list[Dataset]:
    """CT images, lowest slice first; instance 1 is the highest slice."""
    base = _ct_base(plan, volume)
    count = volume.grid.shape[0]
    z0, y0, x0 = (float(v) for v in volume.grid.origin)
    images = []
    for index in range(count):
        number = count - index
        ds = copy.copy(base)
        ds._dict = dict(base._dict)
        ds.file_meta = copy.deepcopy(base.file_meta)
        height = z0 + index * float(volume.grid.spacing[0])
        ds.SOPInstanceUID = uid(plan, "ct", number)
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.InstanceNumber = number
        ds.ImagePositionPatient = [f"{x0:.4f}", f"{y0:.4f}", f"{height:.4f}"]
        ds.SliceLocation = f"{height:.4f}"
        ds.PixelData = volume.hu[index].astype("<i2").tobytes()
        ds["PixelData"].VR = "OW"
        images.append(ds)
    return images


def _ct_base(plan: EncounterPlan, volume: Volume) -> Dataset:
    ds = header(plan)
    date = ds.StudyDate
    ds.SOPClassUID = CTImageStorage
    ds.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    ds.Modality = "CT"
    ds.SeriesInstanceUID = uid(plan, "ct")
    ds.SeriesNumber = 1
    ds.SeriesDescription = "SYNTHETIC chest, axial"
    ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = date
    ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = STUDY_TIME
    ds.BodyPartExamined = "CHEST"
    ds.PatientPosition = "HFS"
    ds.FrameOfReferenceUID = uid(plan, "frame")
    ds.PositionReferenceIndicator = ""
    ds.AcquisitionNumber = 1
    ds.KVP = None
    ds.ConvolutionKernel = plan.protocol.kernel.upper()
    ds.CTDIvol = float(plan.protocol.ctdi_mgy)
    if plan.protocol.contrast:
        ds.ContrastBolusAgent = "Intravenous iodine, as in the atlas CT"
    ds.DerivationDescription = "One real CT, deformed to another body; lesions drawn in"
    ds.ImageComments = SYNTHETIC
    ds.BurnedInAnnotation = "NO"
    spacing = [f"{float(v):.6f}" for v in volume.grid.spacing]
    ds.SliceThickness = f"{float(volume.grid.spacing[0]):.4f}"
    ds.SpacingBetweenSlices = ds.SliceThickness
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing = spacing[1:]
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = volume.grid.shape[1:]
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit = 15
    ds.PixelRepresentation = 1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "HU"
    ds.WindowCenter, ds.WindowWidth = ["-500", "40"], ["1500", "400"]
    ds.WindowCenterWidthExplanation = ["LUNG", "SOFT TISSUE"]
    ds.file_meta = file_meta(str(CTImageStorage))
    return ds


def file_meta(sop_class: str) -> FileMetaDataset:
    """File meta information that does not name the version of a library."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(_IMPLEMENTATION_UID)
    meta.ImplementationVersionName = "CONSILIENCE"
    return meta


def settle(ds: Dataset, plan: EncounterPlan, header_of: Dataset) -> Dataset:
    """Replace what a library took from the clock or at random, and mark the object synthetic."""
    date = identifiers.dicom_date(plan.date)
    settle_clock(ds, date, lambda number: uid(plan, "dimension", number))
    for element in header_of:
        if element.keyword not in ds:
            ds[element.tag] = copy.deepcopy(element)
    instance = ds.SOPInstanceUID
    ds.file_meta = file_meta(str(ds.SOPClassUID))
    ds.file_meta.MediaStorageSOPInstanceUID = instance
    return ds


def settle_clock(ds: Dataset, date: str, uid: Callable[[int], str]) -> None:
    """Dates, times and dimension UIDs of a library's own making, replaced; ``uid``: by number."""
    drawn: dict[str, str] = {}
    for element in ds.iterall():
        if element.keyword in _CLOCKED:
            if element.keyword == "TimezoneOffsetFromUTC":
                element.value = "+0000"
            else:
                element.value = {"DA": date, "TM": OBJECT_TIME}.get(element.VR, date + OBJECT_TIME)
        elif element.keyword == "DimensionOrganizationUID":
            element.value = drawn.setdefault(str(element.value), uid(len(drawn)))


def encode(ds: Dataset) -> bytes:
    """The file's bytes, explicit little endian."""
    stream = BytesIO()
    pydicom.dcmwrite(stream, ds, enforce_file_format=True)
    return stream.getvalue()


def artifact(plan: EncounterPlan, series: str, number: int, ds: Dataset) -> Artifact:
    """``imaging/<patient>/<study>/<series>/0001.dcm`` with its provenance."""
    path = identifiers.imaging_path(plan.patient_id, plan.study, series)
    return Artifact(
        path=PurePosixPath(path, f"{number:04d}.dcm"),
        data=encode(ds),
        media_type=MEDIA_TYPE,
        provenance={
            "plan": plan.digest,
            "generator": f"imaging {SOFTWARE}",
            "atlas": "LIDC-IDRI-0001",
            "network": network_of(plan),
            "sop_instance_uid": str(ds.SOPInstanceUID),
        },
    )
