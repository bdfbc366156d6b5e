"""DICOM SEG of the five lung lobes, from the label map that the CT was deformed with.

A lobe is its anatomical territory: lesions that lie in it belong to it. Binary, whole frames,
explicit little endian, a sixth of the CT's bytes. Deflated it would be a fiftieth of that, but
most web viewers and dciodvfy do not read deflated files, and run-length coding takes no single
bits; only slices that a lobe reaches are stored. Laterality is a modifier of region and type,
where PS3.3 has it (tables 10-7 and C.8.20-4); dciodvfy warns that it does not know it there,
without an error.
"""

from __future__ import annotations

import highdicom as hd
import numpy as np
from highdicom.sr import CodedConcept
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from alignment.plan import EncounterPlan
from modalities.imaging import dicom
from modalities.imaging.atlas import LOBE_LABELS, LUNG_LABELS
from modalities.imaging.codes import LOBES, SIDES

_SIDE = {"R": "right", "L": "left"}


def segmentation(plan: EncounterPlan, labels: NDArray[np.uint8], images: list[Dataset]) -> Dataset:
    """SEG with a segment a lobe, in the order of ``LOBE_LABELS``.

    ``labels``: of the atlas, (slices, rows, columns); ``images``: the CT, lowest slice first.
    """
    reached = np.flatnonzero(np.isin(labels, LUNG_LABELS).any(axis=(1, 2)))
    first, last = int(reached[0]), int(reached[-1]) + 1
    masks = np.stack([labels[first:last] == n for n in LOBE_LABELS.values()], axis=-1)
    seg = hd.seg.Segmentation(
        source_images=images[first:last],
        pixel_array=masks.astype(np.uint8),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_segment(number, name) for number, name in enumerate(LOBE_LABELS, 1)],
        series_instance_uid=dicom.uid(plan, "lobes"),
        series_number=4,
        sop_instance_uid=dicom.uid(plan, "lobes", 1),
        instance_number=1,
        manufacturer=dicom.MANUFACTURER,
        manufacturer_model_name=dicom.MODEL_NAME,
        software_versions=dicom.SOFTWARE,
        device_serial_number="1",
        content_description="SYNTHETIC: lobes as deformed",
        content_creator_name="Consilience^",
        content_label="LOBES",
        series_description="SYNTHETIC lung lobes",
    )
    return dicom.settle(seg, plan, dicom.header(plan))


def _segment(number: int, name: str) -> hd.seg.SegmentDescription:
    lobe = CodedConcept.from_code(LOBES[name])
    side = CodedConcept.from_code(SIDES[_SIDE[name[0]]])
    segment = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=name,
        segmented_property_category=CodedConcept.from_code(codes.SCT.AnatomicalStructure),
        segmented_property_type=lobe,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name="deformed label map",
            family=codes.cid7162.DeformableModels,
            version=dicom.SOFTWARE,
        ),
        anatomic_regions=[lobe],
    )
    segment.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [side]
    segment.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [side]
    return segment
