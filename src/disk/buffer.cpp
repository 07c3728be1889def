#include "disk/buffer.hpp"

#include <cstring>
#include <new>

namespace diskpaxos {

void Buffer::Free::operator()(std::byte* memory) const {
    ::operator delete[](memory, std::align_val_t{alignment});
}

void Buffer::resize(std::size_t size) {
    if (size > capacity_) {
        const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
        memory_.reset(static_cast<std::byte*>(
            ::operator new[](rounded, std::align_val_t{alignment})));
        std::memset(memory_.get(), 0, rounded);
        capacity_ = rounded;
    }
    size_ = size;
}

}  // namespace diskpaxos
