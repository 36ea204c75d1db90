"""What was found, as DICOM objects: beside the image, in its study, for any archive and viewer.

highdicom is imported inside functions only: it costs more than all the rest of reading an image.
"""
