"""The reference as an implementation under test: it runs scripts of protocol 1.

Everything here speaks plain JSON at its boundary, so that a faulty copy of the specification,
loaded beside the real one, can be driven and compared without sharing a class with it.
"""
