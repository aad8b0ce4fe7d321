"""The C library is told once, and says whether it listened."""

import platform

from inference.memory import keep_freed_pages


def test_glibc_listens_and_others_are_left_alone():
    assert keep_freed_pages() is (platform.libc_ver()[0] == "glibc")
