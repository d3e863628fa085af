//! Layout that YAML 1.2 refuses and the reference accepts.
//!
//! YAML 1.2 wants every line of a flow collection or quoted text indented deeper than the block around it, and a space rather than a tab
//! behind a key's colon. `yaml.v3` wants neither, and JSON pasted into YAML breaks the first rule as a matter of course. [`relax`]
//! indents such lines, which changes nothing in what they mean. It is used only after a text has been refused.

/// A text with the layout mended.
pub(super) struct Relaxed {
    pub(super) text: String,
    /// By how many columns each indented line has moved.
    width: usize,
    /// Which lines were indented, from 0.
    lines: Vec<bool>,
}

impl Relaxed {
    /// The column in the original text; both count from 0, the line from 1.
    pub(super) fn column(&self, line: usize, column: usize) -> usize {
        let moved = line.checked_sub(1).and_then(|line| self.lines.get(line)).is_some_and(|moved| *moved);
        if moved { column.saturating_sub(self.width) } else { column }
    }
}

/// The deepest indentation that is mended; a text with deeper ones is not laid out by people.
const MAX_INDENT: usize = 200;

/// What the scanner is inside of.
enum State {
    /// Blocks: keys, dashes, plain texts.
    Block,
    /// A text in this kind of quotes.
    Quoted(char),
    /// A literal or folded block, whose lines are indented deeper than this.
    BlockText(usize),
}

/// Mends the layout of a text; none when there is nothing to mend.
pub(super) fn relax(text: &str) -> Option<Relaxed> {
    let indent_of = |line: &str| line.bytes().take_while(|b| *b == b' ').count();
    let width = text.lines().map(indent_of).max()? + 1;
    if width > MAX_INDENT {
        return None;
    }
    let mut scanner =
        Scanner { state: State::Block, depth: 0, indent: 0, out: String::with_capacity(text.len()), changed: false };
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        let blank = line.trim().is_empty();
        let continues = matches!(scanner.state, State::Quoted(_)) || scanner.depth > 0;
        let moved = continues && !blank;
        if moved {
            scanner.out.extend(std::iter::repeat_n(' ', width));
            scanner.changed = true;
        }
        lines.push(moved);
        if let State::BlockText(parent) = scanner.state {
            if blank || indent_of(line) > parent {
                scanner.out.push_str(line);
                continue;
            }
            scanner.state = State::Block;
        }
        scanner.line(line);
    }
    scanner.changed.then_some(Relaxed { text: scanner.out, width, lines })
}

struct Scanner {
    state: State,
    /// How many flow collections are open.
    depth: usize,
    /// The column of the innermost key or dash seen last.
    indent: usize,
    out: String,
    changed: bool,
}

impl Scanner {
    /// Copies one line and follows what it opens and closes.
    fn line(&mut self, line: &str) {
        // Whether a value may begin here: at the start of a line, behind a dash, a key or a tag.
        let mut at_start = true;
        let mut chars = line.char_indices().peekable();
        while let Some((column, c)) = chars.next() {
            let next = chars.peek().map_or('\n', |(_, next)| *next);
            let mut written = c;
            match (&self.state, c) {
                (State::Quoted('"'), '\\') => {
                    self.out.push(c);
                    written = match chars.next() {
                        Some((_, escaped)) => escaped,
                        None => continue,
                    };
                }
                (State::Quoted('\''), '\'') if next == '\'' => {
                    self.out.push(c);
                    chars.next();
                }
                (State::Quoted(quote), c) if *quote == c => self.state = State::Block,
                (State::Quoted(_) | State::BlockText(_), _) => {}
                (State::Block, '#')
                    if line.get(..column).is_none_or(|before| before.is_empty() || before.ends_with([' ', '\t'])) =>
                {
                    self.out.push_str(line.get(column..).unwrap_or_default());
                    return;
                }
                (State::Block, '"' | '\'') if at_start => self.open_quote(c, column),
                (State::Block, '[' | '{') if at_start || self.depth > 0 => (self.depth, at_start) = (self.depth + 1, true),
                (State::Block, ']' | '}') if self.depth > 0 => (self.depth, at_start) = (self.depth - 1, false),
                (State::Block, ',') if self.depth > 0 => at_start = true,
                (State::Block, '|' | '>') if at_start && self.depth == 0 => {
                    self.out.push_str(line.get(column..).unwrap_or_default());
                    self.state = State::BlockText(self.indent);
                    return;
                }
                (State::Block, ':') if next.is_whitespace() || self.depth > 0 => at_start = true,
                (State::Block, '-' | '?') if at_start && next.is_whitespace() => self.indent = column,
                (State::Block, '\t') if at_start && column > 0 => {
                    self.changed = true;
                    written = ' ';
                }
                (State::Block, ' ' | '\t' | '\r' | '\n') => {}
                (State::Block, '&' | '!') if at_start => {
                    self.out.push(c);
                    while let Some((_, c)) = chars.next_if(|(_, c)| !c.is_whitespace()) {
                        self.out.push(c);
                    }
                    continue;
                }
                (State::Block, _) if at_start => {
                    self.mark(column);
                    at_start = false;
                }
                (State::Block, _) => {}
            }
            self.out.push(written);
        }
    }

    fn open_quote(&mut self, quote: char, column: usize) {
        self.mark(column);
        self.state = State::Quoted(quote);
    }

    /// Remembers where a possible key of a block stands.
    fn mark(&mut self, column: usize) {
        if self.depth == 0 {
            self.indent = column;
        }
    }
}
