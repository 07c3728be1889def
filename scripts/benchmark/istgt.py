"""istgt, an iSCSI target that knows COMPARE AND WRITE, on loopback: for the section on active disks.
It writes without flushing, so that its figures say nothing of durable arrays."""
import contextlib
import os
import shutil

from benchmark import disks, peers, tools

CONF = """[Global]
  NodeBase "iqn.2026-01.bench"
  PidFile {folder}/istgt.pid
  AuthFile {folder}/istgt.auth
  MediaDirectory {folder}
  Timeout 30
  NopInInterval 20
  DiscoveryAuthMethod None
  MaxSessions 64
  MaxConnections 4
  FirstBurstLength 262144
  MaxBurstLength 1048576
  MaxRecvDataSegmentLength 262144
  InitialR2T Yes
  ImmediateData Yes
  ErrorRecoveryLevel 0
[UnitControl]
  AuthMethod None
  AuthGroup None
  Portal UC1 127.0.0.1:{control}
  Netmask 127.0.0.1
[PortalGroup1]
  Portal DA1 127.0.0.1:{port}
[InitiatorGroup1]
  InitiatorName "ALL"
  Netmask 127.0.0.0/8
"""
UNIT = """[LogicalUnit{number}]
  TargetName lun{number}
  Mapping PortalGroup1 InitiatorGroup1
  AuthMethod None
  AuthGroup None
  UnitType Disk
  BlockLength 512
  LUN0 Storage {path} 4MB
"""


def program():
    return shutil.which("istgt", path=f"{os.environ['PATH']}:/usr/sbin:{peers.UNPACKED}/usr/bin")


def install():
    if program():
        return []
    peers.unpack(["istgt"])
    return ["unpacked istgt into build/peers"]


@contextlib.contextmanager
def units(folder, count):
    """URLs of so many LUNs."""
    port, conf = tools.free_port(), CONF
    for number in range(1, count + 1):
        conf += UNIT.format(number=number, path=disks.make_file(f"{folder}/lun{number}", 4 << 20))
    with open(f"{folder}/istgt.conf", "w") as file:
        file.write(conf.replace("{folder}", folder).replace("{port}", str(port))
                   .replace("{control}", str(tools.free_port())))
    with open(os.open(f"{folder}/istgt.auth", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write('[AuthGroup1]\n  Auth "me" "s3cret-s3cret"\n')
    with tools.running([program(), "-D", "-c", f"{folder}/istgt.conf"], f"{folder}/istgt.log"):
        tools.wait_for(lambda: tools.reaches(port), "istgt")
        yield [f"iscsi://127.0.0.1:{port}/iqn.2026-01.bench:lun{number}/0" for number in range(1, count + 1)]
