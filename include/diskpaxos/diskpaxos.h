/* diskpaxos in C: consensus, leases and locks for machines that share nothing but disks.
 *
 * Every function that can fail returns a code: DISKPAXOS_OK (0), or what went wrong;
 * diskpaxos_sentence() then says more, in one sentence, about the last call of this thread.
 * Functions may be called from any thread unless they say otherwise. Blocking ones may not be
 * called from callbacks on the library's own thread (DISKPAXOS_USAGE). Nothing may be called with
 * a handle that was freed, nor while another thread frees it.
 *
 * timeout_ms: how long the call may take, at most a day; 0: as the group was opened with. Strings
 * are zero-terminated; pointers are not kept after the call. Running out of memory ends the
 * process.
 *
 * fork(): a child cannot use what its parent opened; all calls there end with DISKPAXOS_USAGE, and
 * freeing handles does nothing to the disks. A child that neither execs nor ends keeps the parent's
 * slot locked, so fork before opening, or exec. */
#ifndef DISKPAXOS_DISKPAXOS_H
#define DISKPAXOS_DISKPAXOS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that runs, as in "0.1.0". */
const char *diskpaxos_version(void);
/* Rises with every change after which programs must be built anew: the soname's number. */
int diskpaxos_abi_version(void);

/* ---- errors ---- */

enum {
    DISKPAXOS_OK = 0,
    DISKPAXOS_NO = 1,              /* the answer is no */
    DISKPAXOS_FULL = 2,            /* no cell is left for a new name */
    DISKPAXOS_USAGE = 3,           /* what was asked for is impossible */
    DISKPAXOS_BAD_DATA = 4,        /* what is on the disks is not a sound group */
    DISKPAXOS_NO_QUORUM = 5,       /* too few disks answer; nothing was decided by this call */
    DISKPAXOS_UNKNOWN_OUTCOME = 6, /* the change may be applied, now, later or never: a read settles it */
    DISKPAXOS_IO = 7,              /* one disk, needed by itself, failed */
    DISKPAXOS_BUSY = 8,            /* the lock is held */
    DISKPAXOS_PERMISSION = 9,      /* the disk may not be opened */
    DISKPAXOS_LOST = 10,           /* what we held is not ours any more; or the group is closed */
    DISKPAXOS_NO_SLOT = 11,        /* the group has no place for one process more */
    DISKPAXOS_IN_USE = 12,         /* somebody uses the disk or the group */
    DISKPAXOS_APPLIED = 13,        /* the change was applied; its own result cannot be known */
    DISKPAXOS_NOT_PRINTED = 14,    /* of the command only: applied, but not printed */
    DISKPAXOS_OTHER_GROUP = 15     /* a disk belongs to another group than the one named */
};

const char *diskpaxos_word(int code);  /* the stable word, as in "no_quorum"; "ok" for 0 */
const char *diskpaxos_sentence(void);  /* until the next call of this thread */

/* ---- groups ---- */

typedef struct diskpaxos_group diskpaxos_group;

enum { DISKPAXOS_DISPATCH = 0, DISKPAXOS_ON_THREAD = 1 };
enum { DISKPAXOS_ANY_BACKEND = 0, DISKPAXOS_IO_URING = 1, DISKPAXOS_THREADS = 2 };

typedef struct diskpaxos_options {
    size_t size;           /* sizeof(diskpaxos_options): later versions add fields at the end */
    uint32_t timeout_s;    /* of opening, and of each call that names no other; 1 to 86400 */
    int32_t slot;          /* this one; -1: any of this host's */
    int32_t backend;       /* DISKPAXOS_ANY_BACKEND, … */
    int32_t callbacks;     /* who calls them: who calls diskpaxos_dispatch(), or, DISKPAXOS_ON_THREAD,
                              the library's own thread: then they must be short and must not block */
    /* Called by opening, in its thread: what is not as it should be and yet no reason to fail. */
    void (*warn)(void *context, const char *sentence);
    void *warn_context;
} diskpaxos_options;

#define DISKPAXOS_OPTIONS_INIT {sizeof(diskpaxos_options), 10, -1, DISKPAXOS_ANY_BACKEND, \
                                DISKPAXOS_DISPATCH, NULL, NULL}

/* Opens the group of these disks and takes a slot in it; starts the thread that does all I/O.
 * Blocks; the first process of a host to open a group claims slots, for about a tenth of the TTL.
 * options: NULL for what DISKPAXOS_OPTIONS_INIT says. */
int diskpaxos_group_open(const char *const *disks, size_t count, const diskpaxos_options *options,
                         diskpaxos_group **group);
/* The same for a group file, by NAME or FILE as `diskpaxos -g`; NULL: $DISKPAXOS_GROUP. */
int diskpaxos_group_open_named(const char *name, const diskpaxos_options *options,
                               diskpaxos_group **group);
/* Closes and frees it, whatever other threads wait for: refuses new calls, ends waiting for locks,
 * lets all else come to its end within its time-out, leaves the session, makes the callbacks that
 * are left, closes the disks. Sessions and locks stay to be freed, and are lost. Not to be called
 * from a callback. */
