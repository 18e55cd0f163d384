//! Key files: 0600, whole or not there.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use zeroize::Zeroizing;

use super::{Key, KeyError};
use crate::secret::Secret;

/// More than a key file has.
const LIMIT: u64 = 1024;

/// The key in `path`.
pub(super) fn read(path: &Path) -> Result<Key, KeyError> {
    let failed = |source: io::Error| match source.kind() {
        ErrorKind::NotFound => KeyError::NoFile(path.to_owned()),
        _ => KeyError::File { path: path.to_owned(), source },
    };
    let file = File::open(path).map_err(failed)?;
    // Of the file that is open, and not of what has that name by now.
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(failed(ErrorKind::IsADirectory.into()));
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Open { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LIMIT).read_to_string(&mut text).map_err(failed)?;
    let text = Secret::from(std::mem::take(&mut *text));
    Key::from_text(&text).map_err(|source| KeyError::Text { from: path.display().to_string(), source })
}

/// The key in `path`, made if there is none. Of several that make it at once one wins, and all get its key.
pub(super) fn read_or_make(path: &Path) -> Result<Key, KeyError> {
    match read(path) {
        Err(KeyError::NoFile(_)) => make(path).map_err(|source| KeyError::File { path: path.to_owned(), source })?,
        there => return there,
    }
    read(path)
}

fn make(path: &Path) -> io::Result<()> {
    let key = Key::generate().map_err(io::Error::other)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Under another name until it is on the disk: half a key is none. A temporary file is readable by its owner only.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(key.to_text().expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => File::open(folder)?.sync_all(),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error),
    }
}
