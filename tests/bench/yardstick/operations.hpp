// What the yardstick can be laid on. Each measures one thing and prints it.
#pragma once

#include "bench/yardstick/wish.hpp"

namespace diskpaxos::yardstick {

void format(const Wish& wish);

void change(const Wish& wish);
void read(const Wish& wish);
void change_cold(const Wish& wish);
void propose(const Wish& wish);
void read_other(const Wish& wish);

void lock(const Wish& wish);
void lock_one(const Wish& wish);
void lock_cold(const Wish& wish);
void renew(const Wish& wish);
void join(const Wish& wish);
void takeover(const Wish& wish);

}  // namespace diskpaxos::yardstick
