"""The archive: cases, readings and files, encrypted on the disk.

The database is SQLCipher's, large files are AES-GCM's. The layer knows neither window nor network;
its keys come from `spinealign.accounts`, or from the system's key store without accounts.
`sqlcipher3` and `cryptography` are imported where they are used.
"""
