// What a machine id says, however it is written.
#pragma once

#include <string>

namespace diskpaxos::node {

// Some write the 32 digits with dashes, or in capitals: it is the same machine. 32 zeros are an id
// that was never made: empty. What is no such id is taken as it is.
std::string plain_machine_id(const std::string& text);

}  // namespace diskpaxos::node
