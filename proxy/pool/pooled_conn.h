#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "proxy/base/clock.h"
#include "proxy/base/error.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/event/dispatcher.h"
#include "proxy/pool/close_reason.h"
#include "proxy/pool/moving_conn.h"

namespace oxbow::pool {

class ConnPool;
class WaitQueue;
class Waiter;
struct ConnTag;

// Each state is a list of the pool; ConnPool::moveTo is the only way between them.
enum class ConnState : uint8_t {
  Connecting,  // connect or handshake under way
  Idle,        // open, carries nothing, may be taken
  Active,      // lent out, or draining what a client left behind
  Closed,      // the descriptor is gone; the object dies at the end of the turn
};

// What a look at an idle connection found.
enum class Probe : uint8_t { Alive, Dirty, Dead };

// One upstream connection, seen from its pool. A protocol derives from it and reports through the
// pool's on…() calls. Owned by its pool. Worker's thread only.
class PooledConn : public event::Deferred, public event::Timer, private ListHook<ConnTag> {
 public:
  ~PooledConn() override = default;

  ConnState state() const { return state_; }
  ConnPool& pool() const { return *pool_; }
  TimePoint openedAt() const { return history_.openedAt; }
  TimePoint idleSince() const { return history_.idleSince; }
  Duration connectTime() const { return history_.connectTime; }
  // Exchanges begun on this connection.
  uint64_t exchanges() const { return history_.exchanges; }
  // No other connection of this process has or had it; later ones have greater ones.
  uint64_t id() const { return history_.id; }
  // Whether it was opened for the exchange that it carries now, not taken out of the idle list.
  bool fresh() const { return history_.exchanges <= 1 && history_.idleBefore.count() == 0; }

  // The address of the other end, for the log.
  virtual std::string_view endpointText() const { return "-"; }
  // Whether its TLS resumed a session; nothing: it speaks none, or not yet.
  virtual std::optional<bool> tlsResumed() const { return std::nullopt; }

  // How many more exchanges it can carry at this moment: 1 or 0 for HTTP/1.
  virtual uint32_t room() const = 0;

 protected:
  PooledConn() = default;

  // Whether the other end has answered one that is being opened: its address is no dead end.
  virtual bool answered() const { return false; }
  // Looks at the socket of an idle connection (never blocks).
  virtual Probe probe() = 0;
  // Whether the last exchange left the connection as new, and if not, why it must close.
  virtual bool reusable() const = 0;
  virtual CloseReason closeReason() const = 0;
  // The borrower left in the middle: returns true when the connection goes on by itself, within a
  // bound, and reports ConnPool::onDrained at the end.
  virtual bool drain() = 0;
  // Closes the descriptor and forgets whoever listens. No calls to the pool from in here.
  virtual void closeSocket() = 0;
  // Leaves this worker: the descriptor and what is known of it go into what is returned, and this
  // is as if closed. Null when a part of a message waits in it, which nobody asked for. REQUIRES:
  // idle.
  virtual std::unique_ptr<MovingConn> depart() = 0;
  // A deadline passed in a state other than Idle.
  virtual void onDeadline() = 0;
  // The idleness that the server promised to allow; Duration::max() when it said nothing.
  virtual Duration serverKeepAlive() const = 0;

 private:
  friend class ConnPool;
  friend class WaitQueue;
  template <typename T, typename U>
  friend class ::oxbow::IntrusiveList;

  void onTimer() final;

  ConnPool* pool_ = nullptr;
  Waiter* openedFor_ = nullptr;  // still waiting, and this attempt is on its account
  ConnState state_ = ConnState::Connecting;
  bool lent_ = false;  // a Lease holds it; Active without one drains
  ConnHistory history_;
  Slots slots_;
};

// Makes connections of one protocol to one ConnKey. Worker's thread only.
class Connector {
 public:
  virtual ~Connector() = default;

  // A connection that has begun to connect, owned by the caller; it reports later through
  // ConnPool::onConnected or onConnectFailed, never inside this call.
  virtual std::unique_ptr<PooledConn> connect() = 0;
  // The connection that left another worker. Null when the kernel refuses to watch it; then it is
  // closed.
  virtual std::unique_ptr<PooledConn> arrive(MovingConn& moving) = 0;
};

}  // namespace oxbow::pool
