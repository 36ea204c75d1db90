"""Accounts: who may open the archive, and with which rights.

One random data key opens everything. It is stored only wrapped: once for each account, with a key
made of that account's password, and once with the recovery key. Adding and removing people, and
changing passwords, therefore encrypts nothing anew. The layer knows neither window nor archive.
"""
