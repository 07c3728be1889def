// Buffer: memory that a disk may read and write directly (4096-byte aligned), owned by one.
#pragma once

#include <cstddef>
#include <memory>

#include "base/bytes.hpp"

namespace diskpaxos {

class Buffer {
  public:
    static constexpr std::size_t alignment = 4096;

    Buffer() = default;
    explicit Buffer(std::size_t size) { resize(size); }

    void resize(std::size_t size);  // keeps the memory if it suffices; the content is not kept
    std::size_t size() const { return size_; }
    ByteSpan bytes() { return {memory_.get(), size_}; }
    ByteView bytes() const { return {memory_.get(), size_}; }

  private:
    struct Free {
        void operator()(std::byte* memory) const;
    };
    std::unique_ptr<std::byte[], Free> memory_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace diskpaxos
