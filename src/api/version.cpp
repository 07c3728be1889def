// The versions of the library, as it was built.
#include "diskpaxos/diskpaxos.h"

const char* diskpaxos_version(void) {
    return DISKPAXOS_VERSION;
}

int diskpaxos_abi_version(void) {
    return DISKPAXOS_ABI;
}
