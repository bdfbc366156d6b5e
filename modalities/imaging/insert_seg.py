"""DICOM SEG of an inserted lesion."""

from __future__ import annotations

import highdicom as hd
import numpy as np
from highdicom.sr import CodedConcept
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID

from alignment import identifiers
from modalities.imaging import dicom


def segmentation(images: list[Dataset], mask: NDArray[np.bool_], key: str) -> Dataset:
    """``mask`` (slices, rows, columns) as the one segment of a SEG on ``images``; keyed UIDs."""
    found = np.flatnonzero(mask.any(axis=(1, 2)))
    first, last = int(found[0]), int(found[-1]) + 1
    segment = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label="synthetic lesion",
        segmented_property_category=CodedConcept.from_code(
            codes.SCT.MorphologicallyAbnormalStructure
        ),
        segmented_property_type=CodedConcept.from_code(codes.SCT.Lesion),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name="lesion as drawn", family=codes.cid7162.DeformableModels, version=dicom.SOFTWARE
        ),
        tracking_uid=identifiers.dicom_uid("insert", key, "lesion"),
        tracking_id="inserted",
        anatomic_regions=[CodedConcept.from_code(codes.SCT.Lung)],
    )
    seg = hd.seg.Segmentation(
        source_images=images[first:last],
        pixel_array=mask[first:last].astype(np.uint8),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[segment],
        series_instance_uid=identifiers.dicom_uid("insert", key, "seg series"),
        series_number=int(images[0].get("SeriesNumber") or 1) + 1,
        sop_instance_uid=identifiers.dicom_uid("insert", key, "seg"),
        instance_number=1,
        manufacturer=dicom.MANUFACTURER,
        manufacturer_model_name=dicom.MODEL_NAME,
        software_versions=dicom.SOFTWARE,
        device_serial_number="1",
        content_description="SYNTHETIC: lesion as drawn",
        content_creator_name="Consilience^",
        content_label="LESIONS",
        series_description="SYNTHETIC lesion mask",
    )
    date = str(images[0].get("StudyDate") or "19000101")
    dicom.settle_clock(seg, date, lambda n: identifiers.dicom_uid("insert", key, "dimension", n))
    seg.file_meta = dicom.file_meta(str(seg.SOPClassUID))
    seg.file_meta.MediaStorageSOPInstanceUID = UID(str(seg.SOPInstanceUID))
    return seg
