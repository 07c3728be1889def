// The C functions, one by one.
#include <cstring>

#include "diskpaxos/diskpaxos.h"
#include "testbed.hpp"

namespace diskpaxos::api {
namespace {

class InC : public Library {
  protected:
    InC() {
        for (const std::string& disk : disks) paths.push_back(disk.c_str());
        EXPECT_EQ(diskpaxos_group_open(paths.data(), paths.size(), nullptr, &group), 0)
            << diskpaxos_sentence();
    }
    ~InC() override { diskpaxos_group_close(group); }

    std::vector<const char*> paths;
    diskpaxos_group* group = nullptr;
};

std::string text(const diskpaxos_value& value) {
    EXPECT_EQ(std::strlen(value.bytes), value.size);
    return value.bytes;
}

TEST_F(InC, VersionsAndWords) {
    EXPECT_STREQ(diskpaxos_version(), DISKPAXOS_VERSION);
    EXPECT_EQ(diskpaxos_abi_version(), 1);
    EXPECT_STREQ(diskpaxos_word(DISKPAXOS_OK), "ok");
    EXPECT_STREQ(diskpaxos_word(DISKPAXOS_NO_QUORUM), "no_quorum");
    EXPECT_STREQ(diskpaxos_word(DISKPAXOS_LOST), "lost");
    EXPECT_STREQ(diskpaxos_word(DISKPAXOS_APPLIED), "applied");
    EXPECT_STREQ(diskpaxos_word(DISKPAXOS_OTHER_GROUP), "other_group");
    EXPECT_STREQ(diskpaxos_word(DISKPAXOS_OTHER_GROUP + 1), "unknown");
    EXPECT_STREQ(diskpaxos_word(99), "unknown");
}

TEST_F(InC, OptionsAreChecked) {
    diskpaxos_group* another = nullptr;
    diskpaxos_options wish = DISKPAXOS_OPTIONS_INIT;
    wish.size = sizeof wish + 8;
    EXPECT_EQ(diskpaxos_group_open(paths.data(), 3, &wish, &another), DISKPAXOS_USAGE);
    wish = DISKPAXOS_OPTIONS_INIT;
    wish.backend = 7;
    EXPECT_EQ(diskpaxos_group_open(paths.data(), 3, &wish, &another), DISKPAXOS_USAGE);
    EXPECT_EQ(diskpaxos_group_open(paths.data(), 1, nullptr, &another), DISKPAXOS_NO_QUORUM);
    EXPECT_STRNE(diskpaxos_sentence(), "");
    EXPECT_EQ(diskpaxos_group_open_named("/no/such.conf", nullptr, &another), DISKPAXOS_USAGE);
    wish = DISKPAXOS_OPTIONS_INIT;
    wish.slot = static_cast<int32_t>(diskpaxos_group_slot(group));
    wish.timeout_s = 1;
    EXPECT_EQ(diskpaxos_group_open(paths.data(), 3, &wish, &another), DISKPAXOS_NO_SLOT);
    EXPECT_EQ(another, nullptr);
    EXPECT_STREQ(diskpaxos_group_name(group), "group");
    EXPECT_EQ(std::strlen(diskpaxos_group_uuid(group)), 36U);
    EXPECT_EQ(diskpaxos_group_ttl_ms(group), 10000U);
}

TEST_F(InC, Cells) {
    diskpaxos_value value;
    EXPECT_EQ(diskpaxos_cell_set(group, "x", "one", 3, 0, nullptr), DISKPAXOS_OK);
    EXPECT_EQ(diskpaxos_cell_get(group, "x", 0, &value), DISKPAXOS_OK);
    EXPECT_EQ(text(value), "one");
    EXPECT_EQ(diskpaxos_cell_cas(group, "x", 9, "two", 3, 0, &value), DISKPAXOS_NO);
    EXPECT_EQ(value.version, 1U);
    EXPECT_STREQ(diskpaxos_sentence(), "the version is 1");
    EXPECT_EQ(diskpaxos_cell_cas(group, "x", 1, "two", 3, 0, &value), DISKPAXOS_OK);
    EXPECT_STREQ(diskpaxos_sentence(), "");
    EXPECT_EQ(diskpaxos_cell_remove(group, "x", 0, &value), DISKPAXOS_OK);
    EXPECT_EQ(value.is_set, 0);
    int64_t sum = 0;
    EXPECT_EQ(diskpaxos_cell_incr(group, "n", -7, 0, &sum), DISKPAXOS_OK);
    EXPECT_EQ(sum, -7);
    EXPECT_EQ(diskpaxos_propose(group, "p", "me", 2, 0, &value), DISKPAXOS_OK);
    EXPECT_EQ(diskpaxos_propose(group, "p", "you", 3, 0, &value), DISKPAXOS_OK);
    EXPECT_EQ(text(value), "me");
    EXPECT_EQ(value.decided, 1);
    EXPECT_EQ(diskpaxos_cell_get(group, "@mine", 0, &value), DISKPAXOS_USAGE);
    EXPECT_EQ(diskpaxos_cell_get(group, nullptr, 0, &value), DISKPAXOS_USAGE);
    EXPECT_EQ(diskpaxos_cell_incr(group, nullptr, 1, 0, nullptr), DISKPAXOS_USAGE);
}

struct Heard {
    int count = 0;
    int code = -1;
    std::string sentence;
    std::string value;
    uint64_t token = 0;
    diskpaxos_session* session = nullptr;
};

void hear(void* context, const diskpaxos_answer* answer) {
    Heard& heard = *static_cast<Heard*>(context);
    ++heard.count;
    heard.code = answer->code;
    heard.sentence = answer->sentence;
    heard.value = answer->value == nullptr ? "" : text(*answer->value);
    heard.token = answer->token;
    heard.session = answer->session;
}

class InCWithoutWaiting : public InC {
  protected:
    // Polls and dispatches until one more answer is there.
    void await() {
        const int before = heard.count;
        for (int i = 0; i < 1000 && heard.count == before; ++i) {
            if (readable(diskpaxos_group_fd(group), 30ms)) diskpaxos_dispatch(group);
        }
        EXPECT_EQ(heard.count, before + 1);
    }
    Heard heard;
};

TEST_F(InCWithoutWaiting, Cells) {
    EXPECT_EQ(diskpaxos_cell_set_async(group, "x", "one", 3, 0, hear, &heard), 0);
    await();
    EXPECT_EQ(diskpaxos_cell_cas_async(group, "x", 5, "two", 3, 0, hear, &heard), 0);
    await();
    EXPECT_EQ(heard.code, DISKPAXOS_NO);
    EXPECT_EQ(heard.value, "one");
    EXPECT_EQ(diskpaxos_cell_incr_async(group, "x", 1, 0, hear, &heard), 0);
    await();
    EXPECT_EQ(heard.code, DISKPAXOS_NO);
    EXPECT_NE(heard.sentence, "");
    EXPECT_EQ(diskpaxos_cell_remove_async(group, "x", 0, hear, &heard), 0);
    await();
    EXPECT_EQ(diskpaxos_cell_get_async(group, "x", 0, hear, &heard), 0);
    await();
    EXPECT_EQ(heard.code, DISKPAXOS_OK);
    EXPECT_EQ(diskpaxos_propose_async(group, "p", "me", 2, 0, hear, &heard), 0);
    await();
    EXPECT_EQ(heard.value, "me");
    EXPECT_EQ(diskpaxos_cell_get_async(group, "", 0, hear, &heard), DISKPAXOS_USAGE);
}

TEST_F(InCWithoutWaiting, SessionsAndLocks) {
    EXPECT_EQ(diskpaxos_session_open_async(group, 0, "test", 0, hear, &heard), 0);
    await();
    ASSERT_NE(heard.session, nullptr);
    diskpaxos_session* const session = heard.session;
    diskpaxos_lock* lock = nullptr;
    EXPECT_EQ(diskpaxos_lock_new(session, "x", &lock), 0);
    EXPECT_EQ(diskpaxos_lock_acquire_async(lock, DISKPAXOS_SHARED, DISKPAXOS_FOREVER, hear, &heard),
              0);
    await();
    EXPECT_EQ(heard.token, 1U);
    EXPECT_EQ(diskpaxos_lock_convert_async(lock, DISKPAXOS_EXCLUSIVE, 0, hear, &heard), 0);
    await();
    EXPECT_EQ(heard.token, 2U);
    EXPECT_EQ(diskpaxos_lock_set_value_async(lock, "v", 1, 0, hear, &heard), 0);
    await();
    EXPECT_EQ(heard.code, DISKPAXOS_OK);
    EXPECT_EQ(diskpaxos_lock_release_async(lock, 0, hear, &heard), 0);
    await();
    EXPECT_EQ(heard.code, DISKPAXOS_OK);
    EXPECT_EQ(diskpaxos_session_leave_async(session, 0, hear, &heard), 0);
    await();
    EXPECT_EQ(diskpaxos_session_state(session), DISKPAXOS_LEFT);
    diskpaxos_lock_free(lock);
    diskpaxos_session_free(session);
}

TEST_F(InC, SessionsAndLocks) {
    diskpaxos_session* session = nullptr;
    EXPECT_EQ(diskpaxos_session_open(group, 10, nullptr, 0, &session), DISKPAXOS_USAGE);
    ASSERT_EQ(diskpaxos_session_open(group, 5000, "test", 0, &session), 0) << diskpaxos_sentence();
    EXPECT_EQ(diskpaxos_session_state(session), DISKPAXOS_SOUND);
    EXPECT_GT(diskpaxos_session_valid_until_ns(session), 0);
    EXPECT_FALSE(readable(diskpaxos_session_fd(session), 0ms));
    EXPECT_STREQ(diskpaxos_session_why_lost(session), "");

    diskpaxos_lock* lock = nullptr;
    ASSERT_EQ(diskpaxos_lock_new(session, "x", &lock), 0);
    uint64_t token = 0;
    EXPECT_EQ(diskpaxos_lock_acquire(lock, 5, 0, &token), DISKPAXOS_USAGE);
    EXPECT_EQ(diskpaxos_lock_acquire(lock, DISKPAXOS_SHARED, DISKPAXOS_TRY_ONCE, &token), 0);
    EXPECT_EQ(diskpaxos_lock_held(lock), 1);
    EXPECT_EQ(diskpaxos_lock_set_value(lock, "v", 1, 0), DISKPAXOS_LOST);
    EXPECT_EQ(diskpaxos_lock_convert(lock, DISKPAXOS_EXCLUSIVE, 0, nullptr), 0);
    EXPECT_GT(diskpaxos_lock_token(lock), token);
    EXPECT_EQ(diskpaxos_lock_set_value(lock, "value", 5, 0), 0);
    char bytes[DISKPAXOS_MAX_LOCK_VALUE];
    size_t size = 2;
    int doubtful = 1;
    EXPECT_EQ(diskpaxos_lock_get_value(lock, bytes, &size, &doubtful), DISKPAXOS_USAGE);
    size = sizeof bytes;
    EXPECT_EQ(diskpaxos_lock_get_value(lock, bytes, &size, &doubtful), 0);
    EXPECT_EQ(std::string(bytes, size), "value");
    EXPECT_EQ(doubtful, 0);
    EXPECT_EQ(diskpaxos_lock_release(lock, 0), 0);
    EXPECT_EQ(diskpaxos_lock_held(lock), 0);
    diskpaxos_lock_cancel(lock);
    diskpaxos_lock_free(lock);
    EXPECT_EQ(diskpaxos_session_leave(session, 0), 0);
    diskpaxos_session_free(session);
}

}  // namespace
}  // namespace diskpaxos::api
