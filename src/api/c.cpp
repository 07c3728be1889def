#include "api/c.hpp"

#include <algorithm>
#include <memory>

namespace diskpaxos::c {

namespace {

thread_local std::string last_sentence;

constexpr Code codes[] = {Code::no,       Code::full,        Code::usage,
                          Code::bad_data, Code::no_quorum,   Code::unknown_outcome,
                          Code::io,       Code::busy,        Code::permission,
                          Code::lost,     Code::no_slot,     Code::in_use,
                          Code::applied,  Code::not_printed, Code::other_group};

constexpr int code_number(Code code) {
    return static_cast<int>(std::ranges::find(codes, code) - std::begin(codes)) + 1;
}
static_assert(code_number(Code::no) == DISKPAXOS_NO && code_number(Code::full) == DISKPAXOS_FULL);
static_assert(code_number(Code::usage) == DISKPAXOS_USAGE);
static_assert(code_number(Code::bad_data) == DISKPAXOS_BAD_DATA);
static_assert(code_number(Code::no_quorum) == DISKPAXOS_NO_QUORUM);
static_assert(code_number(Code::unknown_outcome) == DISKPAXOS_UNKNOWN_OUTCOME);
static_assert(code_number(Code::io) == DISKPAXOS_IO && code_number(Code::busy) == DISKPAXOS_BUSY);
static_assert(code_number(Code::permission) == DISKPAXOS_PERMISSION);
static_assert(code_number(Code::lost) == DISKPAXOS_LOST);
static_assert(code_number(Code::no_slot) == DISKPAXOS_NO_SLOT);
static_assert(code_number(Code::in_use) == DISKPAXOS_IN_USE);
static_assert(code_number(Code::applied) == DISKPAXOS_APPLIED);
static_assert(code_number(Code::not_printed) == DISKPAXOS_NOT_PRINTED);
static_assert(code_number(Code::other_group) == DISKPAXOS_OTHER_GROUP);

Error not_swapped(const api::Value& value) {
    return {Code::no, "the version is " + std::to_string(value.version)};
}

}  // namespace

int code_of(Code code) {
    return code_number(code);
}

int fail(Error error) {
    last_sentence = std::move(error.sentence);
    return code_of(error.code);
}

int usage(const char* sentence) {
    return fail({Code::usage, sentence});
}

const char* keep(std::string sentence) {
    last_sentence = std::move(sentence);
    return last_sentence.c_str();
}

int done() {
    last_sentence.clear();
    return DISKPAXOS_OK;
}

bool copy(const api::Value& value, diskpaxos_value& out) {
    if (value.bytes.size() > DISKPAXOS_MAX_VALUE) return false;
    out.version = value.version;
    out.is_set = value.is_set;
    out.decided = value.decided;
    out.applied = value.applied;
    out.exact = value.exact;
    out.size = static_cast<std::uint32_t>(value.bytes.size());
    *std::ranges::copy(value.bytes, out.bytes).out = '\0';
    return true;
}

diskpaxos_answer empty_answer() {
    return {DISKPAXOS_OK, "", nullptr, 0, nullptr};
}

void give(diskpaxos_callback callback, void* context, const Error& error) {
    diskpaxos_answer answer = empty_answer();
    answer.code = code_of(error.code);
    answer.sentence = error.sentence.c_str();
    callback(context, &answer);
}

api::Then<void> calling(diskpaxos_callback callback, void* context) {
    return [=](const Result<void>& result) {
        if (!result) return give(callback, context, result.error());
        const diskpaxos_answer answer = empty_answer();
        callback(context, &answer);
    };
}

api::Then<api::Value> calling_with_value(diskpaxos_callback callback, void* context, bool cas) {
    return [=](const Result<api::Value>& result) {
        if (!result) return give(callback, context, result.error());
        const auto value = std::make_unique<diskpaxos_value>();
        if (!copy(*result, *value)) return give(callback, context, {Code::bad_data, "too long"});
        diskpaxos_answer answer = empty_answer();
        const Error no = not_swapped(*result);
        if (cas && !result->applied) {
            answer.code = DISKPAXOS_NO;
            answer.sentence = no.sentence.c_str();
        }
        answer.value = value.get();
        callback(context, &answer);
    };
}

api::Then<std::uint64_t> calling_with_token(diskpaxos_callback callback, void* context) {
    return [=](const Result<std::uint64_t>& token) {
        if (!token) return give(callback, context, token.error());
        diskpaxos_answer answer = empty_answer();
        answer.token = *token;
        callback(context, &answer);
    };
}

api::Then<api::Session> calling_with_session(diskpaxos_callback callback, void* context) {
    return [=](const Result<api::Session>& session) {
        if (!session) return give(callback, context, session.error());
        diskpaxos_answer answer = empty_answer();
        answer.session = new diskpaxos_session{*session};
        callback(context, &answer);
    };
}

}  // namespace diskpaxos::c

using namespace diskpaxos;

const char* diskpaxos_word(int code) {
    if (code == DISKPAXOS_OK) return "ok";
    const bool known = code > 0 && code <= static_cast<int>(std::size(c::codes));
    return known ? word(c::codes[code - 1]) : "unknown";
}

const char* diskpaxos_sentence(void) {
    return c::last_sentence.c_str();
}
