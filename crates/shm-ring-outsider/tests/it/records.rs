//! Records by the numbers of LAYOUT.md, and across the end of the data area.

use shm_ring_outsider::{Header, NO_FRONT, judge, message_len, pack, page, record_header, unpack};

use crate::{payload, ring};

#[test]
fn values_of_every_size_lie_like_an_array_and_cross_the_end() {
    for (size, align) in [(1, 1), (5, 1), (8, 8), (24, 8), (56, 8), (57, 1), (300, 4)] {
        let header = Header::values(size, align, 3);
        assert_eq!((header.limit, header.unit(), header.stride(size)), (3 * size, size, size));
        // The second value crosses the end of the data, wherever the size does not divide it.
        let start = (7 * header.capacity / size - 1) * size;
        for count in 0..=3 {
            for front in [false, true] {
                let image = ring(&header, start, &vec![size as usize; count], front);
                let found = judge(&image[..], &header).unwrap_or_else(|why| panic!("{why}"));
                let wanted: Vec<_> = (0..count).map(|n| payload(n, size as usize)).collect();
                assert_eq!(found.payloads(), wanted, "{count} of {size}");
                assert_eq!((found.head, found.tail), (start, start + count as u64 * size));
                assert_eq!(found.front, front && count > 0 && size <= 56);
                for (n, record) in (0..).zip(&found.records) {
                    assert_eq!(record.position, start + n * size);
                }
            }
        }
    }
}

#[test]
fn messages_of_any_length_follow_each_other_and_cross_the_end() {
    for align in [1, 8, 64] {
        let header = Header::messages(align, 1024);
        let a = align.max(8);
        let lens = [48, 0, 1, 49, 200];
        for start in [0, page() - 3 * a, 9 * page() - a, (1 << 62) - page()] {
            let image = ring(&header, start, &lens, true);
            let found = judge(&image[..], &header).unwrap_or_else(|why| panic!("{why}"));
            assert!(!found.front, "200 bytes do not fit the front");
            let wanted: Vec<_> = lens.iter().enumerate().map(|(n, &len)| payload(n, len)).collect();
            assert_eq!(found.payloads(), wanted);
            let ends: u64 = lens.iter().map(|&len| a + (len as u64).next_multiple_of(a)).sum();
            assert_eq!(found.tail, start + ends);
        }
        for len in [0, 1, 48] {
            let found = judge(&ring(&header, 640, &[49, len], true)[..], &header);
            assert!(found.unwrap().front, "{len} bytes fit the front");
        }
    }
}

#[test]
fn the_words_are_those_of_the_specification() {
    assert_eq!(record_header(0, 5), 0x8000_0000_0000_0005);
    assert_eq!(record_header(8, 0xffff_fff0), 0x8000_0001_ffff_fff0);
    // 31 bits of the position divided by 8: they repeat after 2^34 bytes.
    assert_eq!(record_header((1 << 34) - 8, 0), 0xffff_ffff_0000_0000);
    assert_eq!(record_header(1 << 34, 7), record_header(0, 7));
    assert_eq!(message_len(record_header(64, 9), 64), Some(9));
    assert_eq!(message_len(record_header(64, 9), 72), None);
    assert_eq!(message_len(record_header(64, 9) & !(1 << 63), 64), None);
    assert_eq!((pack(24, true), pack(24, false)), (24, 24 | NO_FRONT));
    assert_eq!((unpack(24), unpack(24 | 1 << 63)), ((24, true), (24, false)));
}

#[test]
fn the_longest_message_fills_the_limit() {
    for (align, limit, longest) in
        [(8, 4096, 4088), (1, 1000, 992), (1, 1007, 992), (64, 1000, 896), (64, 64, 0), (8, 8, 0)]
    {
        let header = Header::messages(align, limit);
        assert_eq!(header.longest(), longest, "{align} and {limit}");
        assert!(header.stride(longest) <= limit && header.stride(longest + 1) > limit);
        assert!(header.may_be(longest) && !header.may_be(longest + 1));
        assert_eq!(header.longest_in(limit), Some(longest));
        assert_eq!(header.longest_in(align.max(8) - 1), None);
        assert_eq!(header.longest_in(align.max(8)), Some(0));
        let image = ring(&header, 0, &[longest as usize], true);
        assert_eq!(judge(&image[..], &header).unwrap().records.len(), 1);
    }
    assert_eq!(Header::messages(8, 1 << 40).longest(), (1 << 32) - 16);
}

#[test]
fn the_front_begins_with_the_record_header_whatever_a_is() {
    let header = Header::messages(64, 4096);
    let front = header.front_of(128, b"abc").unwrap();
    assert_eq!(front, [&record_header(128, 3).to_le_bytes()[..], b"abc"].concat());
    assert_eq!(header.front_of(128, &[0; 49]), None);
    assert_eq!(Header::values(56, 8, 1).front_of(0, &[3; 56]), Some(vec![3; 56]));
    assert_eq!(Header::values(57, 1, 1).front_of(0, &[3; 57]), None);
}
