// One side of a ring in C++, for the tests: the other side is Rust. Owns: what crosses, and that it is checked.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <shm_ring.hpp>

using namespace std::chrono_literals;

struct tick {
    std::uint64_t number;
    std::uint64_t square;
};

static shmr::options of_values() {
    shmr::options chosen;
    chosen.items = 1000;
    chosen.schema = 7;
    chosen.label = "ticks";
    return chosen;
}

static shmr::options of_messages() {
    shmr::options chosen;
    chosen.bytes = 8192;
    chosen.label = "texts";
    return chosen;
}

static std::size_t must(const char *what, shmr::result result) {
    if (!result) {
        std::fprintf(stderr, "%s: %s\n", what, result.text());
        std::exit(1);
    }
    return result.count();
}

static void check(bool holds, const char *what, std::uint64_t number) {
    if (!holds) {
        std::fprintf(stderr, "%s at %ju\n", what, static_cast<std::uintmax_t>(number));
        std::exit(1);
    }
}

static tick tick_of(std::uint64_t number) { return {number, number * number}; }

static void send_values(shmr_place place, std::uint64_t end) {
    shmr::producer<tick> tx;
    must("open", tx.open_or_create(place, of_values()));
    std::uint64_t position = 0;
    must("position", tx.position(position));
    std::uint64_t number = position / sizeof(tick);
    while (number < end) {
        if (number % 3 == 0) {
            must("push", tx.push(tick_of(number)));
            number += 1;
        } else if (number % 3 == 1) {
            tick some[5];
            const std::size_t count = std::min<std::uint64_t>(end - number, 5);
            for (std::size_t i = 0; i < count; i++) some[i] = tick_of(number + i);
            number += must("push of several", tx.push(some, count, 20s));
        } else {
            auto room = tx.reserve(4);
            must("reserve", room.why());
            const std::size_t count = std::min<std::uint64_t>(end - number, 3);
            for (std::size_t i = 0; i < count; i++) room[i] = tick_of(number + i);
            must("commit", room.commit(count));
            // Given up: nothing is published.
            auto unused = tx.reserve(1);
            must("reserve", unused.why());
            number += count;
        }
    }
}

static void receive_values(shmr_place place) {
    shmr::consumer<tick> rx;
    must("open", rx.open_or_create(place, of_values()));
    std::uint64_t position = 0;
    must("position", rx.position(position));
    std::uint64_t number = position / sizeof(tick);
    for (;;) {
        shmr::result answer = SHMR_OK;
        if (number % 2 == 0) {
            tick one{};
            answer = rx.pop(one);
            if (answer) check(one.number == number && one.square == number * number, "wrong value", number);
            if (answer) number += 1;
        } else {
            auto view = rx.peek(7, 20s);
            answer = view.why();
            for (const tick &one : view) {
                check(one.number == number && one.square == number * number, "wrong value", number);
                number += 1;
            }
            if (view) must("release", view.release(view.size()));
        }
        if (answer == SHMR_CLOSED) break;
        if (answer == SHMR_PEER_DEAD) {
            shmr_peer peer;
            must("wait_for_peer", rx.wait_for_peer(20s, peer));
            continue;
        }
        must("read", answer);
    }
    std::printf("%ju values\n", static_cast<std::uintmax_t>(number));
}

static std::size_t message_of(std::uint64_t number, unsigned char *to) {
    const std::size_t len = 8 + static_cast<std::size_t>(number * 7 % 120);
    std::memcpy(to, &number, 8);
    std::memset(to + 8, static_cast<int>(number & 0xff), len - 8);
    return len;
}

static void send_messages(shmr_place place, std::uint64_t end) {
    shmr::message_producer tx;
    must("open", tx.open_or_create(place, of_messages()));
    for (std::uint64_t number = 0; number < end; number++) {
        unsigned char bytes[128];
        const std::size_t len = message_of(number, bytes);
        const std::string_view message(reinterpret_cast<const char *>(bytes), len);
        if (number % 4 == 0) {
            must("push", tx.push(message, 20s));
        } else if (number % 4 == 2) {
            const std::string_view all[] = {message};
            must("push_all", tx.push_all(all));
        } else {
            auto room = tx.reserve(128);
            must("reserve", room.why());
            std::memcpy(room.data(), bytes, len);
            must("commit", room.commit(len));
        }
    }
}

static void receive_messages(shmr_place place) {
    shmr::message_consumer rx;
    must("open", rx.open_or_create(place, of_messages()));
    std::uint64_t number = 0;
    const auto expect = [&](std::string_view message) {
        unsigned char expected[128];
        const std::size_t len = message_of(number, expected);
        check(message.size() == len && std::memcmp(message.data(), expected, len) == 0, "wrong message", number);
        number += 1;
    };
    std::string text;
    for (;;) {
        shmr::result answer = SHMR_OK;
        if (number % 2 == 0) {
            answer = rx.pop(text);
            if (answer) expect(text);
        } else {
            auto view = rx.peek<4>(20s);
            answer = view.why();
            for (std::size_t i = 0; i < view.size(); i++) expect(view[i]);
            if (view) must("release", view.release(view.size()));
        }
        if (answer == SHMR_CLOSED) break;
        must("read", answer);
    }
    std::printf("%ju messages\n", static_cast<std::uintmax_t>(number));
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    const shmr_place place = shmr_named(argv[2]);
    const std::uint64_t end = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 0;
    const std::string_view job = argv[1];
    if (job == "send-values") send_values(place, end);
    else if (job == "receive-values") receive_values(place);
    else if (job == "send-messages") send_messages(place, end);
    else if (job == "receive-messages") receive_messages(place);
    else return 2;
    return 0;
}
