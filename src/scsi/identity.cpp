#include "scsi/identity.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>

#include <iscsi/scsi-lowlevel.h>  // takes these two for granted

#include <algorithm>
#include <array>
#include <string_view>

namespace diskpaxos::scsi {

namespace {

// From the one that no two LUNs of the world share downwards.
struct Naming {
    int type;
    const char* prefix;
    bool text;
};
constexpr std::array<Naming, 4> namings = {{
    {SCSI_DESIGNATOR_TYPE_NAA, "naa", false},
    {SCSI_DESIGNATOR_TYPE_EUI_64, "eui", false},
    {SCSI_DESIGNATOR_TYPE_SCSI_NAME_STRING, "name", true},
    {SCSI_DESIGNATOR_TYPE_T10_VENDORT_ID, "t10", true},
}};

std::string trimmed(std::string_view text) {
    text = text.substr(0, text.find('\0'));
    const std::size_t first = text.find_first_not_of(' ');
    if (first == std::string_view::npos) return {};
    return std::string(text.substr(first, text.find_last_not_of(' ') - first + 1));
}

std::string hex(std::string_view bytes) {
    std::string digits;
    for (const char byte : bytes) digits += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return digits;
}

}  // namespace

std::string identity_of(const void* device_identification) {
    if (device_identification == nullptr) return {};
    const auto& page =
        *static_cast<const scsi_inquiry_device_identification*>(device_identification);
    for (const Naming& naming : namings) {
        for (auto* found = page.designators; found != nullptr; found = found->next) {
            if (found->association != SCSI_ASSOCIATION_LOGICAL_UNIT) continue;
            if (found->designator_type != naming.type || found->designator_length <= 0) continue;
            const std::string_view bytes(found->designator,
                                         static_cast<std::size_t>(found->designator_length));
            const std::string name = naming.text ? trimmed(bytes) : hex(bytes);
            if (!name.empty()) return fmt::format("{}.{}", naming.prefix, name);
        }
    }
    return {};
}

std::string serial_of(const void* unit_serial_number) {
    if (unit_serial_number == nullptr) return {};
    const auto& page = *static_cast<const scsi_inquiry_unit_serial_number*>(unit_serial_number);
    const std::string name = page.usn == nullptr ? std::string() : trimmed(page.usn);
    return name.empty() ? name : "serial." + name;
}

}  // namespace diskpaxos::scsi
