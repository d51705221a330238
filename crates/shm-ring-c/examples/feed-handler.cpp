// A feed handler: quotes of many instruments come in bursts through a ring; the handler takes what is there in place, keeps
// the best prices, and publishes the book of the most active instrument as a latest value.
//
//     feed-handler feed COUNT     publishes COUNT quotes, in bursts
//     feed-handler handle         handles them until the feed closes, and prints what it saw
//     feed-handler watch          prints the newest top of the book, from a third process
//
// Kill the feed or the handler (kill -9) and start it again: quotes that the handler had not released come again, and a
// quote carries its number, so that it is counted once.
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <shm_ring.hpp>

namespace {

struct quote {
    std::uint64_t number;
    std::uint64_t sent_ns; // Of shmr_clock_ns, which all processes share.
    std::uint32_t instrument;
    std::uint32_t is_ask;
    std::int64_t price;
};

struct top {
    std::uint64_t number;
    std::int64_t bid;
    std::int64_t ask;
};

constexpr std::uint32_t instruments = 16;

shmr::options quotes() {
    shmr::options chosen;
    chosen.items = 4096;
    chosen.label = "quotes v1";
    return chosen;
}

shmr::options tops() {
    shmr::options chosen;
    chosen.label = "top of the book v1";
    return chosen;
}

std::size_t must(shmr::result result) {
    if (!result) {
        std::fprintf(stderr, "%s\n", result.text());
        std::exit(1);
    }
    return result.count();
}

quote quote_of(std::uint64_t number) {
    const std::uint32_t is_ask = number & 1;
    const auto noise = static_cast<std::int64_t>(number * 2654435761u % 97);
    const std::int64_t price = is_ask ? 10'100 + noise : 10'000 - noise;
    return {number, shmr_clock_ns(), static_cast<std::uint32_t>(number / 2 % instruments), is_ask, price};
}

void feed(const char *name, std::uint64_t count) {
    shmr::producer<quote> tx;
    must(tx.open_or_create(shmr_named(name), quotes()));
    // The position goes on across attachments: it is the number of the next quote.
    std::uint64_t position = 0;
    must(tx.position(position));
    std::uint64_t number = position / sizeof(quote);
    while (number < count) {
        auto burst = tx.reserve(64);
        must(burst.why());
        std::size_t made = 0;
        for (quote &one : burst) {
            if (number == count) break;
            one = quote_of(number++);
            made++;
        }
        must(burst.commit(made)); // All of it at once.
    }
}

void handle(const char *name, const char *book) {
    shmr::consumer<quote> rx;
    must(rx.open_or_create(shmr_named(name), quotes()));
    shmr::latest_writer<top> out;
    must(out.open_or_create(shmr_named(book), tops()));
    top best{0, 0, INT64_MAX};
    std::uint64_t handled = 0, slowest_ns = 0;
    for (;;) {
        auto burst = rx.peek(256);
        if (burst.why() == SHMR_CLOSED) break;
        if (burst.why() == SHMR_PEER_DEAD) {
            std::puts("the feed died; start it again");
            std::fflush(stdout);
            shmr_peer peer;
            must(rx.wait_for_peer(shmr::forever, peer));
            continue;
        }
        must(burst.why());
        const std::uint64_t now = shmr_clock_ns();
        for (const quote &shared : burst) {
            const quote one = shared; // Once: what is checked is what is used.
            if (now > one.sent_ns && now - one.sent_ns > slowest_ns) slowest_ns = now - one.sent_ns;
            if (one.instrument != 0) continue;
            best.number = one.number;
            if (one.is_ask ? one.price < best.ask : one.price > best.bid) (one.is_ask ? best.ask : best.bid) = one.price;
        }
        must(out.write(best));
        handled += burst.size();
        must(burst.release(burst.size()));
    }
    must(out.notify());
    std::printf("%" PRIu64 " quotes, best %" PRId64 " / %" PRId64 "\n", handled, best.bid, best.ask);
    std::fprintf(stderr, "the slowest took %" PRIu64 " us\n", slowest_ns / 1000);
}

void watch(const char *book) {
    shmr::latest_reader<top> in;
    must(in.open(shmr_named(book), tops()));
    top best{};
    must(in.read(best));
    std::printf("quote %" PRIu64 ": %" PRId64 " / %" PRId64 "\n", best.number, best.bid, best.ask);
}

} // namespace

int main(int argc, char **argv) {
    const std::string_view job = argc > 1 ? argv[1] : "";
    const char *name = argc > 3 ? argv[3] : "/shm-ring-quotes";
    const std::string book = std::string(name) + "-book";
    if (job == "feed") feed(name, argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000);
    else if (job == "handle") handle(name, book.c_str());
    else if (job == "watch") watch(book.c_str());
    else {
        std::fprintf(stderr, "say what to do: feed, handle or watch\n");
        return 1;
    }
    return 0;
}
