//! A place in the bytes of a page, and the tokens that both line formats share.
//!
//! Prometheus' lexers pass over NUL bytes within values and texts but take them for the end anywhere else; [`Nul`] says which it is.

/// Why an entry could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It does not end within the bytes at hand.
    More,
    /// The page ends here.
    End,
    /// It breaks the format.
    Bad(String),
}

impl From<&str> for Stop {
    fn from(reason: &str) -> Self {
        Self::Bad(reason.to_owned())
    }
}

/// What a NUL byte is at this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nul {
    /// A byte like any other, which no token begins with.
    Byte,
    /// Nothing: it is passed over.
    Nothing,
}

/// A place in the bytes of a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Cursor<'a> {
    /// The byte at this place.
    pub(crate) fn peek(&self) -> Result<u8, Stop> {
        self.bytes.get(self.at).copied().ok_or(Stop::More)
    }

    /// Goes on by one byte.
    pub(crate) fn step(&mut self, nul: Nul) {
        self.at += 1;
        while nul == Nul::Nothing && self.bytes.get(self.at) == Some(&0) {
            self.at += 1;
        }
    }

    /// Goes on if this byte stands here.
    pub(crate) fn eat(&mut self, wanted: u8) -> Result<bool, Stop> {
        let found = self.peek()? == wanted;
        self.at += usize::from(found);
        Ok(found)
    }

    /// Passes over spaces and tabs.
    pub(crate) fn skip_space(&mut self, nul: Nul) -> Result<(), Stop> {
        while matches!(self.peek()?, b' ' | b'\t') {
            self.step(nul);
        }
        Ok(())
    }

    /// The bytes from a place up to this one.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// The bytes up to the first that does not fit; at least one byte must follow them.
    pub(crate) fn take_while(&mut self, fits: impl Fn(u8) -> bool) -> Result<&'a [u8], Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| !fits(*byte)).ok_or(Stop::More)?;
        self.at += length;
        Ok(rest.get(..length).unwrap_or_default())
    }

    /// A quoted text; gives what stands between the quotes, as it is. `otherwise` is told when there is none or it breaks off.
    pub(crate) fn quoted(&mut self, nul: Nul, line_feeds: bool, otherwise: &str) -> Result<&'a [u8], Stop> {
        let start = self.at + 1;
        if self.peek()? != b'"' {
            return Err(otherwise.into());
        }
        self.step(nul);
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let plain = memchr::memchr3(b'"', b'\\', 0, rest);
            if !line_feeds && rest.get(..plain.unwrap_or(rest.len())).is_some_and(|plain| plain.contains(&b'\n')) {
                return Err(otherwise.into());
            }
            self.at += plain.ok_or(Stop::More)?;
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    self.step(nul);
                    if matches!(self.peek()?, 0 | b'\n') {
                        return Err(otherwise.into());
                    }
                }
                _ if nul == Nul::Byte => return Err(otherwise.into()),
                _ => {}
            }
            self.step(nul);
        }
        self.step(nul);
        // NUL bytes behind the closing quote count as part of the text, which loses its last byte. A byte must follow to know.
        self.peek()?;
        Ok(self.bytes.get(start..self.at - 1).unwrap_or_default())
    }

    /// The name of a metric without quotes; empty if none stands here.
    pub(crate) fn metric_name(&mut self) -> Result<&'a [u8], Stop> {
        if self.peek()?.is_ascii_digit() { Ok(&[]) } else { self.take_while(is_metric_name) }
    }

    /// Reads this word, letter by letter.
    pub(crate) fn word(&mut self, word: &[u8], nul: Nul) -> Result<bool, Stop> {
        for letter in word {
            if self.peek()? != *letter {
                return Ok(false);
            }
            self.step(nul);
        }
        Ok(true)
    }
}

/// Of every byte, whether names of labels may have it: a look-up costs less than comparisons.
static NAMES: [bool; 256] = {
    let mut names = [false; 256];
    let mut byte = 0;
    while byte < names.len() {
        names[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    names
};

/// Whether the name of a label may have this byte.
pub(crate) fn is_name(byte: u8) -> bool {
    NAMES[usize::from(byte)]
}

/// Whether the name of a metric may have this byte.
pub(crate) fn is_metric_name(byte: u8) -> bool {
    is_name(byte) || byte == b':'
}
