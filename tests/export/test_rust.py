"""Exported Rust, compiled by rustc with the libc crate, run by the kernel."""

from __future__ import annotations

import shutil
from glob import glob
from pathlib import Path

import pytest
from objfile.tools import output

from .corpus import answers, both_ways, built, name, programs, questions, source, wrong

RUSTC = "/usr/bin/rustc"
LIBC = "/usr/share/cargo/registry/libc-*/src/lib.rs"
LIBC_BUILT_WITH = [  # what its build script finds for a compiler of 2022
    word
    for name in (
        "align",
        "const_size_of",
        "core_cvoid",
        "int128",
        "packedN",
        "priv_mod_use",
        "union",
    )
    for word in ("--cfg", f"libc_{name}")
]
needs_rust = pytest.mark.skipif(
    shutil.which(RUSTC) is None or not glob(LIBC),
    reason="needs rustc and the libc crate: install rustc and librust-libc-dev",
)
pytestmark = [pytest.mark.oracle, needs_rust]

HARNESS = """\
mod filters;
use libc::{c_int, c_void, recv, send, setsockopt, sock_filter, sock_fprog, socketpair};
use std::io::{stdin, stdout, Read, Write};

static PROGRAMS: [&[sock_filter]; %d] = [%s];

fn pair(program: &[sock_filter]) -> [c_int; 2] {
    let mut pair: [c_int; 2] = [0; 2];
    let filter = program.as_ptr() as *mut sock_filter;
    let option = sock_fprog { len: program.len() as u16, filter };
    let at = &option as *const sock_fprog as *const c_void;
    let size = std::mem::size_of::<sock_fprog>() as u32;
    unsafe {
        assert_eq!(socketpair(libc::AF_UNIX, libc::SOCK_DGRAM, 0, pair.as_mut_ptr()), 0);
        let done = setsockopt(pair[1], libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, at, size);
        assert_eq!(done, 0);
    }
    pair
}

fn main() {
    let mut asked = Vec::new();
    stdin().read_to_end(&mut asked).unwrap();
    let mut said = Vec::new();
    let (mut at, mut last, mut sockets) = (0, usize::MAX, [-1; 2]);
    let mut room = [0u8; 1 << 16];
    while at < asked.len() {
        let word = |at: usize| u32::from_ne_bytes(asked[at..at + 4].try_into().unwrap()) as usize;
        let (number, length) = (word(at), word(at + 4));
        if number != last {
            unsafe { libc::close(sockets[0]); libc::close(sockets[1]); }
            sockets = pair(PROGRAMS[number]);
            last = number;
        }
        let packet = asked[at + 8..].as_ptr() as *const c_void;
        let space = room.as_mut_ptr() as *mut c_void;
        let heard = unsafe {
            send(sockets[0], packet, length, 0);
            recv(sockets[1], space, room.len(), libc::MSG_DONTWAIT)
        };
        said.push(if heard > 0 { b'y' } else { b'n' });
        at += 8 + length;
    }
    stdout().write_all(&said).unwrap();
}
"""


def test_the_kernel_decides_as_matches_does(tmp_path: Path) -> None:
    found = programs("packet", first=8)
    asked = questions(found)
    table = ", ".join(f"&filters::{name(number).upper()}" for number in range(len(found)))
    harness = HARNESS % (len(found), table)
    built(tmp_path, {"filters.rs": source("rust", found), "main.rs": harness})
    libc = (
        "--crate-name",
        "libc",
        "--crate-type",
        "rlib",
        "--cap-lints",
        "allow",
        *LIBC_BUILT_WITH,
    )
    output([RUSTC, "--out-dir", tmp_path, *libc, glob(LIBC)[0]])
    used = ("--extern", f"libc={tmp_path}/liblibc.rlib", "--edition", "2021", "-D", "warnings")
    output([RUSTC, "--out-dir", tmp_path, *used, tmp_path / "main.rs"])
    assert both_ways(asked)
    assert wrong(found, asked, answers([tmp_path / "main"], asked)) == []
