//! A stream of bytes as the TLS records in it, and what a meddler does to one of them.

use std::collections::VecDeque;

/// In which direction bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToDevice,
    ToServer,
}

/// Where in a record a bit is turned over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    /// The content type.
    Type,
    /// The upper byte of the version.
    Version,
    /// The lower byte of the length: the record's end moves.
    Length,
    /// The first byte of what is in the record.
    First,
    Middle,
    Last,
}

/// What is done to one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Flip(Spot),
    /// It comes after the next one.
    Swap,
    /// It comes twice.
    Twice,
    /// The record this many before it comes once more behind it.
    Again(usize),
    /// Half of it comes, and then the end.
    Cut,
    /// It does not come.
    Drop,
    /// These bytes come before it.
    Inject(&'static [u8]),
    /// It goes back to whoever sent it.
    Reflect,
}

/// What becomes of a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    On(Vec<u8>),
    Back(Vec<u8>),
    Close,
}

/// Cuts a stream into TLS records.
#[derive(Debug, Default)]
pub(crate) struct Records(VecDeque<u8>);

impl Records {
    const HEADER: usize = 5;

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }

    /// The next whole record.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        let length = Self::HEADER + usize::from(u16::from_be_bytes([*self.0.get(3)?, *self.0.get(4)?]));
        (self.0.len() >= length).then(|| self.0.drain(..length).collect())
    }
}

/// Does one thing to one record of a run, or to all from one on, and lets the others pass.
#[derive(Debug)]
pub(crate) struct Hands {
    trick: Option<(Way, usize, What)>,
    /// Whether it is done to every record from then on.
    ever: bool,
    /// How many records went each way so far.
    pub(crate) count: [usize; 2],
    past: Vec<Vec<u8>>,
    held: Option<Vec<u8>>,
    /// Whether it was done.
    pub(crate) done: bool,
}

impl Hands {
    pub(crate) fn new(trick: Option<(Way, usize, What)>, ever: bool) -> Self {
        Self { trick, ever, count: [0; 2], past: Vec::new(), held: None, done: false }
    }

    pub(crate) fn pass(&mut self, way: Way, record: Vec<u8>) -> Vec<Step> {
        let number = self.count[way as usize];
        self.count[way as usize] += 1;
        let Some((_, at, what)) = self.trick.filter(|(of, ..)| *of == way) else { return vec![Step::On(record)] };
        self.past.push(record.clone());
        if let Some(held) = self.held.take() {
            return vec![Step::On(record), Step::On(held)];
        }
        if number < at || (number > at && !self.ever) {
            return vec![Step::On(record)];
        }
        self.done = true;
        match what {
            What::Flip(spot) => vec![Step::On(flipped(record, spot))],
            What::Swap => {
                self.held = Some(record);
                Vec::new()
            }
            What::Twice => vec![Step::On(record.clone()), Step::On(record)],
            What::Again(back) => {
                let earlier = self.past.get(number.saturating_sub(back)).cloned().unwrap_or_default();
                vec![Step::On(record), Step::On(earlier)]
            }
            What::Cut => vec![Step::On(record[..record.len() / 2].to_vec()), Step::Close],
            What::Drop => Vec::new(),
            What::Inject(bytes) => vec![Step::On(bytes.to_vec()), Step::On(record)],
            What::Reflect => vec![Step::Back(record)],
        }
    }
}

fn flipped(mut record: Vec<u8>, spot: Spot) -> Vec<u8> {
    let last = record.len() - 1;
    let at = match spot {
        Spot::Type => 0,
        Spot::Version => 1,
        Spot::Length => 4,
        Spot::First => Records::HEADER.min(last),
        Spot::Middle => (Records::HEADER + last) / 2,
        Spot::Last => last,
    };
    record[at] ^= 1;
    record
}

#[test]
fn records_come_out_whole_however_their_bytes_arrive() {
    let wire = [&[22, 3, 3, 0, 2, 1, 2][..], &[23, 3, 3, 0, 0], &[21, 3, 3, 0, 1, 9]];
    let mut records = Records::default();
    let mut found = Vec::new();
    for byte in wire.concat() {
        records.push(&[byte]);
        found.extend(records.next());
    }
    assert_eq!(found, wire);
}
