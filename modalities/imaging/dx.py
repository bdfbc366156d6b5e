"""DX Image Storage - For Presentation: the study's radiographs, PA and left lateral."""

from __future__ import annotations

from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import DigitalXRayImageStorageForPresentation

from alignment.plan import EncounterPlan
from modalities.imaging import dicom, radiograph
from modalities.imaging.radiograph import Radiograph

_MODEL_NAME = "Cone-beam projection of the CT"
_VIEWS = {
    "PA": (codes.SCT.PosteroAnterior, ["L", "F"], "PA"),
    "LL": (codes.SCT.LeftLateral, ["P", "F"], "left lateral"),
}
"""Code of the view, directions of rows and columns, and words."""


def dx_series(
    plan: EncounterPlan, shots: tuple[Radiograph, ...], images: list[Dataset]
) -> list[Dataset]:
    """One DX image a view; instance 1 is the PA. ``images``: the CT that was projected."""
    return [_dx(plan, number, shot, images) for number, shot in enumerate(shots, 1)]


def _dx(plan: EncounterPlan, number: int, shot: Radiograph, images: list[Dataset]) -> Dataset:
    view, orientation, words = _VIEWS[shot.view]
    ds = dicom.header(plan)
    ds.ManufacturerModelName = _MODEL_NAME
    ds.SOPClassUID = DigitalXRayImageStorageForPresentation
    ds.SOPInstanceUID = dicom.uid(plan, "dx", number)
    ds.Modality = "DX"
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.SeriesInstanceUID = dicom.uid(plan, "dx")
    ds.SeriesNumber = 5
    ds.SeriesDescription = "SYNTHETIC chest radiographs"
    ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = ds.StudyDate
    ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = dicom.STUDY_TIME
    ds.InstanceNumber = number
    ds.ImageType = ["DERIVED", "PRIMARY", ""]
    ds.DerivationDescription = f"{words} projection of this study's CT; {radiograph.IN_SHORT}"
    ds.SourceImageSequence = [_reference(image) for image in images]
    ds.ImageComments = dicom.SYNTHETIC
    ds.BurnedInAnnotation = "NO"
    ds.LossyImageCompression = "00"
    ds.AcquisitionContextSequence = []
    _anatomy(ds, view, orientation)
    _geometry(ds, shot)
    _pixels(ds, shot)
    ds.file_meta = dicom.file_meta(str(ds.SOPClassUID))
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    return ds


def _reference(image: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = image.SOPClassUID
    item.ReferencedSOPInstanceUID = image.SOPInstanceUID
    return item


def _anatomy(ds: Dataset, view: CodedConcept, orientation: list[str]) -> None:
    """DX Anatomy Imaged and DX Positioning: what is seen and from where."""
    ds.BodyPartExamined = "CHEST"
    ds.AnatomicRegionSequence = [CodedConcept.from_code(codes.SCT.Chest)]
    ds.ImageLaterality = "U"
    seen = CodedConcept.from_code(view)
    seen.ViewModifierCodeSequence = []
    ds.ViewCodeSequence = [seen]
    ds.ViewPosition = "PA" if view == codes.SCT.PosteroAnterior else "LL"
    ds.PatientOrientation = orientation
    ds.PositionerType = ""


def _geometry(ds: Dataset, shot: Radiograph) -> None:
    """DX Detector and Positioning: distances in mm, to the patient's to the body's middle."""
    pixel = f"{radiograph.PIXEL_MM:g}"
    distance = radiograph.SOURCE_TO_DETECTOR_MM
    ds.DetectorType = ""
    ds.ImagerPixelSpacing = ds.PixelSpacing = [pixel, pixel]
    ds.DistanceSourceToDetector = f"{distance:g}"
    ds.DistanceSourceToPatient = f"{distance / shot.magnification:.2f}"
    ds.EstimatedRadiographicMagnificationFactor = f"{shot.magnification:.5f}"
    ds.KVP = None


def _pixels(ds: Dataset, shot: Radiograph) -> None:
    low, high = shot.window
    ds.Rows, ds.Columns = shot.pixels.shape
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelIntensityRelationship = "LOG"
    ds.PixelIntensityRelationshipSign = -1  # a higher value is less X-ray
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.PresentationLUTShape = "IDENTITY"
    ds.WindowCenter, ds.WindowWidth = f"{(low + high) / 2:g}", f"{high - low:g}"
    ds.WindowCenterWidthExplanation = "CHEST"
    ds.PixelData = shot.pixels.astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"
