#include "proxy/demo/origin_thread.h"

#include <pthread.h>

#include <future>
#include <utility>

namespace oxbow::demo {

Result<std::unique_ptr<OriginThread>> OriginThread::start(const OriginOptions& options) {
  std::unique_ptr<OriginThread> made(new OriginThread);
  auto origin = Origin::open(made->dispatcher_, options);
  if (!origin.ok()) return origin.error();
  made->origin_ = std::move(origin.value());
  made->thread_ = std::thread([&dispatcher = made->dispatcher_] {
    pthread_setname_np(pthread_self(), "origin");
    dispatcher.run();
  });
  return made;
}

OriginThread::~OriginThread() {
  if (!thread_.joinable()) return;
  dispatcher_.post([this] { dispatcher_.stop(); });
  thread_.join();
}

admin::ListenerReport OriginThread::report() {
  std::promise<admin::ListenerReport> promise;
  auto report = promise.get_future();
  dispatcher_.post([this, &promise] { promise.set_value(origin_->report()); });
  return report.get();
}

}  // namespace oxbow::demo