void diskpaxos_group_close(diskpaxos_group *group);

const char *diskpaxos_group_name(const diskpaxos_group *group);
const char *diskpaxos_group_uuid(const diskpaxos_group *group);
uint32_t diskpaxos_group_slot(const diskpaxos_group *group);
uint32_t diskpaxos_group_ttl_ms(const diskpaxos_group *group);

/* For event loops: poll the descriptor for reading (do not read or close it), and dispatch when it
 * is readable. Returns how many callbacks were made, in the calling thread. */
int diskpaxos_group_fd(const diskpaxos_group *group);
size_t diskpaxos_dispatch(diskpaxos_group *group);

/* ---- answers of asynchronous calls ---- */

/* No value of a cell is longer. */
#define DISKPAXOS_MAX_VALUE 4096

typedef struct diskpaxos_value {
    uint64_t version; /* 0: never written; rises with every change, for ever */
    uint8_t is_set;   /* 0: never set, or removed */
    uint8_t decided;  /* by propose: it never changes again */
    uint8_t applied;  /* this call has changed it */
    uint8_t exact;    /* 0: what this call made cannot be known; bytes and version are of a later change */
    uint32_t size;
    char bytes[DISKPAXOS_MAX_VALUE + 1]; /* `size` of them, any, and a zero */
} diskpaxos_value;

typedef struct diskpaxos_session diskpaxos_session;

typedef struct diskpaxos_answer {
    int code;
    const char *sentence;           /* empty for DISKPAXOS_OK */
    const diskpaxos_value *value;   /* of cell calls that give one, otherwise NULL */
    uint64_t token;                 /* of lock calls that give one, otherwise 0 */
    diskpaxos_session *session;     /* of diskpaxos_session_open_async, otherwise NULL; to be freed */
} diskpaxos_answer;

/* The answer is there for as long as the callback runs. A call that returned DISKPAXOS_OK makes its
 * callback exactly once; one that returned anything else never. */
typedef void (*diskpaxos_callback)(void *context, const diskpaxos_answer *answer);

/* ---- cells: small values, the same for everybody, linearizable ---- */

/* `value` may be NULL if it does not matter. name: 1 to 63 bytes, not beginning with '@'. */
int diskpaxos_cell_get(diskpaxos_group *group, const char *name, int64_t timeout_ms,
                       diskpaxos_value *value);
int diskpaxos_cell_set(diskpaxos_group *group, const char *name, const void *bytes, size_t size,
                       int64_t timeout_ms, diskpaxos_value *value);
/* Only if the version is this one; otherwise DISKPAXOS_NO, and *value is what is there. */
int diskpaxos_cell_cas(diskpaxos_group *group, const char *name, uint64_t version, const void *bytes,
                       size_t size, int64_t timeout_ms, diskpaxos_value *value);
/* Adds to the decimal number in the cell, unset counts as 0. *sum, which may be NULL, is what this
 * very call made of it, whatever others have added since: no two calls are given the same one.
 * DISKPAXOS_APPLIED: it was added, and *sum, which is not NULL, cannot be known. */
int diskpaxos_cell_incr(diskpaxos_group *group, const char *name, int64_t by, int64_t timeout_ms,
                        int64_t *sum);
int diskpaxos_cell_remove(diskpaxos_group *group, const char *name, int64_t timeout_ms,
                          diskpaxos_value *value);
/* One-shot consensus: *value is the value decided for this name, the same everywhere, for ever. */
int diskpaxos_propose(diskpaxos_group *group, const char *name, const void *bytes, size_t size,
                      int64_t timeout_ms, diskpaxos_value *value);

int diskpaxos_cell_get_async(diskpaxos_group *group, const char *name, int64_t timeout_ms,
                             diskpaxos_callback callback, void *context);
int diskpaxos_cell_set_async(diskpaxos_group *group, const char *name, const void *bytes, size_t size,
                             int64_t timeout_ms, diskpaxos_callback callback, void *context);
int diskpaxos_cell_cas_async(diskpaxos_group *group, const char *name, uint64_t version,
                             const void *bytes, size_t size, int64_t timeout_ms,
                             diskpaxos_callback callback, void *context);
/* The sum is the value's bytes, as text; where value->exact is 0, that of a later change. */
int diskpaxos_cell_incr_async(diskpaxos_group *group, const char *name, int64_t by,
                              int64_t timeout_ms, diskpaxos_callback callback, void *context);
int diskpaxos_cell_remove_async(diskpaxos_group *group, const char *name, int64_t timeout_ms,
                                diskpaxos_callback callback, void *context);
int diskpaxos_propose_async(diskpaxos_group *group, const char *name, const void *bytes, size_t size,
                            int64_t timeout_ms, diskpaxos_callback callback, void *context);

/* ---- sessions: our sign of life, on which all our locks hang ---- */

enum {
    DISKPAXOS_SOUND = 0,  /* more than a quarter of its TTL is left */
    DISKPAXOS_DANGER = 1, /* less is left: stop what its locks protect */
    DISKPAXOS_SESSION_LOST = 2, /* over: others may take its locks */
    DISKPAXOS_LEFT = 3    /* over, by our own will */
};

