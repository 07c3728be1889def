#include "fake_watchdog.hpp"

#include <fcntl.h>
#include <linux/watchdog.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <new>
#include <thread>

#include "base/check.hpp"

namespace diskpaxos {

using namespace std::chrono_literals;
using fakewatchdog::Board;

FakeWatchdog::FakeWatchdog() {
    std::string name = std::filesystem::temp_directory_path() / "diskpaxos-watchdog-XXXXXX";
    CHECK(mkdtemp(name.data()) != nullptr);
    directory_ = name;
    const std::string mount = directory_ / "mount";
    const std::string file = directory_ / "board";
    std::filesystem::create_directory(mount);
    const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && ftruncate(fd, sizeof(Board)) == 0);
    void* memory = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(memory != MAP_FAILED);
    close(fd);
    board_ = new (memory) Board();
    board_->options = WDIOF_KEEPALIVEPING | WDIOF_SETTIMEOUT | WDIOF_MAGICCLOSE;
    if (access("/dev/fuse", R_OK | W_OK) != 0) {
        problem_ = "no FUSE here: /dev/fuse cannot be opened";
        return;
    }
    const pid_t parent = getpid();
    server_ = fork();
    CHECK(server_ >= 0);
    if (server_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);  // no mount outlives a test that crashed
        if (getppid() != parent) _exit(1);
        execl(DISKPAXOS_FAKEWATCHDOG, "diskpaxos-fakewatchdog", mount.c_str(), file.c_str(),
              static_cast<char*>(nullptr));
        _exit(127);
    }
    for (int i = 0; access(path().c_str(), F_OK) != 0; ++i) {
        CHECK(i < 2000);
        std::this_thread::sleep_for(5ms);
    }
}

FakeWatchdog::~FakeWatchdog() {
    if (server_ > 0) {
        kill(server_, SIGTERM);
        waitpid(server_, nullptr, 0);
    }
    munmap(board_, sizeof(Board));
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

bool FakeWatchdog::wait_until_closed(int times) const {
    for (int i = 0; i < 1000 && board_->closes < times; ++i) std::this_thread::sleep_for(2ms);
    return board_->closes == times;
}

}  // namespace diskpaxos
