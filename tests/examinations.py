"""The kinds of examination under short names."""

from spinealign.domain.examination import EXAMINATIONS, ExaminationKind

LATERAL_NECK = EXAMINATIONS[ExaminationKind.LATERAL_NECK_RADIOGRAPH]
NECK_CT = EXAMINATIONS[ExaminationKind.NECK_CT_SLICE]
SPINE_MR = EXAMINATIONS[ExaminationKind.SAGITTAL_SPINE_MR]
WHOLE_SPINE = EXAMINATIONS[ExaminationKind.LATERAL_SPINE_RADIOGRAPH]
FRONTAL = EXAMINATIONS[ExaminationKind.FRONTAL_SPINE_RADIOGRAPH]