/* A group has one session at a time. ttl_ms: how long it lives without being renewed, 1000 to
 * 3600000; 0: as the disks say. command: what `diskpaxos show` calls us; NULL: the program's name. */
int diskpaxos_session_open(diskpaxos_group *group, uint32_t ttl_ms, const char *command,
                           int64_t timeout_ms, diskpaxos_session **session);
int diskpaxos_session_open_async(diskpaxos_group *group, uint32_t ttl_ms, const char *command,
                                 int64_t timeout_ms, diskpaxos_callback callback, void *context);
/* After all that its locks protect has stopped. */
int diskpaxos_session_leave(diskpaxos_session *session, int64_t timeout_ms);
int diskpaxos_session_leave_async(diskpaxos_session *session, int64_t timeout_ms,
                                  diskpaxos_callback callback, void *context);
/* With the session and all its locks freed, it is left, without waiting for that. */
void diskpaxos_session_free(diskpaxos_session *session);

/* These do not wait: */
int diskpaxos_session_state(const diskpaxos_session *session);
/* Until then nobody else can hold its locks; nanoseconds of CLOCK_BOOTTIME. */
int64_t diskpaxos_session_valid_until_ns(const diskpaxos_session *session);
/* For poll(2): readable while the session is in danger or lost. Not to be read or closed. */
int diskpaxos_session_fd(const diskpaxos_session *session);
/* Why it was lost; empty before. Until the next call of this thread. */
const char *diskpaxos_session_why_lost(const diskpaxos_session *session);

/* ---- locks ---- */

typedef struct diskpaxos_lock diskpaxos_lock;

enum { DISKPAXOS_SHARED = 0, DISKPAXOS_EXCLUSIVE = 1 };
#define DISKPAXOS_TRY_ONCE 0
#define DISKPAXOS_FOREVER (-1)
#define DISKPAXOS_MAX_LOCK_VALUE 32

/* A handle. Within one session one handle at a time holds a lock of a name, in whatever mode. Calls
 * of one handle exclude each other (DISKPAXOS_USAGE), except cancel and those that only ask. */
int diskpaxos_lock_new(diskpaxos_session *session, const char *name, diskpaxos_lock **lock);
/* Lets go of the lock, or of the wish for it, without waiting for that. */
void diskpaxos_lock_free(diskpaxos_lock *lock);

/* *token (which may be NULL): larger than that of every earlier holding of the lock, for ever; hand
 * it to what the lock protects, and let that refuse smaller ones. patience_ms: how long to wait for
 * others; DISKPAXOS_TRY_ONCE, DISKPAXOS_FOREVER. DISKPAXOS_BUSY: others hold it. */
int diskpaxos_lock_acquire(diskpaxos_lock *lock, int mode, int64_t patience_ms, uint64_t *token);
/* After all that was done under it has stopped. DISKPAXOS_LOST: it was not ours any more. After any
 * other error call it again, or leave the session: others must wait until then. */
int diskpaxos_lock_release(diskpaxos_lock *lock, int64_t timeout_ms);
/* In place. To exclusive only as the sole holder (otherwise DISKPAXOS_BUSY), with a new token; to
 * shared always, with the same one. */
int diskpaxos_lock_convert(diskpaxos_lock *lock, int mode, int64_t timeout_ms, uint64_t *token);
/* The small value kept with the lock, of the last exclusive holder that set one, as it was when this
 * handle took the lock or changed it. *size: of the buffer, then of the value; *doubtful (which may
 * be NULL): an exclusive holder was evicted since it was set. Holders only. */
int diskpaxos_lock_get_value(diskpaxos_lock *lock, void *bytes, size_t *size, int *doubtful);
int diskpaxos_lock_set_value(diskpaxos_lock *lock, const void *bytes, size_t size,
                             int64_t timeout_ms);

int diskpaxos_lock_acquire_async(diskpaxos_lock *lock, int mode, int64_t patience_ms,
                                 diskpaxos_callback callback, void *context);
int diskpaxos_lock_release_async(diskpaxos_lock *lock, int64_t timeout_ms,
                                 diskpaxos_callback callback, void *context);
int diskpaxos_lock_convert_async(diskpaxos_lock *lock, int mode, int64_t timeout_ms,
                                 diskpaxos_callback callback, void *context);
int diskpaxos_lock_set_value_async(diskpaxos_lock *lock, const void *bytes, size_t size,
                                   int64_t timeout_ms, diskpaxos_callback callback, void *context);

/* These do not wait. Cancel ends an acquire that waits: it ends with DISKPAXOS_BUSY. */
void diskpaxos_lock_cancel(diskpaxos_lock *lock);
int diskpaxos_lock_held(const diskpaxos_lock *lock); /* 1: held, by a session that is not lost */
uint64_t diskpaxos_lock_token(const diskpaxos_lock *lock); /* 0: none */

#ifdef __cplusplus
}
#endif

#endif
