#include "proxy/base/block_pool.h"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

using namespace oxbow;

TEST_CASE("blocks come in classes") {
  BlockPool pool;
  CHECK(pool.take(0).capacity() == 1024);
  CHECK(pool.take(1024).capacity() == 1024);
  CHECK(pool.take(1025).capacity() == 4096);
  CHECK(pool.take(4097).capacity() == 16384);
  CHECK(pool.take(16385).capacity() == 65536);
  CHECK(pool.take(65536).capacity() == 65536);
  CHECK(pool.take(65537).capacity() == 65536 + 4096);
}

TEST_CASE("a block that came back is lent again") {
  BlockPool pool;
  Block block = pool.take(100);
  char* data = block.data();
  CHECK(pool.lentBytes() == 1024);
  CHECK(pool.freeBytes() == 0);
  block.reset();
  CHECK_FALSE(block);
  CHECK(pool.lentBytes() == 0);
  CHECK(pool.freeBytes() == 1024);
  block = pool.take(1000);
  CHECK(block.data() == data);
  CHECK(pool.freeBytes() == 0);
}

TEST_CASE("all bytes of a block can be used, also when it is lent again") {
  BlockPool pool;
  for (int round = 0; round < 2; ++round)
    for (const size_t size : {size_t{1024}, size_t{65536}, size_t{100000}}) {
      Block block = pool.take(size);
      std::memset(block.data(), round, block.capacity());
      CHECK(block.data()[block.capacity() - 1] == round);
    }
}

TEST_CASE("a moved handle is empty and the block lives on") {
  BlockPool pool;
  Block a = pool.take(1);
  char* data = a.data();
  Block b = std::move(a);
  CHECK(a.data() == nullptr);
  CHECK(a.capacity() == 0);
  CHECK(b.data() == data);
  CHECK(pool.lentBytes() == 1024);
  b = pool.take(5000);  // the first goes back
  CHECK(pool.lentBytes() == 16384);
  CHECK(pool.freeBytes() == 1024);
}

TEST_CASE("each free list is bounded") {
  BlockPool pool;
  std::vector<Block> blocks;
  for (int i = 0; i < 300; ++i) blocks.push_back(pool.take(1024));
  for (int i = 0; i < 80; ++i) blocks.push_back(pool.take(65536));
  blocks.clear();
  CHECK(pool.lentBytes() == 0);
  CHECK(pool.freeBytes() == 256 * 1024 + 64 * 65536);
}

TEST_CASE("larger blocks are not kept") {
  BlockPool pool;
  pool.take(1 << 20);
  CHECK(pool.freeBytes() == 0);
}

TEST_CASE("trimming frees what is not lent") {
  BlockPool pool;
  Block lent = pool.take(1);
  pool.take(1);
  pool.take(10000);
  CHECK(pool.freeBytes() == 1024 + 16384);
  pool.trim();
  CHECK(pool.freeBytes() == 0);
  CHECK(pool.lentBytes() == 1024);
}
