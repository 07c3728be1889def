#include "decoders.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    diskpaxos::decode_everything({reinterpret_cast<const std::byte*>(data), size});
    return 0;
}
