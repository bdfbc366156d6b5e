"""DICOM SEG: one binary segment for each lesion that is in the pixels."""

from __future__ import annotations

import highdicom as hd
import numpy as np
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from alignment.plan import EncounterPlan
from modalities.imaging import dicom
from modalities.imaging.codes import property_type, side_code, site_code, tracking_uid
from modalities.imaging.drawing import Drawn
from modalities.imaging.volume import Volume


def segmentation(plan: EncounterPlan, volume: Volume, images: list[Dataset]) -> Dataset | None:
    """SEG of one visit, or None where no lesion is drawn.

    ``images``: the CT, lowest slice first. Segments are numbered from 1 in the order drawn. The
    tracking id is the lesion's, its UID the same at every visit. Laterality is a modifier of the
    region, where PS3.3 has it (table 10-7): a lobe's code alone is that of either lung.
    """
    if not volume.drawn:
        return None
    first = min(d.box[0].start for d in volume.drawn)
    last = max(d.box[0].stop for d in volume.drawn)
    masks = np.zeros((last - first, *volume.grid.shape[1:], len(volume.drawn)), dtype=np.uint8)
    for number, lesion in enumerate(volume.drawn):
        z, y, x = lesion.box
        masks[z.start - first : z.stop - first, y, x, number] = lesion.mask
    seg = hd.seg.Segmentation(
        source_images=images[first:last],
        pixel_array=masks,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_segment(plan, n, d) for n, d in enumerate(volume.drawn, 1)],
        series_instance_uid=dicom.uid(plan, "seg"),
        series_number=2,
        sop_instance_uid=dicom.uid(plan, "seg", 1),
        instance_number=1,
        manufacturer=dicom.MANUFACTURER,
        manufacturer_model_name=dicom.MODEL_NAME,
        software_versions=dicom.SOFTWARE,
        device_serial_number="1",
        content_description="SYNTHETIC: lesions as rendered",
        content_creator_name="Consilience^",
        content_label="LESIONS",
        series_description="SYNTHETIC lesion masks",
    )
    return dicom.settle(seg, plan, dicom.header(plan))


def _segment(plan: EncounterPlan, number: int, lesion: Drawn) -> hd.seg.SegmentDescription:
    finding = lesion.finding
    where = finding.lobe or finding.site
    segment = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=f"{finding.finding_id} {where}",
        segmented_property_category=CodedConcept.from_code(
            codes.SCT.MorphologicallyAbnormalStructure
        ),
        segmented_property_type=property_type(finding),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name="lesion as drawn", family=codes.cid7162.DeformableModels, version=dicom.SOFTWARE
        ),
        tracking_uid=tracking_uid(plan, finding.finding_id),
        tracking_id=finding.finding_id,
        anatomic_regions=[site_code(finding)],
    )
    side = side_code(finding)
    if side is not None:
        segment.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [side]
    return segment
