"""The ops driver: the one place where write entries and reads become remote operations, and back.

Pure: it opens no connection and tries nothing twice. Rules: specs/transport.md.
"""
