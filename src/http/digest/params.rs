//! The grammar of authentication headers, read as loosely as the firmware writes it.

/// One scheme with its parameters, names in lower case, values unquoted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scheme {
    pub(super) name: String,
    params: Vec<(String, String)>,
}

impl Scheme {
    /// The value of a parameter that stands there once.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter stands there twice, so that two readers could take it differently.
    pub(super) fn repeats_a_parameter(&self) -> bool {
        let earlier = |at: usize, name: &String| self.params.iter().take(at).any(|(n, _)| n == name);
        self.params.iter().enumerate().any(|(at, (name, _))| earlier(at, name))
    }
}

/// The schemes of one header value. White space and commas may stand anywhere between tokens; `None` when a quote is
/// not closed or a parameter belongs to no scheme.
pub(super) fn parse(value: &str) -> Option<Vec<Scheme>> {
    let mut schemes: Vec<Scheme> = Vec::new();
    let mut rest = value;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(schemes);
        }
        let (name, after) = rest.split_at(rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len()));
        match after.trim_start_matches([' ', '\t']).strip_prefix('=') {
            Some(after) => {
                let (value, after) = read_value(after.trim_start_matches([' ', '\t']))?;
                schemes.last_mut()?.params.push((name.to_ascii_lowercase(), value));
                rest = after;
            }
            None => {
                schemes.push(Scheme { name: name.to_owned(), params: Vec::new() });
                rest = after;
            }
        }
    }
}

/// A quoted string or a bare token, and what follows it.
fn read_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_at(text.find([' ', '\t', ',']).unwrap_or(text.len()));
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(chars.next()?),
            c => value.push(c),
        }
    }
}

/// `value` as a quoted string.
pub(super) fn quote(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
