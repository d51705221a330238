//! Small files with all that a file can hold. Owns: what is in them. Knows nothing of: what is done to them.

use shm_ring_recording::{
    Batch, BlockHead, Content, Header, Kind, Maker, ReadError, Reader, Reason,
};

/// A record as a test compares it.
pub(crate) type Seen = (u64, Vec<u8>);

pub(crate) fn header(kind: Kind) -> Header {
    let (size, align, unit) = match kind {
        Kind::Values => (12, 4, 12),
        Kind::Messages => (1, 16, 16),
        Kind::Latest => (12, 4, 32),
    };
    Header {
        kind,
        maker: Maker::Record,
        size,
        align,
        unit,
        schema: 7,
        capacity: 4096,
        limit: 1200,
        base: 2 * unit,
        created: 1,
        began: 2,
        id: 0x0123_4567_89ab_cdef_0011_2233_4455_6677,
        label: "ticks".to_owned(),
    }
}

/// A file: its bytes, where its blocks end, and its records.
pub(crate) struct File {
    pub(crate) bytes: Vec<u8>,
    pub(crate) borders: Vec<usize>,
    pub(crate) records: Vec<Seen>,
}

/// Three blocks of records, with a gap between the first two, and an end.
pub(crate) fn file(kind: Kind) -> File {
    let header = header(kind);
    let mut file = File {
        bytes: header.encode().unwrap().to_vec(),
        borders: vec![header.encode().unwrap().len()],
        records: Vec::new(),
    };
    let mut batch = Batch::new(&header);
    let mut position = header.base;
    for block in 0..3_u8 {
        batch.begin(position);
        for index in 0..=block {
            let at = batch.end();
            let payload = match kind {
                // Also an empty one.
                Kind::Messages => vec![block * 16 + index; usize::from(5 * block * index)],
                Kind::Values | Kind::Latest => vec![block * 16 + index; 12],
            };
            let room = match kind {
                Kind::Messages => batch.message(payload.len()).unwrap(),
                Kind::Values | Kind::Latest => batch.values(1).unwrap(),
            };
            room.copy_from_slice(&payload);
            file.records.push((at, payload));
        }
        position = batch.end();
        file.add(batch.seal(100 + u64::from(block)));
        if block == 0 {
            let behind = position + 3 * header.unit;
            file.add(&BlockHead::gap(position, behind, 3, 100));
            position = behind;
        }
    }
    file.add(&Reason::Stopped.at(position, 200));
    file
}

impl File {
    fn add(&mut self, block: &[u8]) {
        self.bytes.extend_from_slice(block);
        self.borders.push(self.bytes.len());
    }
}

/// What is read of a file, and why no more.
pub(crate) struct Read {
    pub(crate) records: Vec<Seen>,
    pub(crate) gaps: Vec<(u64, u64, u64)>,
    pub(crate) reason: Option<Reason>,
    pub(crate) error: Option<ReadError>,
}

pub(crate) fn read(bytes: &[u8]) -> Read {
    let mut read = Read { records: Vec::new(), gaps: Vec::new(), reason: None, error: None };
    let mut reader = match Reader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return Read { error: Some(error), ..read },
    };
    loop {
        let block = match reader.next() {
            Ok(Some(block)) => block,
            Ok(None) => break,
            Err(error) => {
                read.error = Some(error);
                break;
            }
        };
        read.reason = None;
        match block.head.content {
            Content::Records => {}
            Content::Gap => read.gaps.push((block.head.position, block.head.end, block.head.count)),
            Content::End(reason) => read.reason = Some(reason),
        }
        read.records
            .extend(block.records().map(|record| (record.position, record.payload.to_vec())));
    }
    // Nothing behind an error is read.
    assert!(reader.next().unwrap().is_none());
    read
}
