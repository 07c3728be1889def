// What is made of a target's words: outcomes, names, URLs, guesses.
#include "scsi/command.hpp"

#include <gtest/gtest.h>
#include <iscsi/iscsi.h>

#include <cerrno>
#include <cstring>

#include "scsi/guesses.hpp"
#include "scsi/identity.hpp"
#include "scsi/iscsi_url.hpp"

namespace diskpaxos::scsi {
namespace {

using Kind = Outcome::Kind;

TEST(JudgeTest, ByStatusAndSense) {
    constexpr int check = SCSI_STATUS_CHECK_CONDITION;
    const struct {
        const char* what;
        int status;
        unsigned char type;
        scsi_sense_key key;
        int ascq;
        Outcome outcome;
    } rows[] = {
        {"good", SCSI_STATUS_GOOD, 0, SCSI_SENSE_NO_SENSE, 0, {Kind::good, 0}},
        {"miscompare", check, 0x70, SCSI_SENSE_MISCOMPARE, 0x1d00, {Kind::miscompare, 0}},
        {"miscompare, descriptor",
         check,
         0x72,
         SCSI_SENSE_MISCOMPARE,
         0x1d00,
         {Kind::miscompare, 0}},
        {"of an earlier command", check, 0x71, SCSI_SENSE_MISCOMPARE, 0x1d00, {Kind::unknown, EIO}},
        {"an earlier one, recovered",
         check,
         0x73,
         SCSI_SENSE_RECOVERED_ERROR,
         0,
         {Kind::unknown, EIO}},
        {"recovered", check, 0x70, SCSI_SENSE_RECOVERED_ERROR, 0, {Kind::good, 0}},
        {"check condition without sense", check, 0, SCSI_SENSE_NO_SENSE, 0, {Kind::unknown, EIO}},
        {"power on", check, 0x70, SCSI_SENSE_UNIT_ATTENTION, 0x2900, {Kind::again, EBUSY}},
        {"becoming ready", check, 0x70, SCSI_SENSE_NOT_READY, 0x0401, {Kind::again, EBUSY}},
        {"opcode", check, 0x70, SCSI_SENSE_ILLEGAL_REQUEST, 0x2000, {Kind::refused, EOPNOTSUPP}},
        {"field", check, 0x70, SCSI_SENSE_ILLEGAL_REQUEST, 0x2400, {Kind::refused, EINVAL}},
        {"range", check, 0x70, SCSI_SENSE_ILLEGAL_REQUEST, 0x2100, {Kind::refused, ENOSPC}},
        {"no LUN", check, 0x70, SCSI_SENSE_ILLEGAL_REQUEST, 0x2500, {Kind::refused, ENODEV}},
        {"protected", check, 0x70, SCSI_SENSE_DATA_PROTECTION, 0x2700, {Kind::refused, EROFS}},
        {"medium", check, 0x70, SCSI_SENSE_MEDIUM_ERROR, 0x1100, {Kind::unknown, EIO}},
        {"aborted", check, 0x70, SCSI_SENSE_COMMAND_ABORTED, 0, {Kind::unknown, EIO}},
        {"busy", SCSI_STATUS_BUSY, 0, SCSI_SENSE_NO_SENSE, 0, {Kind::again, EBUSY}},
        {"full", SCSI_STATUS_TASK_SET_FULL, 0, SCSI_SENSE_NO_SENSE, 0, {Kind::again, EBUSY}},
        {"reserved",
         SCSI_STATUS_RESERVATION_CONFLICT,
         0,
         SCSI_SENSE_NO_SENSE,
         0,
         {Kind::refused, EBADE}},
        {"task aborted", SCSI_STATUS_TASK_ABORTED, 0, SCSI_SENSE_NO_SENSE, 0, {Kind::unknown, EIO}},
        {"cancelled",
         SCSI_STATUS_CANCELLED,
         0,
         SCSI_SENSE_NO_SENSE,
         0,
         {Kind::unknown, ECONNABORTED}},
        {"no such status", 0x55, 0, SCSI_SENSE_NO_SENSE, 0, {Kind::unknown, ECONNABORTED}},
    };
    for (const auto& row : rows) {
        scsi_sense sense{};
        sense.error_type = row.type;
        sense.key = row.key;
        sense.ascq = row.ascq;
        EXPECT_EQ(judge(row.status, sense), row.outcome) << row.what;
    }
}

TEST(CommandTest, HasBothImagesInOnePiece) {
    const Bytes expected(512, std::byte{1});
    const Bytes next(512, std::byte{2});
    Command command(scsi_cdb_compareandwrite(7, 1024, 512, 0, 0, 1, 0, 0), expected, next);
    ASSERT_EQ(command.data().size(), 1024U);
    EXPECT_EQ(command.data()[0], std::byte{1});
    EXPECT_EQ(command.data()[512], std::byte{2});
    EXPECT_EQ(command.task().cdb[0], 0x89);
    EXPECT_EQ(command.task().cdb[1], 0x08) << "FUA";
    EXPECT_EQ(command.task().cdb[9], 7);
    EXPECT_EQ(command.task().cdb[13], 1) << "one block";
}

TEST(CommandTest, AShortAnswerIsTakenApartAsFarAsItGoes) {
    for (const std::size_t missing : {0U, 16U, 32U}) {
        Command command(scsi_cdb_readcapacity16());
        ASSERT_EQ(command.data().size(), 32U);
        command.data()[7] = std::byte{99};
        command.data()[10] = std::byte{2};
        command.outcome = {Kind::good};
        command.task().residual = missing;
        command.task().residual_status =
            missing == 0 ? SCSI_RESIDUAL_NO_RESIDUAL : SCSI_RESIDUAL_UNDERFLOW;
        const auto* capacity = static_cast<scsi_readcapacity16*>(command.unmarshalled());
        if (missing == 32) {
            EXPECT_EQ(capacity, nullptr);
        } else if (capacity != nullptr) {
            EXPECT_EQ(capacity->returned_lba, 99U);
            EXPECT_EQ(capacity->block_length, 512U);
        }
    }
}

TEST(IdentityTest, TheMostBindingNameOfTheUnitWins) {
    char naa[] = {0x60, 0x01, 0x40, 0x5a};
    char t10[] = "VENDOR  SERIAL-7  ";
    char port[] = {0x11};
    scsi_inquiry_device_designator of_port{};
    of_port.association = SCSI_ASSOCIATION_TARGET_PORT;
    of_port.designator_type = SCSI_DESIGNATOR_TYPE_NAA;
    of_port.designator = port;
    of_port.designator_length = 1;
    scsi_inquiry_device_designator text{};
    text.next = &of_port;
    text.designator_type = SCSI_DESIGNATOR_TYPE_T10_VENDORT_ID;
    text.designator = t10;
    text.designator_length = sizeof t10 - 1;
    scsi_inquiry_device_identification page{};
    page.designators = &text;
    EXPECT_EQ(identity_of(&page), "t10.VENDOR  SERIAL-7");
    scsi_inquiry_device_designator of_unit{};
    of_unit.designator_type = SCSI_DESIGNATOR_TYPE_NAA;
    of_unit.designator = naa;
    of_unit.designator_length = 4;
    of_port.next = &of_unit;
    EXPECT_EQ(identity_of(&page), "naa.6001405a");
    page.designators = &of_port;
    of_port.next = nullptr;
    EXPECT_EQ(identity_of(&page), "");
    EXPECT_EQ(identity_of(nullptr), "");

    char usn[] = "  12 ";
    scsi_inquiry_unit_serial_number serial{};
    EXPECT_EQ(serial_of(&serial), "");
    serial.usn = usn;
    EXPECT_EQ(serial_of(&serial), "serial.12");
}

TEST(IscsiUrlTest, ShowsNoPassword) {
    EXPECT_EQ(shown("iscsi://me%s3cret@array:3260/iqn.x:y/1"), "iscsi://array:3260/iqn.x:y/1");
    EXPECT_EQ(shown("iscsi://me%s@cret@array/iqn.x:y/1"), "iscsi://array/iqn.x:y/1");
    EXPECT_EQ(shown("iscsi://array/iqn.x:y/1?target_password=s3cret"), "iscsi://array/iqn.x:y/1");
    EXPECT_EQ(shown("iscsi://[::1]:3260/iqn.x:y/1"), "iscsi://[::1]:3260/iqn.x:y/1");
}

TEST(IscsiUrlTest, LooksNamesUpOnce) {
    EXPECT_EQ(numeric("127.0.0.1:3261").value(), "127.0.0.1:3261");
    EXPECT_EQ(numeric("127.0.0.1").value(), "127.0.0.1");
    EXPECT_EQ(numeric("[::1]:3261").value(), "[::1]:3261");
    EXPECT_EQ(numeric("[::1]").value(), "[::1]");
    EXPECT_FALSE(numeric("no such host!:1").has_value());
}

TEST(IscsiUrlTest, HasANameForThisHost) {
    EXPECT_TRUE(initiator_name().starts_with("iqn."));
}

TEST(GuessesTest, AreTrustedUntilTheyMissAndAgainWhenAReadAgrees) {
    const Bytes one(512, std::byte{1});
    const Bytes two(512, std::byte{2});
    Bytes found(512);
    Guesses guesses;
    EXPECT_FALSE(guesses.recall(5, found));
    guesses.wrote(5, one);
    EXPECT_TRUE(guesses.recall(5, found));
    EXPECT_EQ(found, one);
    EXPECT_FALSE(guesses.recall(5 + 256, found)) << "another block of the same place";
    guesses.missed(5 + 256);
    EXPECT_TRUE(guesses.recall(5, found));

    guesses.missed(5);
    EXPECT_FALSE(guesses.recall(5, found));
    guesses.saw(5, two);
    EXPECT_FALSE(guesses.recall(5, found)) << "somebody came between";
    guesses.wrote(5, one);
    EXPECT_FALSE(guesses.recall(5, found)) << "and may again";
    guesses.saw(5, one);
    EXPECT_TRUE(guesses.recall(5, found)) << "nobody did";

    guesses.saw(5 + 256, two);
    EXPECT_TRUE(guesses.recall(5 + 256, found));
    EXPECT_FALSE(guesses.recall(5, found));
    guesses.forget();
    EXPECT_FALSE(guesses.recall(5 + 256, found));
}

}  // namespace
}  // namespace diskpaxos::scsi
