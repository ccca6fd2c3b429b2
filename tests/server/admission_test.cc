#include "server/service/admission.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace parapet::server {
namespace {

using std::chrono::milliseconds;

bool is_ticket(const std::variant<Admission::Ticket, Admission::Refusal>& answer) {
  return std::holds_alternative<Admission::Ticket>(answer);
}

TEST(Admission, HoldsWhatItMayAndNoMore) {
  Admission admission(/*running=*/2, /*waiting=*/3);
  auto first = admission.enter(4, std::nullopt);
  EXPECT_TRUE(is_ticket(first));
  EXPECT_EQ(admission.in_flight(), 4);
  EXPECT_FALSE(is_ticket(admission.enter(2, std::nullopt)));
  EXPECT_TRUE(is_ticket(admission.enter(1, std::nullopt)));  // and is gone again
  EXPECT_EQ(admission.in_flight(), 4);
  first = Admission::Refusal{};
  EXPECT_EQ(admission.in_flight(), 0);
  EXPECT_TRUE(is_ticket(admission.enter(5, std::nullopt)));
}

TEST(Admission, TicketsMayOutliveIt) {
  Admission::Ticket ticket;
  {
    Admission admission(1, 0);
    ticket = std::get<Admission::Ticket>(admission.enter(1, std::nullopt));
  }
  ticket.reset();
}

// The rate is measured by the clock; the patience of the two is far on either side of it.
TEST(Admission, RefusesAtOnceWhatWouldBeTooLate) {
  Admission admission(/*running=*/1, /*waiting=*/1000);
  EXPECT_TRUE(is_ticket(admission.enter(1, milliseconds(1))));  // nothing is known yet
  auto busy = admission.enter(100, std::nullopt);
  {
    const auto one = admission.enter(1, std::nullopt);
    std::this_thread::sleep_for(milliseconds(300));
  }
  const auto late = admission.enter(1, milliseconds(1));
  ASSERT_FALSE(is_ticket(late));
  EXPECT_TRUE(std::get<Admission::Refusal>(late).too_late);
  EXPECT_GE(std::get<Admission::Refusal>(late).retry_after_seconds, 1);
  EXPECT_TRUE(is_ticket(admission.enter(1, milliseconds(100'000'000))));
}

TEST(Admission, WhoIsAloneIsAdmittedWhateverTheRate) {
  Admission admission(/*running=*/1, /*waiting=*/10);
  {
    const auto one = admission.enter(1, std::nullopt);
    std::this_thread::sleep_for(milliseconds(260));
  }
  const auto alone = admission.enter(1, milliseconds(1));
  EXPECT_TRUE(is_ticket(alone));
  EXPECT_FALSE(is_ticket(admission.enter(1, milliseconds(1))));
}

// Else a server that answers nobody in time would take that for its speed.
TEST(Admission, WhatWasGivenUpIsNoAnswer) {
  Admission admission(/*running=*/10, /*waiting=*/10000);
  {
    auto many = admission.enter(10000, std::nullopt);
    const auto one = admission.enter(1, std::nullopt);
    std::this_thread::sleep_for(milliseconds(260));
    Admission::give_up(std::get<Admission::Ticket>(many));
    many = Admission::Refusal{};
  }
  const auto ahead = admission.enter(100, std::nullopt);
  EXPECT_FALSE(is_ticket(admission.enter(1, milliseconds(100))));
}

TEST(Admission, ManyThreadsKeepTheBooks) {
  Admission admission(8, 8);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 10000; ++j) (void)admission.enter(1 + j % 5, std::nullopt);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(admission.in_flight(), 0);
}

}  // namespace
}  // namespace parapet::server
