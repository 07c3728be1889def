"""What cannot be measured here, for want of a program or a device: left out, in a sentence, not failed."""
import os
import shutil

from benchmark import istgt, peers, plan


class Absent:
    def __init__(self, tree, no_loops=None):
        """`no_loops`: why there are no loop devices; files take their place."""
        self.no_loops = no_loops
        self.peers = {peer.name: peer(tree) for peer in peers.ALL}
        self.sentences = {}  # in the order in which they were met
        if no_loops:
            self.sentences[f"loop devices; files instead: {no_loops}"] = None

    def leaves_out(self, row):
        if self.no_loops and row.place == "files" and row.section in ("floor", "ours"):
            return True  # it is what stands in for the loop devices
        why = self.why(row)
        if why:
            self.sentences.setdefault(why)
        return why is not None

    def why(self, row):
        if row.by == "peer":
            missing = self.peers[row.words[0]].missing()
            return missing and f"{row.words[0]}: {missing}; --install gets it"
        if row.by == "load" and row.words[0] in self.peers and not self.peers[row.words[0]].program():
            return f"{row.words[0]} is not installed; --install gets it"
        if row.by == "fio" and not shutil.which("fio"):
            return "fio is not installed"
        kind = plan.PLACES[row.place].kind if row.place in plan.PLACES else ""
        if kind == "lun" and not istgt.program():
            return "istgt is not installed; --install gets it"
        if kind == "fuse" and not os.access("/dev/fuse", os.R_OK | os.W_OK):
            return "slow and hanging disks: /dev/fuse cannot be opened"
        return None

    def told(self):
        return {name: {"version": peer.version(), "facts": peer.facts, "modes": peer.modes}
                for name, peer in self.peers.items() if peer.program()}
