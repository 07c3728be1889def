// Notes on the file system: whose they must be, and what counts as none (note-N4).
#include "node/notes.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace diskpaxos::node {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr Instant now{seconds(1000)};

NoteScope scope_of(const std::string& lock = "night/ly \xff") {
    NoteScope scope{.group = {}, .boot = {}, .clock = "boottime 0 0", .lock = lock};
    scope.group[0] = std::byte{7};
    scope.boot[0] = std::byte{9};
    return scope;
}

std::vector<Note> some() {
    return {{.session = {.slot = 3, .epoch = 4'000'000'000},
             .superseded = false,
             .beat = 17,
             .ttl = seconds(10),
             .seen = Instant(seconds(900) + std::chrono::nanoseconds(7))},
            {.session = {.slot = 300, .epoch = 1},
             .superseded = true,
             .beat = 0,
             .ttl = seconds(3600),
             .seen = now}};
}

TEST(NoteText, SaysWhatWasPutIn) {
    EXPECT_EQ(notes_in(note_text(scope_of(), some()), scope_of(), now), some());
    EXPECT_TRUE(notes_in(note_text(scope_of(), {}), scope_of(), now).empty());
}

TEST(NoteText, OfAnotherScopeIsNone) {
    const std::string text = note_text(scope_of(), some());
    NoteScope other_group = scope_of(), other_boot = scope_of(), other_clock = scope_of();
    other_group.group[15] = std::byte{1};
    other_boot.boot[15] = std::byte{1};
    other_clock.clock = "boottime 5 0";
    NoteScope no_clock = scope_of();
    no_clock.clock.clear();
    for (const NoteScope& scope :
         {other_group, other_boot, other_clock, scope_of("night/ly"), no_clock}) {
        EXPECT_TRUE(notes_in(text, scope, now).empty());
    }
    EXPECT_TRUE(notes_in(note_text(no_clock, some()), no_clock, now).empty());
}

TEST(NoteText, OfTheFutureIsNone) {
    const std::string text = note_text(scope_of(), some());
    EXPECT_TRUE(notes_in(text, scope_of(), now - std::chrono::nanoseconds(1)).empty());
}

TEST(NoteText, AnythingElseIsNone) {
    const std::string text = note_text(scope_of(), some());
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
        EXPECT_TRUE(notes_in(text.substr(0, cut), scope_of(), now).empty()) << cut;
    }
    EXPECT_TRUE(notes_in(text + "session", scope_of(), now).empty());
    EXPECT_TRUE(notes_in(text + "end\n", scope_of(), now).empty());
    const auto with_line = [](const std::string& line) {
        const std::string none = note_text(scope_of(), {});
        return none.substr(0, none.size() - 4) + line + "\nend\n";
    };
    EXPECT_EQ(notes_in(with_line("session 3 41 live 5 10000 900"), scope_of(), now).size(), 1U);
    for (const char* line :
         {"", "session", "session 3 41 live 5 10000", "session 3 41 live 5 10000 900 1",
          "session -3 41 live 5 10000 900", "session 70000 41 live 5 10000 900",
          "session 3 41 dead 5 10000 900", "session 3 41 live -5 10000 900",
          "session 3 41 live 5 0 900", "session 3 41 live 5 3600001 900",
          "session 3 41 live 5 10000 -900", "session 3 41 live 5 10000 0",
          "session 3 99999999999 live 5 10000 900", "note 3 41 live 5 10000 900",
          "session 3 41 live 5 10000 9e2", "session 0x3 41 live 5 10000 900"}) {
        EXPECT_TRUE(notes_in(with_line(line), scope_of(), now).empty()) << line;
    }
}

class NoteFiles : public testing::Test {
  protected:
    NoteFiles() {
        std::string name = fs::temp_directory_path() / "diskpaxos-notes-XXXXXX";
        EXPECT_NE(mkdtemp(name.data()), nullptr);
        base = name;
        use(base / "notes");
    }
    ~NoteFiles() override {
        std::error_code ignored;
        fs::remove_all(base, ignored);
        unsetenv("DISKPAXOS_NOTES");
    }
    static void use(const fs::path& folder) { setenv("DISKPAXOS_NOTES", folder.c_str(), 1); }
    fs::path only_file() const { return fs::directory_iterator(base / "notes")->path(); }

    fs::path base;
};

TEST_F(NoteFiles, AreMadeForTheirUserAlone) {
    Notes notes(scope_of());
    ASSERT_TRUE(notes.kept()) << notes.why();
    EXPECT_TRUE(notes.read(now).empty());
    notes.write(some());
    EXPECT_EQ(notes.read(now), some());
    EXPECT_EQ(Notes(scope_of()).read(now), some());
    EXPECT_TRUE(Notes(scope_of("another")).read(now).empty());
    struct stat folder{}, file{};
    ASSERT_EQ(stat((base / "notes").c_str(), &folder), 0);
    ASSERT_EQ(stat(only_file().c_str(), &file), 0);
    EXPECT_EQ(folder.st_mode & 0777, 0700U);
    EXPECT_EQ(file.st_mode & 0777, 0600U);
    notes.write({});
    EXPECT_TRUE(fs::is_empty(base / "notes"));
    notes.write({});
}

TEST_F(NoteFiles, AFolderThatIsNotOursAloneKeepsNone) {
    fs::create_directory(base / "open");
    fs::permissions(base / "open", fs::perms(0755));
    fs::create_directory(base / "mine");
    fs::permissions(base / "mine", fs::perms(0700));
    fs::create_directory_symlink(base / "mine", base / "link");
    std::ofstream(base / "file") << "no folder\n";
    for (const fs::path& folder : {base / "open", base / "link", base / "file",
                                   base / "no" / "such", fs::path("/proc/self"), fs::path()}) {
        use(folder);
        Notes notes(scope_of());
        EXPECT_FALSE(notes.kept()) << folder;
        EXPECT_NE(notes.why(), "") << folder;
        notes.write(some());
        EXPECT_TRUE(notes.read(now).empty()) << folder;
    }
    EXPECT_TRUE(fs::is_empty(base / "open"));
    EXPECT_TRUE(fs::is_empty(base / "mine"));
}

TEST_F(NoteFiles, AFileThatIsNotOursAloneIsNone) {
    Notes notes(scope_of());
    notes.write(some());
    const fs::path file = only_file();
    const auto refused = [&] { return notes.read(now).empty(); };
    fs::permissions(file, fs::perms(0644));
    EXPECT_TRUE(refused());
    fs::permissions(file, fs::perms(0600));
    EXPECT_FALSE(refused());
    fs::create_hard_link(file, base / "twin");
    EXPECT_TRUE(refused());
    fs::remove(file);
    EXPECT_TRUE(refused());
    fs::create_symlink(base / "twin", file);
    EXPECT_TRUE(refused());
    fs::remove(file);
    EXPECT_EQ(mkfifo(file.c_str(), 0600), 0);
    EXPECT_TRUE(refused());  // and does not wait for the other end
    fs::remove(file);
    fs::create_directory(file);
    EXPECT_TRUE(refused());
    notes.write(some());  // cannot, and leaves nothing behind
    EXPECT_FALSE(notes.kept());
    EXPECT_NE(notes.why(), "");
    EXPECT_EQ(std::distance(fs::directory_iterator(base / "notes"), {}), 1);
}

TEST_F(NoteFiles, TheClockHasAName) {
    EXPECT_TRUE(clock_of_this_process().starts_with("boottime ")) << clock_of_this_process();
}

}  // namespace
}  // namespace diskpaxos::node
