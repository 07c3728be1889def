#include <cstdio>
#include <diskpaxos/group.hpp>

int main(int count, char** disks) {
    auto group = diskpaxos::api::Group::open({.disks = {disks + 1, disks + count}});
    if (!group) return std::fprintf(stderr, "%s\n", group.error().sentence.c_str()), 1;
    auto visits = group->cell("visits").increment();
    auto session = group->open_session();
    if (!visits || !session) return 1;
    auto lock = session->lock("printer");
    auto token = lock.acquire();
    if (token) std::printf("visit %s, token %ju\n", visits->bytes.c_str(), std::uintmax_t{*token});
    return token ? 0 : 1;  // the destructors release, leave and close
}
