// shm_ring.hpp - classes over shm_ring.h, for C++17. Header only, without exceptions.
//
// shm_ring.h says what each call does. Here:
//
// - A class owns its handle, closes it at the end, and can be moved. A moved-from or never opened one answers SHMR_HANDLE.
// - A result is true if the call succeeded, holds its count or length, and has the words to an error.
// - A view or a reservation that ends publishes and releases only what it was asked to.
//
//     shmr::producer<tick> tx;
//     if (auto opened = tx.open_or_create(shmr_named("/ticks"), {.items = 4096}); !opened)   // C++20; or shmr::options
//         return complain(opened.text());
//     tx.push({1, 100});
#ifndef SHM_RING_HPP
#define SHM_RING_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "shm_ring.h"

namespace shmr {

// What a call answered.
class [[nodiscard]] result {
  public:
    constexpr result(std::int64_t answer) noexcept : answer_(answer) {}
    constexpr explicit operator bool() const noexcept { return answer_ >= 0; }
    // The count or length; 0 after an error.
    constexpr std::size_t count() const noexcept { return answer_ < 0 ? 0 : static_cast<std::size_t>(answer_); }
    // SHMR_OK or an error.
    constexpr int code() const noexcept { return answer_ < 0 ? static_cast<int>(answer_) : SHMR_OK; }
    // The words to it: right after the call, on its thread.
    const char *text() const noexcept { return shmr_text(answer_); }
    friend constexpr bool operator==(result one, int code) noexcept { return one.code() == code; }
    friend constexpr bool operator!=(result one, int code) noexcept { return one.code() != code; }

  private:
    std::int64_t answer_;
};

// A time-out: shmr::forever, shmr::never (it does not wait), or any std::chrono duration.
class timeout {
  public:
    constexpr explicit timeout(std::int64_t nanoseconds) noexcept : nanoseconds_(nanoseconds) {}
    template <class Rep, class Period>
    constexpr timeout(std::chrono::duration<Rep, Period> time) noexcept : nanoseconds_(of(time)) {}
    constexpr std::int64_t nanoseconds() const noexcept { return nanoseconds_; }

  private:
    template <class Rep, class Period>
    static constexpr std::int64_t of(std::chrono::duration<Rep, Period> time) noexcept {
        using long_nanoseconds = std::chrono::duration<long double, std::nano>;
        const long double asked = long_nanoseconds(time).count();
        if (asked <= 0) return SHMR_TRY;
        return asked >= 9.2e18L ? INT64_MAX : static_cast<std::int64_t>(asked);
    }
    std::int64_t nanoseconds_;
};

inline constexpr timeout forever{SHMR_FOREVER};
inline constexpr timeout never{SHMR_TRY};

// shmr_options without what the classes fill in. Zeros are the defaults.
struct options {
    std::size_t items = 0;
    std::size_t bytes = 0;
    std::size_t history = 0;
    std::size_t max_capacity = 0;
    std::uint64_t schema = 0;
    const char *label = nullptr;
    std::uint32_t mode = 0;
    std::uint32_t group = 0;
    std::uint32_t flags = 0;
    std::uint32_t wait = SHMR_WAIT_BALANCED;
    std::uint32_t spins = 0;
    std::uint32_t yields = 0;
    std::uint64_t spin_for_ns = 0;
    std::uint64_t attach_timeout_ns = 0;
    std::size_t message_align = 0;

