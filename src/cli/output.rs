//! What a command prints.

use std::io::{self, Write};

use anstyle::Style;
use serde::Serialize;

/// For whom a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Text for a person.
    People,
    /// One JSON value a line, for a machine.
    Json,
}

/// Where a command prints its result: a writer that takes styles away where they do not belong.
pub struct Output<'a> {
    form: Form,
    to: &'a mut dyn Write,
}

pub(super) const HEADING: Style = Style::new().bold();
pub(super) const DIMMED: Style = Style::new().dimmed();

impl<'a> Output<'a> {
    /// An output in that form.
    pub fn new(form: Form, to: &'a mut dyn Write) -> Self {
        Self { form, to }
    }

    /// For whom it is.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// One value as a line of JSON.
    pub(super) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut *self.to, value)?;
        self.to.write_all(b"\n")
    }

    /// `value` for machines, what `people` writes for people.
    pub(super) fn either(
        &mut self,
        value: &impl Serialize,
        people: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        match self.form {
            Form::Json => self.json(value),
            Form::People => people(self.to),
        }
    }

    /// The writer, for text.
    pub(super) fn text(&mut self) -> &mut dyn Write {
        self.to
    }
}

/// `name  value`, the names below one another.
pub(super) fn row(to: &mut dyn Write, name: &str, value: impl std::fmt::Display) -> io::Result<()> {
    writeln!(to, "  {DIMMED}{name:<15}{DIMMED:#} {value}")
}
