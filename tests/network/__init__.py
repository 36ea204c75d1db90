"""Other nodes, real ones: Orthanc and DCMTK on a loopback of their own."""
