"""DICOM SR, TID 1500: the reader's measurements, whether or not the pixels show the lesion.

Each lesion says whether it is a RECIST target: Baseline Category (PS3.16, CID 6145).
"""

from __future__ import annotations

import highdicom as hd
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from alignment import identifiers
from alignment.plan import EncounterPlan, Finding
from modalities.imaging import dicom
from modalities.imaging.codes import COVERED, LESION, finding_site, tracking_uid
from modalities.imaging.volume import Volume

_MM = CodedConcept("mm", "UCUM", "millimeter")
_PROCEDURE = CodedConcept("169069000", "SCT", "CT of chest")


def measured(plan: EncounterPlan) -> tuple[Finding, ...]:
    """Findings that the reader measured on this CT: present, larger than 0, within its coverage."""
    return tuple(
        f
        for f in plan.findings
        if f.present and f.site in COVERED and (f.measured_long_mm or 0) > 0
    )


def report(plan: EncounterPlan, volume: Volume, images: list[Dataset]) -> Dataset | None:
    """SR of one visit; None where nothing was measured, since TID 1500 must hold a measurement.

    ``images``: the CT, lowest slice first; of it the key images are named as evidence.
    """
    groups = [_group(plan, finding) for finding in measured(plan)]
    if not groups:
        return None
    keys = [images[index] for index in _key_slices(volume)]
    device = hd.sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
            uid=identifiers.dicom_uid("consilience", "reader"),
            name="Consilience simulated reader",
            manufacturer_name=dicom.MANUFACTURER,
        ),
    )
    content = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(observer_device_context=device),
        procedure_reported=_PROCEDURE,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
        referenced_images=keys,
    )
    content[0].ContentSequence.append(
        hd.sr.TextContentItem(
            name=codes.DCM.Comment,
            value=dicom.SYNTHETIC,
            relationship_type=hd.sr.RelationshipTypeValues.CONTAINS,
        )
    )
    sr = hd.sr.ComprehensiveSR(
        evidence=keys,
        content=content[0],
        series_instance_uid=dicom.uid(plan, "sr"),
        series_number=3,
        sop_instance_uid=dicom.uid(plan, "sr", 1),
        instance_number=1,
        manufacturer=dicom.MANUFACTURER,
        is_complete=True,
        is_final=True,
        is_verified=False,
        series_description="SYNTHETIC measurements",
    )
    return dicom.settle(sr, plan, dicom.header(plan))


def _key_slices(volume: Volume) -> list[int]:
    """The widest slice of each lesion in the pixels; the middle slice where there is none."""
    widest = {d.box[0].start + int(d.mask.sum(axis=(1, 2)).argmax()) for d in volume.drawn}
    return sorted(widest) or [volume.grid.shape[0] // 2]


def _group(plan: EncounterPlan, finding: Finding) -> hd.sr.MeasurementsAndQualitativeEvaluations:
    axes = (
        (codes.SCT.LongAxis, finding.measured_long_mm),
        (codes.SCT.ShortAxis, finding.measured_short_mm),
    )
    target = (
        codes.DCM.TargetLesionAtBaseline
        if finding.is_target
        else codes.DCM.NonTargetLesionAtBaseline
    )
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(
            uid=tracking_uid(plan, finding.finding_id), identifier=finding.finding_id
        ),
        finding_type=LESION,
        finding_sites=[finding_site(finding)],
        measurements=[
            hd.sr.Measurement(name=name, value=float(mm), unit=_MM)
            for name, mm in axes
            if mm is not None
        ],
        qualitative_evaluations=[hd.sr.QualitativeEvaluation(codes.DCM.BaselineCategory, target)],
    )
