#include "doubts.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/check.hpp"

namespace diskpaxos {

namespace {

namespace fs = std::filesystem;

struct LockFolder {
    LockFolder() {
        CHECK(mkdtemp(path.data()) != nullptr);
        CHECK(setenv("DISKPAXOS_LOCKS", path.c_str(), 1) == 0);
    }
    LockFolder(const LockFolder&) = delete;
    LockFolder& operator=(const LockFolder&) = delete;
    ~LockFolder() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    std::string path = "/tmp/diskpaxos-locks-XXXXXX";
};
const LockFolder folder;  // before the first process starts

}  // namespace

void forget_doubts() {
    std::error_code ignored;
    for (const fs::directory_entry& file : fs::directory_iterator(folder.path)) {
        if (file.path().extension() == ".doubt") fs::remove(file.path(), ignored);
    }
}

}  // namespace diskpaxos
