#include "remote/url.hpp"

#include <fmt/format.h>

#include "wire/message.hpp"

namespace diskpaxos::remote {

namespace {

constexpr std::string_view tcp_scheme = "agent://";
constexpr std::string_view unix_scheme = "agent+unix://";

std::unexpected<Error> bad(std::string_view text, std::string_view why) {
    return std::unexpected(Error{Code::usage, fmt::format("{}: {}", text, why)});
}

// `a=1&b=2` into what each names; false if one is unknown, empty or comes twice.
struct Option {
    std::string_view name;
    std::string* value;
};
template <std::size_t N>
bool read_options(std::string_view query, const Option (&options)[N]) {
    while (!query.empty()) {
        const std::string_view each = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(each.size() + 1, query.size()));
        const std::size_t equals = each.find('=');
        if (equals == std::string_view::npos || equals + 1 == each.size()) return false;
        std::string* value = nullptr;
        for (const Option& option : options) {
            if (option.name == each.substr(0, equals)) value = option.value;
        }
        if (value == nullptr || !value->empty()) return false;
        *value = each.substr(equals + 1);
    }
    return true;
}

Result<Url> parse_unix(std::string_view text, std::string_view place, std::string_view query,
                       Url url) {
    if (!place.starts_with('/')) return bad(text, "after agent+unix:// comes an absolute path");
    const Option options[] = {{"store", &url.store}};
    if (!read_options(query, options)) return bad(text, "after the ? there can be store=NAME");
    url.address.path = place;
    return url;
}

Result<Url> parse_tcp(std::string_view text, std::string_view place, std::string_view query,
                      Url url) {
    const std::size_t slash = place.find('/');
    auto address = net::parse_address(place.substr(0, slash), default_port);
    if (!address || address->is_unix()) {
        return bad(text, "after agent:// come HOST:PORT and /NAME, the name of the store");
    }
    url.address = std::move(*address);
    if (slash != std::string_view::npos) url.store = place.substr(slash + 1);
    net::CertificateFiles files;
    const Option options[] = {{"key", &url.key_file},
                              {"cert", &files.certificate},
                              {"cert_key", &files.key},
                              {"ca", &files.authority}};
    const bool known = read_options(query, options);
    const int named = !files.certificate.empty() + !files.key.empty() + !files.authority.empty();
    if (!known || (named != 0 && named != 3) || (named == 3 && !url.key_file.empty())) {
        return bad(text, "after the ? there can be key=FILE, or cert=FILE&cert_key=FILE&ca=FILE");
    }
    if (named == 3) url.certificate = std::move(files);
    return url;
}

}  // namespace

bool is_url(std::string_view text) {
    return text.starts_with(tcp_scheme) || text.starts_with(unix_scheme);
}

Result<Url> parse_url(std::string_view text) {
    const std::size_t question = std::min(text.find('?'), text.size());
    const std::string_view query = text.substr(std::min(question + 1, text.size()));
    std::string_view place = text.substr(0, question);
    Url url;
    url.name = place;
    Result<Url> parsed = bad(text, "an agent's URL begins with agent:// or agent+unix://");
    if (place.starts_with(unix_scheme)) {
        place.remove_prefix(unix_scheme.size());
        parsed = parse_unix(text, place, query, std::move(url));
        if (parsed && !parsed->store.empty()) parsed->name = text;  // it is part of where it leads
    } else if (place.starts_with(tcp_scheme)) {
        place.remove_prefix(tcp_scheme.size());
        parsed = parse_tcp(text, place, query, std::move(url));
    }
    if (parsed && parsed->store.size() > wire::longest_name) {
        return bad(text, "the name of a store has at most 255 bytes");
    }
    return parsed;
}

}  // namespace diskpaxos::remote