    shmr_options filled(std::size_t item_size, std::size_t align) const noexcept {
        shmr_options all{};
        all.size = sizeof all;
        all.item_size = item_size;
        all.align = align;
        all.schema = schema;
        all.items = items;
        all.bytes = bytes;
        all.history = history;
        all.max_capacity = max_capacity;
        all.label = label;
        all.mode = mode;
        all.group = group;
        all.flags = flags;
        all.wait = wait;
        all.spins = spins;
        all.yields = yields;
        all.spin_for_ns = spin_for_ns;
        all.attach_timeout_ns = attach_timeout_ns;
        return all;
    }
};

namespace detail {

template <class Handle, int (*Close)(Handle *)> class owned {
  public:
    owned() noexcept = default;
    owned(owned &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    owned &operator=(owned &&other) noexcept {
        if (this != &other) {
            close();
            handle_ = std::exchange(other.handle_, nullptr);
        }
        return *this;
    }
    ~owned() { close(); }

    // Closes in order; the end does the same.
    void close() noexcept { (void)Close(std::exchange(handle_, nullptr)); }
    // The handle, for the calls that have no member here.
    Handle *get() const noexcept { return handle_; }
    explicit operator bool() const noexcept { return handle_ != nullptr; }

  protected:
    template <class Make> result become(Make make) noexcept {
        close();
        return make(&handle_);
    }

  private:
    Handle *handle_ = nullptr;
};

// What may cross: any bytes that can be copied. No pointers, and better no padding.
template <class T> constexpr void check() noexcept {
    static_assert(std::is_trivially_copyable_v<T>, "a value crosses as bytes");
    static_assert(!std::is_pointer_v<T>, "an address means nothing in another process");
}

template <class T> shmr_options of_values(const options &chosen) noexcept {
    check<T>();
    return chosen.filled(sizeof(T), alignof(T));
}

inline shmr_options of_messages(const options &chosen) noexcept { return chosen.filled(0, chosen.message_align); }

// What both ends have.
class any_producer : public owned<shmr_producer, shmr_producer_close> {
  public:
    result peer(shmr_peer &out) const noexcept { return shmr_producer_peer(get(), &out); }
    result wait_for_peer(timeout time, shmr_peer &out) noexcept {
        return shmr_producer_wait_for_peer(get(), time.nanoseconds(), &out);
    }
    result wait_for_end(timeout time, shmr_peer &out) noexcept {
        return shmr_producer_wait_for_end(get(), time.nanoseconds(), &out);
    }
    result stats(shmr_stats &out) const noexcept { return shmr_producer_stats(get(), &out); }
    result position(std::uint64_t &out) const noexcept { return shmr_producer_position(get(), &out); }
    result capacity() const noexcept { return shmr_producer_capacity(get()); }
    result room() const noexcept { return shmr_room(get()); }
    shmr_end end() const noexcept { return {get(), nullptr, 0, 0}; }
};

class any_consumer : public owned<shmr_consumer, shmr_consumer_close> {
  public:
    result peer(shmr_peer &out) const noexcept { return shmr_consumer_peer(get(), &out); }
    result wait_for_peer(timeout time, shmr_peer &out) noexcept {
        return shmr_consumer_wait_for_peer(get(), time.nanoseconds(), &out);
    }
    result wait_for_end(timeout time, shmr_peer &out) noexcept {
        return shmr_consumer_wait_for_end(get(), time.nanoseconds(), &out);
    }
    result stats(shmr_stats &out) const noexcept { return shmr_consumer_stats(get(), &out); }
    result position(std::uint64_t &out) const noexcept { return shmr_consumer_position(get(), &out); }
    result release_to(std::uint64_t position) noexcept { return shmr_release_to(get(), position); }
    result skip_unread() noexcept { return shmr_skip_unread(get()); }
    result capacity() const noexcept { return shmr_consumer_capacity(get()); }
    result unread() const noexcept { return shmr_unread(get()); }
    shmr_end end() const noexcept { return {nullptr, get(), 0, 0}; }
};

// Something that is lent, and given back when this ends.
template <class Handle> class loan {
  public:
    loan() noexcept = default;
    loan(loan &&other) noexcept : from_(std::exchange(other.from_, nullptr)), answer_(other.answer_) {}
    loan &operator=(loan &&) = delete;
    // Whether there is something, and if not, why.
    explicit operator bool() const noexcept { return static_cast<bool>(answer_); }
    result why() const noexcept { return answer_; }

  protected:
    loan(Handle *from, result answer) noexcept : from_(answer ? from : nullptr), answer_(answer) {}
    Handle *from_ = nullptr;
    result answer_ = SHMR_NOT_LENT;
};

} // namespace detail

// Room for values in the ring itself.
template <class T> class reservation : public detail::loan<shmr_producer> {
  public:
    reservation(shmr_producer *from, result answer, void *data, std::size_t size) noexcept
        : loan(from, answer), data_(static_cast<T *>(data)), size_(answer ? size : 0) {}
    reservation(reservation &&) noexcept = default;
    ~reservation() {
        if (from_) (void)shmr_cancel(from_);
    }
    T *data() noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    T &operator[](std::size_t index) noexcept { return data_[index]; }
    T *begin() noexcept { return data_; }
    T *end() noexcept { return data_ + size_; }
    // Publishes the first `count` values; of a message, the first `count` bytes.
    result commit(std::size_t count) noexcept { return shmr_commit(std::exchange(from_, nullptr), count); }

  private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};

// Values that are still in the ring.
template <class T> class view : public detail::loan<shmr_consumer> {
  public:
    view(shmr_consumer *from, result answer, const void *data) noexcept
        : loan(answer.count() > 0 ? from : nullptr, answer), data_(static_cast<const T *>(data)), size_(answer.count()) {}
    view(view &&) noexcept = default;
    ~view() {
        if (from_) (void)shmr_release(from_, 0);
    }
    const T *data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    const T &operator[](std::size_t index) const noexcept { return data_[index]; }
    const T *begin() const noexcept { return data_; }
    const T *end() const noexcept { return data_ + size_; }
    // Gives back the room of the first `count`; the others stay unread.
    result release(std::size_t count) noexcept { return shmr_release(std::exchange(from_, nullptr), count); }

  private:
    const T *data_ = nullptr;
    std::size_t size_ = 0;
};

// Publishes values of type T.
template <class T> class producer : public detail::any_producer {
  public:
    result create(shmr_place place, const options &chosen = {}) noexcept {
        const auto all = detail::of_values<T>(chosen);
        return become([&](shmr_producer **out) { return shmr_producer_create(place, &all, out); });
    }
    result open(shmr_place place, const options &chosen = {}) noexcept {
        const auto all = detail::of_values<T>(chosen);
        return become([&](shmr_producer **out) { return shmr_producer_open(place, &all, out); });
    }
    result open_or_create(shmr_place place, const options &chosen = {}) noexcept {
        const auto all = detail::of_values<T>(chosen);
        return become([&](shmr_producer **out) { return shmr_producer_open_or_create(place, &all, out); });
    }
    result of(shmr_ring *ring) noexcept {
        return become([&](shmr_producer **out) { return shmr_ring_producer(ring, out); });
    }
    result push(const T &value, timeout time = forever) noexcept {
        return shmr_push(get(), &value, sizeof value, time.nanoseconds());
    }
    result push(const T *values, std::size_t count, timeout time = forever) noexcept {
        return shmr_push_values(get(), values, count, time.nanoseconds());
    }
    reservation<T> reserve(std::size_t count, timeout time = forever) noexcept {
        void *data = nullptr;
        const result answer = shmr_reserve(get(), count, &data, time.nanoseconds());
        return reservation<T>(get(), answer, data, count);
    }
};

// Reads values of type T.
template <class T> class consumer : public detail::any_consumer {
  public:
    result create(shmr_place place, const options &chosen = {}) noexcept {
        const auto all = detail::of_values<T>(chosen);
        return become([&](shmr_consumer **out) { return shmr_consumer_create(place, &all, out); });
    }
    result open(shmr_place place, const options &chosen = {}) noexcept {
        const auto all = detail::of_values<T>(chosen);
        return become([&](shmr_consumer **out) { return shmr_consumer_open(place, &all, out); });
    }
    result open_or_create(shmr_place place, const options &chosen = {}) noexcept {
        const auto all = detail::of_values<T>(chosen);
        return become([&](shmr_consumer **out) { return shmr_consumer_open_or_create(place, &all, out); });
    }
    result of(shmr_ring *ring) noexcept {
        return become([&](shmr_consumer **out) { return shmr_ring_consumer(ring, out); });
    }
    result pop(T &value, timeout time = forever) noexcept {
        return shmr_pop(get(), &value, sizeof value, time.nanoseconds());
    }
    result pop(T *values, std::size_t count, timeout time = forever) noexcept {
        return shmr_pop_values(get(), values, count, time.nanoseconds());
    }
    view<T> peek(std::size_t max, timeout time = forever) noexcept {
        const void *data = nullptr;
        const result answer = shmr_peek_values(get(), &data, max, time.nanoseconds());
        return view<T>(get(), answer, data);
    }
};

// Publishes messages.
class message_producer : public detail::any_producer {
  public:
    result create(shmr_place place, const options &chosen = {}) noexcept {
        const auto all = detail::of_messages(chosen);
        return become([&](shmr_producer **out) { return shmr_producer_create(place, &all, out); });
    }
    result open(shmr_place place, const options &chosen = {}) noexcept {
        const auto all = detail::of_messages(chosen);
        return become([&](shmr_producer **out) { return shmr_producer_open(place, &all, out); });
    }
    result open_or_create(shmr_place place, const options &chosen = {}) noexcept {
        const auto all = detail::of_messages(chosen);
        return become([&](shmr_producer **out) { return shmr_producer_open_or_create(place, &all, out); });
    }
    result push(std::string_view message, timeout time = forever) noexcept {
        return shmr_push(get(), message.data(), message.size(), time.nanoseconds());
    }
    // shmr_push_all: shmr::never or shmr::forever.
    template <std::size_t Count>
    result push_all(const std::string_view (&messages)[Count], timeout time = forever) noexcept {
        std::array<shmr_span, Count> spans;
        for (std::size_t i = 0; i < Count; i++) spans[i] = {messages[i].data(), messages[i].size()};
        return shmr_push_all(get(), spans.data(), Count, time.nanoseconds());
    }
    reservation<unsigned char> reserve(std::size_t bytes, timeout time = forever) noexcept {
        void *data = nullptr;
        const result answer = shmr_reserve(get(), bytes, &data, time.nanoseconds());
        return reservation<unsigned char>(get(), answer, data, bytes);
    }
};

// Up to Max messages that are still in the ring.
template <std::size_t Max> class message_view : public detail::loan<shmr_consumer> {
  public:
    message_view(shmr_consumer *from, result answer, const std::array<shmr_span, Max> &spans) noexcept
        : loan(answer.count() > 0 ? from : nullptr, answer), spans_(spans), size_(answer.count()) {}
    message_view(message_view &&) noexcept = default;
    ~message_view() {
        if (from_) (void)shmr_release(from_, 0);
    }
    std::size_t size() const noexcept { return size_; }
    std::string_view operator[](std::size_t index) const noexcept {
        return {static_cast<const char *>(spans_[index].data), spans_[index].len};
    }
    result release(std::size_t count) noexcept { return shmr_release(std::exchange(from_, nullptr), count); }

  private:
    std::array<shmr_span, Max> spans_;
    std::size_t size_ = 0;
};

// Reads messages.
class message_consumer : public detail::any_consumer {
  public:
    result create(shmr_place place, const options &chosen = {}) noexcept {
        const auto all = detail::of_messages(chosen);
        return become([&](shmr_consumer **out) { return shmr_consumer_create(place, &all, out); });
    }
    result open(shmr_place place, const options &chosen = {}) noexcept {
        const auto all = detail::of_messages(chosen);
        return become([&](shmr_consumer **out) { return shmr_consumer_open(place, &all, out); });
    }
    result open_or_create(shmr_place place, const options &chosen = {}) noexcept {
        const auto all = detail::of_messages(chosen);
        return become([&](shmr_consumer **out) { return shmr_consumer_open_or_create(place, &all, out); });
    }
    result pop(void *buffer, std::size_t size, timeout time = forever) noexcept {
        return shmr_pop(get(), buffer, size, time.nanoseconds());
    }
    // Into a string, which grows as needed. It is the one call here that allocates, and so may throw bad_alloc.
    result pop(std::string &message, timeout time = forever) {
        const result next = shmr_next_len(get(), time.nanoseconds());
        if (!next) return next;
        message.resize(next.count());
        const result popped = shmr_pop(get(), message.data(), message.size(), SHMR_TRY);
        if (popped) message.resize(popped.count());
        return popped;
    }
    template <std::size_t Max> message_view<Max> peek(timeout time = forever) noexcept {
        std::array<shmr_span, Max> spans{};
        const result answer = shmr_peek_messages(get(), spans.data(), Max, time.nanoseconds());
        return message_view<Max>(get(), answer, spans);
    }
};

// Writes the latest value of type T.
template <class T> class latest_writer : public detail::owned<shmr_writer, shmr_writer_close> {
  public:
    result open_or_create(shmr_place place, const options &chosen = {}) noexcept {
        const auto all = detail::of_values<T>(chosen);
        shmr_latest *latest = nullptr;
        if (const int failed = shmr_latest_open_or_create(place, &all, &latest)) return failed;
        const result attached = become([&](shmr_writer **out) { return shmr_latest_writer(latest, out); });
        (void)shmr_latest_close(latest);
        return attached;
    }
    result write(const T &value) noexcept { return shmr_write(get(), &value, sizeof value); }
    result notify() noexcept { return shmr_notify(get()); }
};

// Reads the latest value of type T.
template <class T> class latest_reader : public detail::owned<shmr_reader, shmr_reader_close> {
  public:
    result open(shmr_place place, const options &chosen = {}) noexcept {
        const auto all = detail::of_values<T>(chosen);
        shmr_latest *latest = nullptr;
        if (const int failed = shmr_latest_open(place, &all, &latest)) return failed;
        const result attached = become([&](shmr_reader **out) { return shmr_latest_reader(latest, out); });
        (void)shmr_latest_close(latest);
        return attached;
    }
    result read(T &value) noexcept { return shmr_read(get(), &value, sizeof value); }
    result read_newer(T &value, timeout time = forever) noexcept {
        return shmr_read_newer(get(), &value, sizeof value, time.nanoseconds());
    }
    result next(T &value, std::uint64_t &lost, timeout time = forever) noexcept {
        return shmr_next(get(), &value, sizeof value, time.nanoseconds(), &lost);
    }
};

// shmr_wait_any of ends: shmr::wait_any({tx.end(), rx.end()}, time).
template <std::size_t Count> result wait_any(const shmr_end (&ends)[Count], timeout time = forever) noexcept {
    return shmr_wait_any(ends, Count, time.nanoseconds());
}

// shmr_fd, shmr_arm and shmr_disarm of an end: shmr::arm(rx.end()). The count of arm() is 1 if the end has something to say.
// awaited(rx.end()) is the end as one that waits for somebody to attach to the other side.
inline int fd(const shmr_end &end) noexcept { return shmr_fd(&end); }
inline result arm(const shmr_end &end) noexcept { return shmr_arm(&end); }
inline result disarm(const shmr_end &end) noexcept { return shmr_disarm(&end); }
inline shmr_end awaited(shmr_end end) noexcept {
    end.awaits_peer = 1;
    return end;
}

} // namespace shmr

#endif
