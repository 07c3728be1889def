#include "node/notes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "group/assemble.hpp"

namespace diskpaxos::node {

namespace {

constexpr const char* title = "diskpaxos note 1";
constexpr std::size_t longest = 1 << 16;  // bytes: all sessions of a group fit many times

// What a file name or a line can hold: the rest as %XX.
std::string plain(const std::string& text) {
    std::string out;
    for (const char c : text) {
        const bool kept = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                          (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
        if (kept)
            out += c;
        else
            out += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
    return out;
}

std::string head(const NoteScope& scope) {
    return fmt::format("{}\ngroup {}\nboot {}\nclock {}\nlock {}\n", title, uuid_text(scope.group),
                       uuid_text(scope.boot), plain(scope.clock), plain(scope.lock));
}

std::string path_of_folder() {
    if (const char* chosen = std::getenv("DISKPAXOS_NOTES"); chosen != nullptr) return chosen;
    if (geteuid() == 0) return "/run/diskpaxos-notes";  // the same for a login and for cron
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    const std::string base =
        runtime != nullptr && *runtime == '/' ? runtime : fmt::format("/run/user/{}", geteuid());
    return base + "/diskpaxos";
}

// The folder of somebody else would let others say who is dead.
const char* wrong_with(int folder) {
    struct stat status{};
    if (folder < 0) return std::strerror(errno);
    if (fstat(folder, &status) != 0) return std::strerror(errno);
    if (status.st_uid != geteuid()) return "it belongs to somebody else";
    if ((status.st_mode & 0777) != 0700) return "its mode is not 0700";
    return nullptr;
}

bool is_ours(int file) {
    struct stat status{};
    return fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
           (status.st_mode & 077) == 0 && status.st_nlink == 1 &&
           static_cast<std::size_t>(status.st_size) <= longest;
}

int open_folder(const std::string& path) {
    if (path.empty()) {
        errno = ENOENT;
        return -1;
    }
    mkdir(path.c_str(), 0700);  // one that is there is looked at
    return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

std::string content_of(int file) {
    std::string text;
    std::array<char, 4096> part;
    ssize_t got = 0;
    while (text.size() <= longest && (got = ::read(file, part.data(), part.size())) > 0) {
        text.append(part.data(), static_cast<std::size_t>(got));
    }
    return got == 0 ? text : std::string();
}

bool put(int file, const std::string& text) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written >= 0 && written < static_cast<ssize_t>(text.size())) errno = ENOSPC;
    return written == static_cast<ssize_t>(text.size());
}

// All of the word; a stream would take "-5" for a large number.
template <class Number>
bool take(std::istringstream& words, Number& number) {
    std::string word;
    if (!(words >> word)) return false;
    const char* const end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, number);
    return error == std::errc() && stop == end;
}

std::optional<Note> note_in(const std::string& line) {
    std::istringstream words(line);
    std::string kind, state, rest;
    std::int64_t ttl_ms = 0, seen_ns = 0;
    Note note;
    const bool whole = words >> kind && kind == "session" && take(words, note.session.slot) &&
                       take(words, note.session.epoch) && words >> state &&
                       take(words, note.beat) && take(words, ttl_ms) && take(words, seen_ns) &&
                       !(words >> rest) && (state == "live" || state == "superseded");
    if (!whole || ttl_ms < 1 || ttl_ms > 3'600'000 || seen_ns < 1) return std::nullopt;
    note.superseded = state == "superseded";
    note.ttl = std::chrono::milliseconds(ttl_ms);
    note.seen = Instant(Duration(seen_ns));
    return note;
}

}  // namespace

std::string note_text(const NoteScope& scope, const std::vector<Note>& notes) {
    std::string text = head(scope);
    for (const Note& note : notes) {
        text += fmt::format("session {} {} {} {} {} {}\n", note.session.slot, note.session.epoch,
                            note.superseded ? "superseded" : "live", note.beat,
                            std::chrono::ceil<std::chrono::milliseconds>(note.ttl).count(),
                            note.seen.time_since_epoch().count());
    }
    return text + "end\n";
}

std::vector<Note> notes_in(const std::string& text, const NoteScope& scope, Instant now) {
    const std::string before = head(scope);
    if (scope.clock.empty() || !text.starts_with(before)) return {};
    std::istringstream lines(text.substr(before.size()));
    std::vector<Note> notes;
    for (std::string line; std::getline(lines, line);) {
        if (line == "end" && text.ends_with("\nend\n") && lines.peek() == EOF) return notes;
        const std::optional<Note> note = note_in(line);
        if (!note || note->seen > now) return {};
        notes.push_back(*note);
    }
    return {};  // cut short
}

Notes::Notes(NoteScope scope)
    : scope_(std::move(scope)),
      file_(fmt::format("{}-{}", uuid_text(scope_.group), plain(scope_.lock))),
      folder_(open_folder(path_of_folder())) {
    const char* wrong = wrong_with(folder_.number());
    if (wrong != nullptr) why_ = fmt::format("\"{}\": {}", path_of_folder(), wrong);
    if (scope_.clock.empty()) why_ = "the time namespace of this process is not known";
}

std::vector<Note> Notes::read(Instant now) const {
    if (!kept()) return {};
    const io::Descriptor file(
        openat(folder_.number(), file_.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (file.number() < 0 || !is_ours(file.number())) return {};
    return notes_in(content_of(file.number()), scope_, now);
}

// In one step, so that a reader finds all of it or nothing. A crash loses it, which is no harm.
void Notes::write(const std::vector<Note>& notes) {
    if (!kept()) return;
    if (notes.empty()) {
        unlinkat(folder_.number(), file_.c_str(), 0);
        return;
    }
    const std::string draft = fmt::format("new.{}", getpid());
    unlinkat(folder_.number(), draft.c_str(), 0);
    const io::Descriptor file(openat(folder_.number(), draft.c_str(),
                                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    const bool fine =
        file.number() >= 0 && put(file.number(), note_text(scope_, notes)) &&
        renameat(folder_.number(), draft.c_str(), folder_.number(), file_.c_str()) == 0;
    if (fine) return;
    why_ = fmt::format("a note cannot be written to \"{}\": {}", path_of_folder(), std::strerror(errno));
    unlinkat(folder_.number(), draft.c_str(), 0);
}

// A time namespace shifts CLOCK_BOOTTIME for those in it, by an offset that never changes. What the
// file says is of our children's; where that is another one than ours, nothing is known.
std::string clock_of_this_process() {
    std::array<char, 64> ours{}, children{};
    const ssize_t first = readlink("/proc/self/ns/time", ours.data(), ours.size() - 1);
    if (first < 0) return errno == ENOENT ? "boottime 0 0" : "";  // a kernel without them
    const ssize_t second =
        readlink("/proc/self/ns/time_for_children", children.data(), children.size() - 1);
    if (second < 0 || std::strcmp(ours.data(), children.data()) != 0) return "";
    std::ifstream offsets("/proc/self/timens_offsets");
    for (std::string line; std::getline(offsets, line);) {
        std::istringstream words(line);
        std::string name, seconds, nanoseconds;
        if (words >> name >> seconds >> nanoseconds && (name == "boottime" || name == "7")) {
            return fmt::format("boottime {} {}", seconds, nanoseconds);
        }
    }
    return "";
}

}  // namespace diskpaxos::node
