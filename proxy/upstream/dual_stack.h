#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/event/dispatcher.h"
#include "proxy/pool/conn_pool.h"
#include "proxy/stats/counter.h"

namespace oxbow::upstream {

// The names of one upstream that have addresses of both families, on one worker. One family is in
// use; when an attempt there gets no answer for a while, or fails, the other one gets an attempt,
// and whichever is open first is in use from then on (RFC 8305; the names' order of preference is
// whatever the set of endpoints says). Worker's thread only; the pools outlive it, or assign().
class DualStack {
 public:
  // The Connection Attempt Delay of RFC 8305, section 5.
  static constexpr Duration kAttemptDelay = std::chrono::milliseconds(250);

  class Owner {
   public:
    // The family that stood by has won: the two change places, before anybody is served.
    virtual void onFamilyWon(const std::string& server, const std::string& name) = 0;

   protected:
    ~Owner() = default;
  };

  struct Member {
    const std::string& server;
    const std::string& name;
    pool::ConnPool& pool;
    bool standby;
  };

  // `begun` counts races.
  DualStack(event::Dispatcher& dispatcher, Owner& owner, stats::Counter& begun);
  ~DualStack();

  // These, in place of the former ones. A race under way goes on as far as its pools stay.
  void assign(const std::vector<Member>& members);

 private:
  class Race;
  using Name = std::pair<std::string, std::string>;  // server, name

  void release();

  event::Dispatcher& dispatcher_;
  Owner& owner_;
  stats::Counter& begun_;
  std::map<Name, std::unique_ptr<Race>> races_;
};

}  // namespace oxbow::upstream
