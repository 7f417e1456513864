"""
Words that stand in name elements of phantoms, test objects and files cleaned before.

They are no names, and devices write them in coded elements: cutting them out of text, or holding
a file for them, would hurt and protect nobody. Only words that no person is likely to carry.
"""

DICOM_WORDS = frozenset(
    # A text, because a list of these would be a page with a word a line.
    """
    abdomen adult angio anon anonim anonymised anonymized anonymous arm aorta artery axial body
    bone brain breast cardiac cervix chest child children clavicle clinic coccyx colon
    compressed coronal cr ct daily data deid deidentified demo department derived device dicom dr
    dx elbow ent eye facial femur fetus finger foot forearm fluoroscopy generic hand head heart
    hip hospital humerus id identified image imaging internal ip jaw kidney knee left leg liver
    localizer lspine lumbar lung male female mandible mean medical mg mr mri name neck nm no none
    null number of ophthalmology ordinary original orbit oncology other patient pelvis penis
    phantom phys physician primary prostate pt px qa quality radiograph radiography radiology
    removed research rib right rtplan rtdose rtstruct sacrum sagittal sample samples scan secondary
    series shoulder skull spine spleen sr sternum stomach study subject supine teaching test testing
    thigh thorax tspine ultrasound unknown unnamed unspecified us uterus vessel volunteer water
    agfa canon carestream esaote fuji fujifilm ge hitachi hologic kodak konica philips samsung
    shimadzu siemens toshiba varian elekta medtronic vendor manufacturer system systems
    whole wrist xa xray yes zygoma and bin da de del den der di do dos du el la le ter the van von
    """.split(),  # noqa: SIM905
)
