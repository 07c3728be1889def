#include "daemon.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "base/check.hpp"

namespace diskpaxos::scsi {

namespace {

using namespace std::chrono_literals;

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
    std::vector<char*> list;
    for (const std::string& word : words) list.push_back(const_cast<char*>(word.c_str()));
    list.push_back(nullptr);
    return list;
}

}  // namespace

void Daemon::start(const std::vector<std::string>& words,
                   const std::vector<std::string>& environment, const std::filesystem::path& log) {
    CHECK(pid_ < 0);
    const auto arguments = pointers(words);
    const auto variables = pointers(environment);
    pid_ = fork();
    CHECK(pid_ >= 0);
    if (pid_ > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    execve(arguments[0], arguments.data(), variables.data());
    _exit(127);
}

void Daemon::stop() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

std::string target_program(const char* name) {
    return fmt::format("{}/usr/sbin/{}", DISKPAXOS_TARGETS, name);
}

std::string library_path() {
    return fmt::format("LD_LIBRARY_PATH={0}/usr/lib/x86_64-linux-gnu:{0}/lib/x86_64-linux-gnu",
                       DISKPAXOS_TARGETS);
}

int free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    CHECK(bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0);
    CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    close(fd);
    return ntohs(address.sin_port);
}

void await_port(int port) {
    const sockaddr_in address = loopback(port);
    for (int tries = 0; tries < 500; ++tries) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int refused =
            connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
        close(fd);
        if (refused == 0) return;
        std::this_thread::sleep_for(20ms);
    }
}

Folder::Folder() {
    // In memory if it can be: istgt flushes its files, and nothing is asked of those here.
    const bool memory = std::filesystem::is_directory("/dev/shm");
    std::string name = memory ? "/dev/shm/diskpaxos-scsi-XXXXXX" : "/tmp/diskpaxos-scsi-XXXXXX";
    CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
}

Folder::~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string Folder::file(const std::string& name, std::size_t bytes) const {
    const std::string path = path_ / name;
    std::ofstream(path, std::ios::binary) << std::string(bytes, '\0');
    return path;
}

Istgt::Istgt() : port_(free_port()), control_port_(free_port()) {
    for (const char* name : {"t1", "t2", "t3", "t4"}) folder_.file(name, 4 << 20);
    configure();
    start();
}

void Istgt::start() {
    daemon_.start({target_program("istgt"), "-D", "-c", folder_.path() / "conf"}, {library_path()},
                  folder_.path() / "log");
    await_port(port_);
}

std::string Istgt::url(const std::string& target, const std::string& host) const {
    return fmt::format("iscsi://{}:{}/iqn.2026-01.test:{}/0", host, port_, target);
}

void Istgt::configure() const {
    const std::string path = folder_.path();
    std::ofstream(folder_.path() / "auth") << "[AuthGroup1]\n  Auth \"me\" \"s3cret-s3cret\"\n";
    std::filesystem::permissions(folder_.path() / "auth", std::filesystem::perms::owner_read);
    std::ofstream conf(folder_.path() / "conf");
    conf << fmt::format(
        "[Global]\n  NodeBase \"iqn.2026-01.test\"\n  PidFile {0}/pid\n  AuthFile {0}/auth\n"
        "  MediaDirectory {0}\n  Timeout 30\n  NopInInterval 20\n  DiscoveryAuthMethod None\n"
        "  MaxSessions 32\n  MaxConnections 4\n  FirstBurstLength 262144\n  MaxBurstLength "
        "1048576\n"
        "  MaxRecvDataSegmentLength 262144\n  InitialR2T Yes\n  ImmediateData Yes\n"
        "  ErrorRecoveryLevel 0\n"
        "[UnitControl]\n  AuthMethod None\n  AuthGroup None\n  Portal UC1 127.0.0.1:{2}\n"
        "  Netmask 127.0.0.1\n"
        "[PortalGroup1]\n  Portal DA1 127.0.0.1:{1}\n"
        "[InitiatorGroup1]\n  InitiatorName \"ALL\"\n  Netmask 127.0.0.0/8\n",
        path, port_, control_port_);
    for (int unit = 1; unit <= 4; ++unit) {
        const bool asks = unit == 4;
        conf << fmt::format(
            "[LogicalUnit{0}]\n  TargetName t{0}\n  Mapping PortalGroup1 InitiatorGroup1\n"
            "  AuthMethod {2}\n  AuthGroup {3}\n  UnitType Disk\n  BlockLength {4}\n"
            "  LUN0 Storage {1}/t{0} 4MB\n",
            unit, path, asks ? "CHAP" : "None", asks ? "AuthGroup1" : "None",
            unit == 3 ? 4096 : 512);
    }
}

Tgt::Tgt() : port_(free_port()) {
    const std::string socket = fmt::format("TGT_IPC_SOCKET={}/socket", folder_.path().string());
    daemon_.start({target_program("tgtd"), "-f", "-C", "0", "-t", "2", "--iscsi",
                   fmt::format("portal=127.0.0.1:{}", port_)},
                  {library_path(), socket}, folder_.path() / "log");
    await_port(port_);
    administer("--op new --mode target --tid 1 -T iqn.2026-01.test:t1");
    administer("--op new --mode logicalunit --tid 1 --lun 1 --bstype rdwr -b " +
               folder_.file("lun", 4 << 20));
    administer("--op bind --mode target --tid 1 -I 127.0.0.1");
}

void Tgt::administer(const std::string& words) const {
    const std::string command = fmt::format(
        "TGT_IPC_SOCKET={}/socket {} {} -C 0 --lld iscsi {} >>{}/log 2>&1", folder_.path().string(),
        library_path(), target_program("tgtadm"), words, folder_.path().string());
    CHECK(system(command.c_str()) == 0);
}

std::string Tgt::url() const {
    return fmt::format("iscsi://127.0.0.1:{}/iqn.2026-01.test:t1/1", port_);
}

}  // namespace diskpaxos::scsi
