//! Reading TOML so that every mistake is kept, with its place.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Mistake, Mistakes};

/// One file that is being read.
pub(super) struct Reader<'a> {
    file: &'a Path,
    text: &'a str,
    mistakes: RefCell<Vec<Mistake>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str) -> Self {
        Self { file, text, mistakes: RefCell::default() }
    }

    pub(super) fn mistake(&self, at: usize, message: impl fmt::Display) {
        let mistake = self.place(at).mistake(message);
        self.mistakes.borrow_mut().push(mistake);
    }

    fn place(&self, at: usize) -> Place {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }

    /// `value` if there was no mistake; without one there is always a value.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, Mistakes> {
        let mut list = self.mistakes.into_inner();
        list.sort_by_key(|mistake| (mistake.line, mistake.column));
        match value {
            Some(value) if list.is_empty() => Ok(value),
            _ => Err(Mistakes { file: self.file.to_owned(), list }),
        }
    }
}

/// Where something stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    line: usize,
    column: usize,
}

impl Place {
    pub(super) fn mistake(self, message: impl fmt::Display) -> Mistake {
        Mistake { line: self.line, column: self.column, message: message.to_string() }
    }
}

/// A table of the file.
pub(super) struct Section<'a> {
    reader: &'a Reader<'a>,
    table: &'a DeTable<'a>,
    at: usize,
    /// As it is written in a file: `[server]`.
    name: &'static str,
    /// Keys that are there under a name like theirs, of which a person has been told.
    misspelt: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// A table that may have these keys; any other is a mistake.
    pub(super) fn new(
        reader: &'a Reader<'a>,
        table: &'a DeTable<'a>,
        at: usize,
        name: &'static str,
        keys: &[&'static str],
    ) -> Self {
        let mut misspelt = Vec::new();
        for key in table.keys().filter(|key| !keys.contains(&key.get_ref().as_ref())) {
            let found = key.get_ref().as_ref();
            let message = match nearest(found, keys) {
                Some(meant) => {
                    misspelt.push(meant);
                    format!("`{found}` is no key of {name}: did you mean `{meant}`?")
                }
                None => format!("`{found}` is no key of {name}: expected {}", Listed(keys)),
            };
            reader.mistake(key.span().start, message);
        }
        Self { reader, table, at, name, misspelt }
    }

    /// What is at `key`; nothing where there is nothing.
    pub(super) fn optional(&self, key: &'static str) -> Option<Value<'a>> {
        let value = self.table.get(key)?;
        Some(Value { reader: self.reader, key, span: value.span(), value: value.get_ref() })
    }

    /// What is at `key`; it is a mistake if there is nothing. `example` is what to write then.
    pub(super) fn required(&self, key: &'static str, example: &str) -> Option<Value<'a>> {
        let value = self.optional(key);
        if value.is_none() && !self.misspelt.contains(&key) {
            self.mistake(format_args!("{} has no `{key}`: write for instance {example}", self.name));
        }
        value
    }

    /// What `read` makes of the value at `key`, or `default` where there is none; `None` after a mistake.
    pub(super) fn or<T>(&self, key: &'static str, default: T, read: impl FnOnce(Value<'a>) -> Option<T>) -> Option<T> {
        self.optional(key).map_or(Some(default), read)
    }

    /// Whether a person has been told of a key that is like a known one.
    pub(super) fn is_misspelt(&self) -> bool {
        !self.misspelt.is_empty()
    }

    /// A mistake of the table as a whole.
    pub(super) fn mistake(&self, message: impl fmt::Display) {
        self.reader.mistake(self.at, message);
    }
}

/// A value of the file.
#[derive(Clone)]
pub(super) struct Value<'a> {
    reader: &'a Reader<'a>,
    key: &'static str,
    span: Range<usize>,
    value: &'a DeValue<'a>,
}

impl<'a> Value<'a> {
    /// A mistake of this value: `message` goes on after its key.
    pub(super) fn mistake<T>(&self, message: impl fmt::Display) -> Option<T> {
        self.reader.mistake(self.span.start, format_args!("`{}` {message}", self.key));
        None
    }

