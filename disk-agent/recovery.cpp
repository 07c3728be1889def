#include "disk-agent/recovery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "disk-agent/journal.hpp"
#include "wire/trim.hpp"

namespace diskpaxos::agent {

namespace {

constexpr std::uint64_t piece = 64;  // units that are read or zeroed at a time

std::unexpected<Error> io_error(const Disk& file, const char* what, int error) {
    return std::unexpected(Error{
        Code::io, fmt::format("{}: cannot be {}: {}", file.name(), what, std::strerror(error))});
}

std::unexpected<Error> bad(const Disk& file, const std::string& what) {
    return std::unexpected(Error{Code::bad_data, fmt::format("{}: {}", file.name(), what)});
}

Task<Result<void>> read_units(Disk& file, std::uint64_t first, ByteSpan into) {
    const std::uint64_t units = into.size() / unit_size;
    for (std::uint64_t done = 0; done < units; done += piece) {
        const std::uint64_t count = std::min(piece, units - done);
        IoPtr io = file.prepare(Io::Kind::read, {}, {first + done, count});
        io = co_await Transfer(file, std::move(io));
        if (io->error != 0) co_return io_error(file, "read", io->error);
        std::ranges::copy(io->in.bytes(),
                          into.begin() + static_cast<std::ptrdiff_t>(done * unit_size));
    }
    co_return Result<void>{};
}

Task<Result<void>> write_units(Disk& file, std::uint64_t first, ByteView from) {
    IoPtr io = file.prepare(Io::Kind::write, {first, from.size() / unit_size}, {});
    std::ranges::copy(from, io->out.bytes().begin());
    io = co_await Transfer(file, std::move(io));
    if (io->error != 0) co_return io_error(file, "written", io->error);
    co_return Result<void>{};
}

std::string why_no_store(HeaderFlaw flaw) {
    switch (flaw) {
        case HeaderFlaw::absent:
            return "there is no store on it; \"diskpaxos-agent create\" makes one";
        case HeaderFlaw::checksum:
            return "the header of the store is damaged";
        case HeaderFlaw::newer:
            return "the store is of a newer format; take a newer agent";
        case HeaderFlaw::nonsense:
            return "the header of the store makes no sense";
    }
    UNREACHABLE();
}

// The better of the two copies. Where the first is lost, the second is sought at the end.
Task<Result<void>> read_headers(Disk& file, Recovered& found) {
    Bytes unit(unit_size);
    if (file.blocks() < 2) co_return bad(file, why_no_store(HeaderFlaw::absent));
    if (auto fine = co_await read_units(file, 0, unit); !fine) co_return fine;
    const auto first = decode_header(unit);
    if (!first && first.error() == HeaderFlaw::newer)
        co_return bad(file, why_no_store(first.error()));
    const std::uint64_t end = first ? first->second_header() : file.blocks() - 1;
    if (end >= file.blocks()) {
        co_return bad(file, fmt::format("the file has {} bytes, but the store {}",
                                        file.blocks() * unit_size, first->units() * unit_size));
    }
    if (auto fine = co_await read_units(file, end, unit); !fine) co_return fine;
    const auto second = decode_header(unit);
    if (!first && (!second || second->units() != file.blocks())) {
        co_return bad(file, why_no_store(first.error()));
    }
    found.headers_differ = !first || !second || *first != *second;
    const bool take_second =
        !first || (second && second->uuid == first->uuid && second->generation > first->generation);
    found.header = take_second ? *second : *first;
    co_return Result<void>{};
}

// The ring of the journal as it lies in memory.
class Ring {
  public:
    Ring(ByteView bytes, const StoreHeader& header) : bytes_(bytes), header_(header) {}

    std::optional<Batch> at(std::uint64_t position) const {
        return decode_batch(bytes_.subspan(position % header_.journal_units * unit_size), header_);
    }

    // The batch `lsn`, which was written at `position`, or at the beginning of the ring if it did
    // not fit there. Moves `position` behind it.
    std::optional<Batch> next(std::uint64_t& position, Lsn lsn) const {
        const std::uint64_t in_ring = position % header_.journal_units;
        for (const std::uint64_t skipped : {std::uint64_t{0}, header_.journal_units - in_ring}) {
            const auto batch = at(position + skipped);
            if (!batch || batch->lsn != lsn) continue;
            if (position + skipped + batch->units > header_.tail + header_.journal_units) continue;
            position += skipped + batch->units;
            return batch;
        }
        return {};
    }

    std::optional<Lsn> newest_from(Lsn lsn) const {
        std::optional<Lsn> newest;
        for (std::uint64_t position = 0; position < header_.journal_units; ++position) {
            const auto batch = at(position);
            if (batch && batch->lsn >= lsn) newest = std::max(batch->lsn, newest.value_or(0));
        }
        return newest;
    }

  private:
    ByteView bytes_;
    const StoreHeader& header_;
};

Result<void> replay(const Disk& file, ByteView journal, Recovered& found) {
    const StoreHeader& header = found.header;
    const Ring ring(journal, header);
    found.head = header.tail;
    found.next = header.lsn;
    while (const auto batch = ring.next(found.head, found.next)) {
        for_each_entry(*batch, [&](std::uint64_t block, ByteView image) {
            const std::size_t at = block * header.block_size;
            CHECK(wire::untrim(image, ByteSpan(found.images).subspan(at, header.block_size)));
            found.replayed.push_back(block);
        });
        ++found.next;
        ++found.batches;
    }
    // One batch at a time is written, so nothing can lie behind one that was not finished.
    if (const auto newest = ring.newest_from(found.next)) {
        return bad(file,
                   fmt::format("its journal is damaged: batch {} cannot be read, though batch "
                               "{} was written later; the store must not be served, replace "
                               "it as a new disk",
                               found.next, *newest));
    }
    return {};
}

}  // namespace

Task<Result<Recovered>> recover(Disk& file) {
    CHECK(file.block_size() == unit_size);
    Recovered found;
    if (auto fine = co_await read_headers(file, found); !fine) {
        co_return std::unexpected(fine.error());
    }
    const StoreHeader& header = found.header;
    found.images.resize(header.home_units() * unit_size);
    if (auto fine = co_await read_units(file, header.home().first, found.images); !fine) {
        co_return std::unexpected(fine.error());
    }
    Bytes journal(header.journal_units * unit_size);
    if (auto fine = co_await read_units(file, header.journal().first, journal); !fine) {
        co_return std::unexpected(fine.error());
    }
    if (auto fine = replay(file, journal, found); !fine) co_return std::unexpected(fine.error());
    co_return std::move(found);
}

Task<Result<void>> create(Disk& file, StoreHeader header) {
    CHECK(file.block_size() == unit_size && header.units() <= file.blocks());
    const Bytes zeroes(piece * unit_size);
    for (std::uint64_t unit = 0; unit < header.units(); unit += piece) {
        const std::uint64_t count = std::min(piece, header.units() - unit);
        const ByteView some = ByteView(zeroes).first(count * unit_size);
        if (auto fine = co_await write_units(file, unit, some); !fine) co_return fine;
    }
    Bytes unit(unit_size);
    encode_header(unit, header);
    const std::array<std::uint64_t, 2> places = {header.second_header(), 0};
    for (const std::uint64_t place : places) {
        if (auto fine = co_await write_units(file, place, unit); !fine) co_return fine;
    }
    co_return Result<void>{};
}

}  // namespace diskpaxos::agent
