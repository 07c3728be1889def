#include <diskpaxos/diskpaxos.h>
#include <stdio.h>

int main(int count, char** disks) {
    diskpaxos_group* group = NULL;
    diskpaxos_session* session = NULL;
    diskpaxos_lock* lock = NULL;
    int64_t visits = 0;
    uint64_t token = 0;
    if (diskpaxos_group_open((const char* const*)disks + 1, (size_t)count - 1, NULL, &group) ||
        diskpaxos_cell_incr(group, "visits", 1, 0, &visits) ||
        diskpaxos_session_open(group, 0, NULL, 0, &session) ||
        diskpaxos_lock_new(session, "printer", &lock) ||
        diskpaxos_lock_acquire(lock, DISKPAXOS_EXCLUSIVE, DISKPAXOS_FOREVER, &token)) {
        return fprintf(stderr, "%s\n", diskpaxos_sentence()), 1;
    }
    printf("visit %jd, token %ju\n", (intmax_t)visits, (uintmax_t)token);
    diskpaxos_group_close(group);  // leaves the session, and with it the lock
    diskpaxos_lock_free(lock);
    diskpaxos_session_free(session);
    return 0;
}
