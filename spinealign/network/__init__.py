"""DICOM and DICOMweb: other nodes tested, asked, sent to and received from.

Nothing here opens a socket before a person has configured a node and asks for something.
`spinealign.network.node` is the way in; pynetdicom, dicomweb-client and keyring are imported
when they are used.
"""
