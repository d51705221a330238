//! Headers: built, parsed, forged, and what an opener makes of them.

use shm_ring_outsider::{FIELDS, HEADER, Header, Rule, wild_headers};

fn all() -> [Header; 5] {
    [
        Header::values(1, 1, 1).labelled("one byte"),
        Header::values(24, 8, 3),
        Header::messages(64, 1000),
        Header::latest(300, 4),
        Header::latest(4096, 4096).labelled("é"),
    ]
}

#[test]
fn what_is_built_is_possible_and_parses_to_itself() {
    for header in all() {
        header.possible().unwrap();
        assert_eq!(Header::parse(&header.to_bytes()), header);
        header.opens(&header, header.region_bytes()).unwrap();
    }
    let bytes = Header::messages(64, 1000).to_bytes();
    assert_eq!(bytes[..8], *b"shm-ring");
    assert_eq!(bytes[8..24], [2, 0, 0, 0, 0, 1, 0, 0, 4, 3, 2, 1, 8, 0, 0, 0]);
    assert_eq!(bytes[28..48], [2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes[160..168], 1000_u64.to_le_bytes());
    let mut end = 0_usize;
    for field in FIELDS {
        assert_eq!(field.at, end.next_multiple_of(field.bytes.min(8)), "{}", field.name);
        end = field.at + field.bytes;
    }
    assert_eq!(end, HEADER);
}

#[test]
fn numbers_that_cannot_be_are_refused() {
    let [values, _, messages, latest, _] = all();
    let refuse = |header: Header| {
        let violation = header.possible().expect_err("impossible");
        assert_eq!(violation.rule, Rule::Header, "{violation}");
    };
    let three = Header::values(24, 8, 3);
    for limit in [0, 25, 8192 * 24] {
        refuse(Header { limit, ..three });
    }
    for capacity in [0, 2048, 4096 + 8, 1 << 45] {
        refuse(Header { capacity, ..three });
    }
    for item_align in [0, 3, 16, 1 << 13] {
        refuse(Header { item_align, ..three });
    }
    refuse(Header { item_size: 0, limit: 0, ..values });
    refuse(Header { item_size: (1 << 32) - 15, ..latest });
    refuse(Header { item_size: 2, ..messages });
    refuse(Header { limit: 63, ..messages });
    refuse(Header { limit: messages.capacity + 64, ..messages });
    refuse(Header { limit: latest.capacity / 2, ..latest });
    // Three slots or fewer.
    refuse(Header { item_size: latest.capacity / 2, ..latest });
    refuse(Header { record_kind: 4, ..values });
    refuse(Header { version: 1, ..values });
    let mut label = [0; 64];
    label[1] = b'x';
    refuse(Header { label, ..values });
    label[0] = 0xff;
    refuse(Header { label, ..values });
    Header { label: [b'x'; 64], ..values }.possible().unwrap();
}

#[test]
fn an_opener_takes_what_it_expects_and_no_other() {
    for header in all() {
        let bytes = header.region_bytes();
        for wrong in [0, bytes - 1, bytes + 1] {
            assert_eq!(header.opens(&header, wrong).unwrap_err().rule, Rule::Length);
        }
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        for (field, forged) in wild_headers(&header) {
            match forged.opens(&header, forged.region_bytes()) {
                Ok(()) => taken.push(field),
                Err(violation) => refused.push((field, violation.rule)),
            }
        }
        for field in ["created", "id", "reserved"] {
            assert!(taken.contains(&field) && !refused.iter().any(|(name, _)| *name == field));
        }
        for field in ["magic", "version", "page", "record kind", "item size", "label"] {
            assert!(!taken.contains(&field) && refused.contains(&(field, Rule::Mismatch)));
        }
        for field in ["header length", "data offset", "limit", "capacity"] {
            assert!(refused.contains(&(field, Rule::Header)), "{field}");
        }
    }
    // Another limit and another capacity are the creator's business.
    let wanted = Header::values(8, 8, 512);
    let other = Header::values(8, 8, 5000);
    other.opens(&wanted, other.region_bytes()).unwrap();
}