    pub(super) fn place(&self) -> Place {
        self.reader.place(self.span.start)
    }

    pub(super) const fn key(&self) -> &'static str {
        self.key
    }

    // The value itself is never repeated here: it may be a password in the wrong place.
    pub(super) fn expected<T>(&self, expected: &str) -> Option<T> {
        let found = match self.value {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.mistake(format_args!("is {found}: expected {expected}"))
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        match self.value {
            DeValue::String(text) => Some(text.as_ref()),
            _ => self.expected("a text between quotes"),
        }
    }

    pub(super) fn flag(&self) -> Option<bool> {
        match self.value {
            DeValue::Boolean(flag) => Some(*flag),
            _ => self.expected("true or false, without quotes"),
        }
    }

    pub(super) fn count(&self) -> Option<usize> {
        match self.value {
            DeValue::Integer(number) if number.radix() == 10 => match number.as_str().parse() {
                Ok(count) => Some(count),
                Err(_) => self.mistake("is no count: expected a whole number from 0 on"),
            },
            _ => self.expected("a whole number"),
        }
    }

    /// A text that a type reads by itself; its error says what it expected.
    pub(super) fn parse<T: FromStr<Err: fmt::Display>>(&self) -> Option<T> {
        match self.text()?.parse() {
            Ok(value) => Some(value),
            Err(error) => self.mistake(format_args!("is wrong: {error}")),
        }
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, words: &[(&'static str, T)]) -> Option<T> {
        let found = self.text()?;
        let known: Vec<&'static str> = words.iter().map(|(word, _)| *word).collect();
        match words.iter().find(|(word, _)| *word == found) {
            Some((_, value)) => Some(*value),
            None => self.mistake(format_args!("is \"{found}\": expected {}", Quoted(&known))),
        }
    }

    /// The path of a file, as meant from the folder of the file that is being read.
    pub(super) fn path(&self) -> Option<PathBuf> {
        let text = self.text()?;
        if text.is_empty() {
            return self.mistake("is empty: expected the path of a file");
        }
        Some(self.reader.file.parent().unwrap_or(Path::new("")).join(text))
    }

    pub(super) fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    pub(super) fn section(&self, name: &'static str, keys: &[&'static str]) -> Option<Section<'a>> {
        match self.value {
            DeValue::Table(table) => Some(Section::new(self.reader, table, self.span.start, name, keys)),
            _ => self.expected(&format!("the table {name}")),
        }
    }

    /// The tables of a list such as `[[profiles]]`.
    pub(super) fn sections(&self, name: &'static str, keys: &[&'static str]) -> Option<Vec<Section<'a>>> {
        match self.value {
            DeValue::Array(_) => self.items()?.map(|item| item.section(name, keys)).collect(),
            _ => self.expected(&format!("a list of tables: write {name}")),
        }
    }

    /// The members of a list.
    pub(super) fn items(&self) -> Option<impl Iterator<Item = Value<'a>> + use<'a>> {
        let (reader, key) = (self.reader, self.key);
        match self.value {
            DeValue::Array(list) => Some(list.iter().map(move |item: &'a Spanned<DeValue<'a>>| Value {
                reader,
                key,
                span: item.span(),
                value: item.get_ref(),
            })),
            _ => self.expected("a list"),
        }
    }
}

/// The known word that `found` was probably meant to be.
fn nearest(found: &str, known: &[&'static str]) -> Option<&'static str> {
    const CLOSE: f64 = 0.8;
    let (score, word) = known
        .iter()
        .map(|word| (strsim::jaro_winkler(found, word), *word))
        .max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (score >= CLOSE).then_some(word)
}

struct Listed<'a>(&'a [&'static str]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(f, self.0, '`')
    }
}

struct Quoted<'a>(&'a [&'static str]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(f, self.0, '"')
    }
}

fn list(f: &mut fmt::Formatter<'_>, words: &[&'static str], quote: char) -> fmt::Result {
    for (number, word) in words.iter().enumerate() {
        f.write_str(match number {
            0 => "",
            _ if number + 1 == words.len() => " or ",
            _ => ", ",
        })?;
        write!(f, "{quote}{word}{quote}")?;
    }
    Ok(())
}
