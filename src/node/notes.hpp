// Notes: where a process that did not wait for a lock leaves what it has seen of those who hold it,
// and a later one finds it (lock/note.hpp; docs/timing.md, note-N4 and N5). One small text file for
// each group and lock, in a folder of the user's own.
//
// What must always hold: a note is believed only if this user wrote it, on this boot, by this
// clock. Anything else is no note, and never an error: without one a lock is taken from the dead
// later.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "disk/sealed.hpp"
#include "io/open_disk.hpp"
#include "lock/note.hpp"

namespace diskpaxos::node {

// Whose notes these are, and by which clock.
struct NoteScope {
    Uuid group{};
    Uuid boot{};
    std::string clock;  // one of several that a machine may have: of a time namespace
    std::string lock;
    bool operator==(const NoteScope&) const = default;
};

// The text of a file, and what it says: nothing, unless it is whole, of this scope, and not of the
// future.
std::string note_text(const NoteScope& scope, const std::vector<Note>& notes);
std::vector<Note> notes_in(const std::string& text, const NoteScope& scope, Instant now);

class Notes {
  public:
    // $DISKPAXOS_NOTES; else /run/diskpaxos-notes for root (/run/diskpaxos is the agent's, who may be
    // another user), and for others the folder diskpaxos in $XDG_RUNTIME_DIR or /run/user/UID. Made,
    // mode 0700, if it is not there.
    explicit Notes(NoteScope scope);

    // False: there is no folder that only we can write, or the note could not be written. why() says
    // what is wrong.
    bool kept() const { return why_.empty(); }
    const std::string& why() const { return why_; }

    std::vector<Note> read(Instant now) const;
    // None: removes the file. What could not be written is not kept from then on: why() says it.
    void write(const std::vector<Note>& notes);

  private:
    NoteScope scope_;
    std::string file_;  // its name in the folder
    std::string why_;
    io::Descriptor folder_;
};

// Which of the machine's boot clocks this process sees; empty if that cannot be known.
std::string clock_of_this_process();

}  // namespace diskpaxos::node
