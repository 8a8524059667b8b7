#pragma once

#include <utility>

#include "proxy/pool/pooled_conn.h"

namespace oxbow::pool {

// A loan of a connection's capacity for one exchange. Destroying it gives the connection back: it
// goes idle when the exchange ended cleanly, drains or closes otherwise. Worker's thread only.
class Lease {
 public:
  Lease() = default;
  Lease(Lease&& other) noexcept : conn_(std::exchange(other.conn_, nullptr)) {}
  Lease& operator=(Lease&& other) noexcept {
    if (this != &other) {
      release();
      conn_ = std::exchange(other.conn_, nullptr);
    }
    return *this;
  }
  ~Lease() { release(); }

  explicit operator bool() const { return conn_ != nullptr; }
  // REQUIRES: not empty.
  PooledConn& conn() const { return *conn_; }

  void release();
  // The connection ended by itself and is no longer anybody's to give back.
  void forget() { conn_ = nullptr; }

 private:
  friend class ConnPool;
  explicit Lease(PooledConn& conn) : conn_(&conn) {}

  PooledConn* conn_ = nullptr;
};

}  // namespace oxbow::pool
