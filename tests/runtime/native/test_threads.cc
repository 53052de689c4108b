#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "build.h"
#include "expect.h"

using byoc_test::Floats;
using byoc_test::Holds;
using byoc_test::Load;
using byoc_test::Loaded;
using byoc_test::OneSegment;
using byoc_test::Pack;
using byoc_test::PortJson;

namespace {

Loaded Segment(const std::string& payload) {
  return Load(
      Pack(OneSegment(payload, PortJson("x", "[\"n\"]"), PortJson("y", "[\"n\"]")), {payload}));
}

// `threads` threads make `calls` calls each, with different sizes; returns how many had a wrong
// result or failed.
int Run(Loaded& loaded, int threads, int calls) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&, t] {
      Floats x({8 + t}, t % 2 == 0 ? 0 : 4), y({8 + t});
      for (int i = 0; i < calls; ++i) {
        try {
          loaded.segment->Run({x.argument(), y.argument()});
          y.ForEach([&](const auto& index) { wrong += y.At(index) != 2 * x.At(index); });
        } catch (const byoc::Failure&) {
          ++wrong;
        }
      }
    });
  }
  for (std::thread& each : all) each.join();
  return wrong;
}

}  // namespace

TEST(threads_share_one_instance) {
  Loaded loaded = Segment("us=50 instances=1");
  EXPECT(Run(loaded, 8, 40) == 0);
  Holds(loaded.segment->Stats(), "\"calls\":320,");
  Holds(loaded.segment->Stats(), "\"executors\":1,");
}

TEST(threads_open_instances_up_to_the_limit) {
  Loaded loaded = Segment("us=500 instances=3");
  EXPECT(Run(loaded, 8, 20) == 0);
  Holds(loaded.segment->Stats(), "\"executors\":3,");
}

TEST(threads_share_an_instance_that_takes_several) {
  Loaded loaded = Segment("us=200 instances=1 concurrency=4");
  EXPECT(Run(loaded, 8, 20) == 0);
  Holds(loaded.segment->Stats(), "\"executors\":1,");
}

TEST(closing_resetting_and_asking_during_calls) {
  Loaded loaded = Segment("us=20 instances=2");
  std::atomic<bool> done{false};
  std::thread meddler([&] {
    while (!done) {
      loaded.segment->Close();
      EXPECT(!loaded.segment->Stats().empty());
      loaded.segment->Reset();
      std::this_thread::yield();
    }
  });
  const int wrong = Run(loaded, 4, 200);
  done = true;
  meddler.join();
  EXPECT(wrong == 0);
}

TEST(a_forked_child_opens_its_own) {
  Loaded loaded = Segment("us=100 instances=2");
  std::atomic<bool> done{false};
  std::thread busy([&] {
    while (!done) Run(loaded, 1, 1);
  });
  for (int i = 0; i < 10; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      bool good = Run(loaded, 0, 0) == 0;
      Floats x({4}), y({4});
      loaded.segment->Run({x.argument(), y.argument()});
      good &= y.At({3}) == 6;
      good &= loaded.segment->Stats().find("\"calls\":1,") != std::string::npos;
      _exit(good ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  done = true;
  busy.join();
  EXPECT(Run(loaded, 2, 10) == 0);
}
