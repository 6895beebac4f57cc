#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Recordings as tshark reads them, with the dissector of om-trace: fields by their names, requests
and responses that know each other, and the same things that `om-trace text` says.

    wireshark.py OM_TRACE TEST_PROGRAM      a program that is linked with shim.c

Exits with 77 when there is no tshark.
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

RETURN_FROM_RPC = "0x32000003"
FIELDS = """frame.number frame.interface_name optee.side optee.return optee.guest optee.vcpu
    optee.fid optee.status optee.rpc optee.id optee.cmd optee.rpc_cmd optee.session optee.ret
    optee.ta optee.param.type optee.param.a optee.param.buf_ptr optee.param.size optee.refused
    optee.call optee.request_in optee.response_in optee.time optee.rpc_in optee.answer_in
    _ws.expert.message _ws.malformed""".split()


def packets(folder, capture):
    command = ["tshark", "-2", "-r", capture, "-X", f"lua_script:{folder}/optee.lua", "-T", "fields",
               "-E", "separator=|", "-E", "aggregator=,"]
    for field in FIELDS:
        command += ["-e", field]
    run = subprocess.run(command, check=True, text=True, capture_output=True,
                         env=os.environ | {"HOME": folder})
    return [dict(zip(FIELDS, line.split("|"))) for line in run.stdout.splitlines()]


def check_links(frames):
    """What is linked is linked both ways, and is what it should be."""
    by_number = {p["frame.number"]: p for p in frames}
    answers = 0
    for p in frames:
        number = p["frame.number"]
        assert p["optee.side"], p
        assert not p["_ws.malformed"], p
        # Of the dissector, and of the packet's comment, which says the same; nothing of Lua's.
        assert not p["_ws.expert.message"].replace(p["optee.refused"], "").strip(","), p
        assert p["frame.interface_name"] == ("OP-TEE" if int(p["optee.side"]) else "guest"), p
        if p["optee.return"] in ("1", "True"):
            request = by_number[p["optee.request_in"]]
            assert request["optee.response_in"] == number, p
            assert request["optee.side"] == p["optee.side"], p
            assert float(p["optee.time"]) >= 0, p
        else:
            assert p["optee.fid"], p
        if p["optee.rpc_in"]:
            asked = by_number[p["optee.rpc_in"]]
            answers += 1
            assert p["optee.fid"] == RETURN_FROM_RPC and asked["optee.rpc"], p
            assert asked["optee.answer_in"] == number and asked["optee.id"] == p["optee.id"], p
            assert asked["optee.call"] == p["optee.call"], p
    return answers


def check_words(frames, words):
    """As often as the text says it, there is a packet that says it."""
    def count(**fields):
        names = {name.replace("__", "."): value for name, value in fields.items()}
        return sum(all(p[name] == value for name, value in names.items()) for p in frames)

    asked = [p for p in frames if p["optee.side"] == "0" and p["optee.fid"]]
    assert len(asked) == words.count(": guest -> "), len(asked)
    assert count(optee__side="1", optee__rpc="0xffff0005") == words.count("OP-TEE -> RPC CMD")
    for cmd, name in enumerate(["OPEN_SESSION", "INVOKE_COMMAND", "CLOSE_SESSION"]):
        said = sum(f": {name}" in line and " gives " not in line for line in words.splitlines())
        assert sum(p["optee.cmd"] == str(cmd) for p in asked) == said, name
    for p in frames:
        for reason in filter(None, [p["optee.refused"]]):
            assert reason in words, reason


def main():
    om_trace, program = sys.argv[1:3]
    if not shutil.which("tshark"):
        print("no tshark: skipped")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program], env=os.environ | {"OM_TEST_RECORD": folder}, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run([om_trace, "dissector", "-o", f"{folder}/optee.lua"], check=True)
        # Those with the most in them: tshark takes a second for each.
        recordings = sorted(glob.glob(f"{folder}/*.omrec"), key=os.path.getsize)[-3:]
        seen, answers = [], 0
        for recording in recordings:
            capture = f"{folder}/capture.pcapng"
            subprocess.run([om_trace, "pcapng", recording, "-o", capture], check=True)
            frames = packets(folder, capture)
            answers += check_links(frames)
            check_words(frames, subprocess.run([om_trace, "text", recording], check=True,
                                               text=True, capture_output=True).stdout)
            seen += frames
    everywhere = [field for field in FIELDS[:-1] if not any(p[field] for p in seen)]
    assert not everywhere, f"never seen: {everywhere}"
    assert answers > 10, answers
    # Both sides have the message: the guest's addresses at one, the host's at the other.
    for side in "01":
        assert any(p["optee.side"] == side and p["optee.ta"] and p["optee.cmd"] == "0"
                   for p in seen), side
    print(f"{len(seen)} packets of {len(recordings)} recordings, {answers} RPCs answered")


main()
